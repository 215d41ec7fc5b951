"""A trail with a few checkpoints, and what somebody can do to it who may do everything to the database."""

from uuid import UUID

from sqlalchemy import text

from keyservice import settings
from keyservice.audit import verifier
from keyservice.audit.models import INSERT_ONLY
from keyservice.audit.sealer import seal
from keyservice.audit.verifier import Report
from keyservice.database import db
from keyservice.issuance import service
from tests.factories.aanvragen import actor
from tests.factories.issuance import held, issued


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
