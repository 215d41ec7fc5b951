"""Dossiers whose events are in the tree: what the tests of the bundle start from."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text

from keyservice import settings
from keyservice.aanvragen import review
from keyservice.aanvragen.service import resubmit
from keyservice.aanvragen.workflow import Step
from keyservice.audit.sealer import seal
from keyservice.database import db
from keyservice.issuance import service
from keyservice.kernel.actor import Actor
from tests.factories.aanvragen import actor, ready
from tests.factories.issuance import held

QUESTION = "Welke versie gebruikt u?"
NOTE = "Rik Fictief belt morgen nog een keer."
MOTIVATION = "Gebeld met het nummer uit het register."
AT_HOME = "192.0.2.77"


def at_home(login: str) -> Actor:
    """Return a fictive person whose request told where it came from."""
    who = actor(login)
    return Actor(who.person, who.roles, who.gemeente, "web", who.factor_at, source=AT_HOME, agent="Bladeraar 7")


def walked(*, activated: bool = True) -> UUID:
    """Return an aanvraag of Anna on which everybody has worked, up to its key; sealed in three goes."""
    settings.current().checkpoints.unlink(missing_ok=True)
    aanvraag_id = ready()
    review.take_step(at_home("rik"), aanvraag_id, Step.TAKE_UP)
    seal()
    review.add_note(at_home("rik"), aanvraag_id, NOTE)
    review.take_step(at_home("rik"), aanvraag_id, Step.ASK, QUESTION)
    resubmit(at_home("anna"), aanvraag_id)
    seal()
    review.approve(at_home("rik"), aanvraag_id, MOTIVATION)
    issuance_id = service.issue(at_home("rosa"), aanvraag_id)
    if activated:
        service.activate(at_home("anna"), issuance_id, held(issuance_id).code)
    seal()
    return aanvraag_id


def with_triggers_off(tables: Iterable[str]) -> None:
    """Let rows be changed that are insert-only, as who may change the schema can."""
    for table in tables:
        statements = {
            "sqlite": [f"DROP TRIGGER {table}_no_update", f"DROP TRIGGER {table}_no_delete"],
            "postgresql": [f"ALTER TABLE {table} DISABLE TRIGGER USER"],
        }
        for statement in statements[db.engine.dialect.name]:
            db.session.execute(text(statement))
    db.session.commit()
