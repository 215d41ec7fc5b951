"""An index on what happened: the worker compares keys and roles with their events every half minute."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_audit_event_code_row", "audit_event", ["code", "row"])


def downgrade() -> None:
    op.drop_index("ix_audit_event_code_row", table_name="audit_event")
