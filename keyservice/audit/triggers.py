"""The check at start-up that events cannot be changed: the database itself must refuse it."""

from sqlalchemy import text

from keyservice.audit.models import INSERT_ONLY, insert_only_ddl
from keyservice.database import db

# pg_trigger.tgtype: BEFORE (2), DELETE (8), UPDATE (16), TRUNCATE (32), for each statement (no 1).
_POSTGRESQL_KIND = 2 + 8 + 16 + 32
_POSTGRESQL = text(
    "SELECT proc.prosrc FROM pg_trigger JOIN pg_proc AS proc ON proc.oid = tgfoid WHERE tgrelid = to_regclass(:table) "
    "AND tgtype = :kind AND tgenabled IN ('O', 'A') AND tgqual IS NULL"
)
_SQLITE = text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")


class TriggersMissing(Exception):
    """The program may not start: history could be changed. The message says what to do."""


def check_triggers() -> None:
    """Look whether the database refuses every change of an event. Raises TriggersMissing when it does not.

    What stands there is compared, not only its name: a trigger that was switched off or does nothing is missing too.
    """
    open_tables = [table for table in INSERT_ONLY if not _stands(table)]
    db.session.rollback()
    if open_tables:
        raise TriggersMissing(
            f"The database would let somebody change {', '.join(open_tables)}: the triggers are missing, off or "
            "changed. A new database? Run `keyservice migrate` first. Else read 'History can be changed' in "
            "docs/operations.md."
        )


def _stands(table: str) -> bool:
    dialect = db.engine.dialect.name
    wanted = insert_only_ddl(table)[dialect]
    if dialect == "sqlite":
        return set(wanted) <= set(db.session.scalars(_SQLITE, {"table": table}))
    bodies = db.session.scalars(_POSTGRESQL, {"table": table, "kind": _POSTGRESQL_KIND}).all()
    return any(f"$${body}$$" in wanted[0] for body in bodies)
