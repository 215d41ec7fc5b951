"""Looking while people work: what happens in the middle of a verify or of a round of the watch is no fault."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import select

from keyservice import settings
from keyservice.audit.queries import search
from keyservice.audit.sealer import seal
from keyservice.database import db
from keyservice.integrity import service, watch
from keyservice.kernel.ids import new_id
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.format import Omgeving
from keyservice.sleutels.models import Sleutel
from tests.factories.aanvragen import actor
from tests.factories.trail import act

ROUNDS = 25


def lives() -> None:
    """Make a key, wake it and end it."""
    dossier = new_id()
    sleutel_id, _key = sleutels.make(actor("rosa"), gemeente="9998", omgeving=Omgeving.PRODUCTIE, dossier=dossier)
    sleutels.activate(actor("anna"), sleutel_id, dossier=dossier)
    sleutels.revoke(actor("rosa"), sleutel_id, "cancelled", dossier=dossier)


def together(app: Flask, *works: Callable[[], object]) -> None:
    def repeat(work: Callable[[], object]) -> None:
        with app.app_context():
            try:
                for _round in range(ROUNDS):
                    work()
                    db.session.rollback()
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(works)) as pool:
        list(pool.map(repeat, works))


def test_i12_a_key_that_lives_while_the_watch_looks_is_not_stopped(app: Flask) -> None:
    together(app, lives, lives, watch.keys_and_roles)
    with app.app_context():
        assert [key.suspended_at for key in db.session.scalars(select(Sleutel))] == [None] * (2 * ROUNDS)
        assert search(code="audit:mismatch") == []


def test_i4_a_verify_while_events_are_written_and_sealed_finds_nothing(app: Flask) -> None:
    faults = []

    def verify() -> None:
        faults.extend(service.verify(lambda _count: None, with_state=True).faults.kept)

    with app.app_context():
        settings.current().checkpoints.unlink(missing_ok=True)
    together(app, lives, lambda: act(3), seal, verify)
    assert faults == []
