"""The tree over the events and its checkpoints, insert-only as the events are."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = {"audit_leaf": "position = NEW.position OR event = NEW.event", "audit_checkpoint": "size = NEW.size"}


def upgrade() -> None:
    op.create_table(
        "audit_leaf",
        sa.Column("position", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("event", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_leaf")),
        sa.UniqueConstraint("event", name=op.f("uq_audit_leaf_event")),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("size", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("through", _NUMBER, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_audit_checkpoint")),
    )
    for table, same in _TABLES.items():
        for statement in _insert_only(table, same)[op.get_bind().dialect.name]:
            op.execute(statement)


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP FUNCTION {table}_insert_only()")


def _insert_only(table: str, same: str) -> dict[str, list[str]]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
    return {
        "sqlite": [
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
            (
                f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "  # noqa: S608 - our own table names
                f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) {refuse}"
            ),
        ],
        "postgresql": [
            (
                f"CREATE OR REPLACE FUNCTION {table}_insert_only() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{table} is insert-only'; END $$"
            ),
            (
                f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_insert_only()"
            ),
        ],
    }
