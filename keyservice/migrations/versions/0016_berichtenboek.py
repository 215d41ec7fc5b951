"""Who asked for the berichtenboek, who holds it, and in which version."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_STATES = ("asked", "held", "refused", "withdrawn", "lapsed", "ended")
_CHECKS = {
    "status": f"status IN ({', '.join(map(repr, _STATES))})",
    "person": "(leverancier IS NULL) = (name IS NULL) AND (leverancier IS NULL) = (mailbox IS NULL)",
    "refused_with_reason": "(status = 'refused') = (refusal IS NOT NULL)",
    "decided": "status NOT IN ('held', 'refused') OR decided_by IS NOT NULL",
    "held_version": "status <> 'held' OR told_version IS NOT NULL",
    "link_of_supplier": "(status = 'held' AND leverancier IS NOT NULL) = (token_digest IS NOT NULL)",
    "link_until": "(token_digest IS NULL) = (link_until IS NULL)",
    "opened_at": "(opened_version IS NULL) = (opened_at IS NULL)",
}


def upgrade() -> None:
    op.create_table(
        "berichtenboek_copy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gemeente", sa.String(), nullable=False),
        sa.Column("leverancier", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("mailbox", sa.String(), nullable=True),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("status", sa.Enum(*_STATES, name="status", native_enum=False, length=40), nullable=False),
        sa.Column("status_since", _MOMENT, nullable=False),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("told_version", sa.Integer(), nullable=True),
        sa.Column("token_digest", sa.LargeBinary(), nullable=True),
        sa.Column("link_until", _MOMENT, nullable=True),
        sa.Column("opened_version", sa.Integer(), nullable=True),
        sa.Column("opened_at", _MOMENT, nullable=True),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_berichtenboek_copy_{name}"))
            for name, condition in _CHECKS.items()
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["account.id"], name=op.f("fk_berichtenboek_copy_asked_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name=op.f("fk_berichtenboek_copy_decided_by")),
        sa.ForeignKeyConstraint(["gemeente"], ["gemeente.code"], name=op.f("fk_berichtenboek_copy_gemeente")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_berichtenboek_copy")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_berichtenboek_copy_token_digest")),
    )
    op.create_index("ix_berichtenboek_copy_gemeente", "berichtenboek_copy", ["gemeente"])
    op.create_index("ix_berichtenboek_copy_status_status_since", "berichtenboek_copy", ["status", "status_since"])
    for name, columns, whose in (
        ("uq_berichtenboek_copy_own", ["gemeente"], "leverancier IS NULL"),
        ("uq_berichtenboek_copy_supplier", ["gemeente", "mailbox"], "leverancier IS NOT NULL"),
    ):
        where = sa.text(f"{whose} AND status IN ('asked', 'held')")
        op.create_index(name, "berichtenboek_copy", columns, unique=True, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_table("berichtenboek_copy")
