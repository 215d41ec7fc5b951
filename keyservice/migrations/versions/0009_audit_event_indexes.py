"""What the search of events asks for, and the worker every half minute: events of one code, and refused ones."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_REFUSED = {
    "sqlite": """instr(canonical, CAST('"result":"refused"' AS BLOB)) > 0""",
    "postgresql": """position('"result":"refused"'::bytea in canonical) > 0""",
}


def upgrade() -> None:
    op.create_index("ix_audit_event_code_at", "audit_event", ["code", "at"])
    op.create_index(
        "ix_audit_event_refused",
        "audit_event",
        ["at"],
        sqlite_where=sa.text(_REFUSED["sqlite"]),
        postgresql_where=sa.text(_REFUSED["postgresql"]),
    )


def downgrade() -> None:
    for name in ("ix_audit_event_refused", "ix_audit_event_code_at"):
        op.drop_index(name, "audit_event")
