"""The life of a key: who suspended it, warnings, the overlap of two keys, and keys of a gemeente that ended."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_BLOCKER = sa.Enum("ended", "gemeente", "duo", "program", name="blocker", native_enum=False, length=40)
_STANDS = "decided_by IS NULL OR until IS NOT NULL"


def upgrade() -> None:
    with op.batch_alter_table("sleutel", schema=None) as batch_op:
        batch_op.add_column(sa.Column("suspended_by", _BLOCKER, nullable=True))
        batch_op.add_column(sa.Column("resume_asked_by", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("resume_asked_at", _MOMENT, nullable=True))
        batch_op.add_column(sa.Column("warnings", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_foreign_key(batch_op.f("fk_sleutel_resume_asked_by"), "account", ["resume_asked_by"], ["id"])
        batch_op.create_check_constraint(
            batch_op.f("ck_sleutel_suspended_by_somebody"), "suspended_by IS NULL OR suspended_at IS NOT NULL"
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_sleutel_resume_asked_by_at"), "(resume_asked_by IS NULL) = (resume_asked_at IS NULL)"
        )
    with op.batch_alter_table("sleutel", schema=None) as batch_op:
        batch_op.alter_column("warnings", existing_type=sa.Integer(), server_default=None)

    with op.batch_alter_table("issuance", schema=None) as batch_op:
        batch_op.add_column(sa.Column("overlap_days", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("first_used_at", _MOMENT, nullable=True))
        batch_op.add_column(sa.Column("old_use_told_at", _MOMENT, nullable=True))
        batch_op.create_check_constraint(batch_op.f("ck_issuance_overlap_days"), "overlap_days BETWEEN 0 AND 30")
        batch_op.create_check_constraint(
            batch_op.f("ck_issuance_overlap_of_two_keys"), "overlap_days IS NULL OR renews_id IS NOT NULL"
        )
        batch_op.create_index(batch_op.f("ix_issuance_renews_id"), ["renews_id"])

    op.create_table(
        "succession",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gemeente", sa.String(), nullable=False),
        sa.Column("successor", sa.String(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.Column("until", _MOMENT, nullable=True),
        sa.CheckConstraint("gemeente <> successor", name=op.f("ck_succession_two_gemeenten")),
        sa.CheckConstraint("decided_by <> asked_by", name=op.f("ck_succession_two_people")),
        sa.CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name=op.f("ck_succession_decided_by_at")),
        sa.CheckConstraint("until IS NULL OR decided_by IS NOT NULL", name=op.f("ck_succession_approved_by_somebody")),
        sa.ForeignKeyConstraint(["gemeente"], ["gemeente.code"], name=op.f("fk_succession_gemeente")),
        sa.ForeignKeyConstraint(["successor"], ["gemeente.code"], name=op.f("fk_succession_successor")),
        sa.ForeignKeyConstraint(["asked_by"], ["account.id"], name=op.f("fk_succession_asked_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name=op.f("fk_succession_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_succession")),
    )
    op.create_index("ix_succession_successor", "succession", ["successor"])
    op.create_index(
        "uq_succession_gemeente",
        "succession",
        ["gemeente"],
        unique=True,
        sqlite_where=sa.text(_STANDS),
        postgresql_where=sa.text(_STANDS),
    )


def downgrade() -> None:
    op.drop_table("succession")
    with op.batch_alter_table("issuance", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_issuance_renews_id"))
        batch_op.drop_constraint(batch_op.f("ck_issuance_overlap_of_two_keys"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_issuance_overlap_days"), type_="check")
        for column in ("old_use_told_at", "first_used_at", "overlap_days"):
            batch_op.drop_column(column)
    with op.batch_alter_table("sleutel", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_sleutel_resume_asked_by_at"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_sleutel_suspended_by_somebody"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_sleutel_resume_asked_by"), type_="foreignkey")
        for column in ("warnings", "resume_asked_at", "resume_asked_by", "suspended_by"):
            batch_op.drop_column(column)
