"""The order of the worklist: all aanvragen, and the open ones, by what stands longest."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_OPEN = "(status IN ('approved', 'in_review', 'info_requested', 'submitted')) IS TRUE"
_COLUMNS = ["status_since", "id", "gemeente"]


def upgrade() -> None:
    op.create_index("ix_aanvraag_status_since_id_gemeente", "aanvraag", _COLUMNS)
    op.create_index(
        "ix_aanvraag_open", "aanvraag", _COLUMNS, sqlite_where=sa.text(_OPEN), postgresql_where=sa.text(_OPEN)
    )


def downgrade() -> None:
    for name in ("ix_aanvraag_open", "ix_aanvraag_status_since_id_gemeente"):
        op.drop_index(name, "aanvraag")
