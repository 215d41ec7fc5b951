"""The answers to messages of machines, which get the same one when they come again."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "machine_message",
        sa.Column("sleutel_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["sleutel_id"], ["sleutel.id"], name=op.f("fk_machine_message_sleutel_id")),
        sa.PrimaryKeyConstraint("sleutel_id", "name", name=op.f("pk_machine_message")),
    )
    op.create_index("ix_machine_message_at", "machine_message", ["at"])


def downgrade() -> None:
    op.drop_table("machine_message")
