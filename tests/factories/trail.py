"""A trail with a few checkpoints, and what somebody can do to it who may do everything to the database."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text

from keyservice import audit, settings
from keyservice.audit import rows, verifier
from keyservice.audit.models import INSERT_ONLY, AuditCheckpoint, AuditLeaf
from keyservice.audit.sealer import seal
from keyservice.audit.verifier import Report
from keyservice.database import db, transaction
from keyservice.integrity import state
from keyservice.issuance import service
from keyservice.kernel.actor import CLI
from tests.factories.aanvragen import actor
from tests.factories.issuance import held, issued

EVENT = audit.define("test:happen", "Er is iets gebeurd.", fields="what")


def grown() -> UUID:
    """Let people get a key, lose it and get another, with a checkpoint after each; return the first issuance."""
    settings.current().checkpoints.unlink(missing_ok=True)
    first = issued()
    seal()
    service.activate(actor("anna"), first, held(first).code)
    seal()
    second = issued("acceptatie")
    service.cancel(actor("rik"), second, "Niet meer nodig")
    seal()
    return first


def act(count: int = 1) -> None:
    """Do something that leaves an event and nothing else."""
    with transaction():
        for n in range(count):
            audit.record(EVENT, CLI, what=n)


def run(*statements: Any) -> None:
    """Do something to the database, past the program."""
    for statement in statements:
        db.session.execute(statement, execution_options={"synchronize_session": False})
    db.session.commit()
    db.session.expire_all()


def unlock() -> None:
    """Take the triggers away, as who may change the schema can."""
    statements = {
        "sqlite": [
            f"DROP TRIGGER {table}_no_{act}" for table in INSERT_ONLY for act in ("update", "delete", "replace")
        ],
        "postgresql": [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in INSERT_ONLY],
    }
    for statement in statements[db.engine.dialect.name]:
        db.session.execute(text(statement))
    db.session.commit()


def verified() -> Report:
    """Verify the trail as it is in the database now."""
    db.session.rollback()
    return verifier.verify()


def told(report: Report) -> list[str]:
    """Return what a verify found, as people read it."""
    return [f"{fault.kind}: {fault}" for fault in report.faults.kept]


def forget_the_tree() -> None:
    """Leave the events and take the tree over them away."""
    unlock()
    run(delete(AuditLeaf), delete(AuditCheckpoint))


def leaves() -> list[bytes]:
    """Return the hashes of the tree in their order."""
    return list(db.session.scalars(select(AuditLeaf.hash).order_by(AuditLeaf.position)))


def unexplained() -> list[str]:
    """Return the stored rows and values that no event led to."""
    db.session.rollback()
    with rows.snapshot() as connection:
        found = (check(connection) for check in state.CHECKS)
        return [f"{one.where}: {one.what}" for part in found for one in part]
