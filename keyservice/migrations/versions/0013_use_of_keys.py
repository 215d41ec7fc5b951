"""When and from where a key is used, and the systems that may ask about keys."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0010"
branch_labels = None
depends_on = None

_STATES = ("revoked", "expired", "suspended", "sleeping", "active")


def upgrade() -> None:
    op.create_table(
        "sleutel_use",
        sa.Column("sleutel_id", sa.Uuid(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("state", sa.Enum(*_STATES, name="state", native_enum=False, length=40), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"state IN ({', '.join(map(repr, _STATES))})", name=op.f("ck_sleutel_use_state")),
        sa.CheckConstraint("count > 0 AND first_at <= last_at", name=op.f("ck_sleutel_use_used")),
        sa.ForeignKeyConstraint(["sleutel_id"], ["sleutel.id"], name=op.f("fk_sleutel_use_sleutel_id")),
        sa.PrimaryKeyConstraint("sleutel_id", "network", "state", name=op.f("pk_sleutel_use")),
    )
    untold = sa.text("told_at IS NULL")
    op.create_index(
        "ix_sleutel_use_untold", "sleutel_use", ["sleutel_id"], sqlite_where=untold, postgresql_where=untold
    )
    op.create_table(
        "asking_system",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_asking_system_digest_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asking_system")),
        sa.UniqueConstraint("digest", name=op.f("uq_asking_system_digest")),
    )
    at_work = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_asking_system_name",
        "asking_system",
        ["name"],
        unique=True,
        sqlite_where=at_work,
        postgresql_where=at_work,
    )


def downgrade() -> None:
    op.drop_table("asking_system")
    op.drop_table("sleutel_use")
