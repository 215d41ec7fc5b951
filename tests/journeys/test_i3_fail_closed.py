"""I3: when the event of an act cannot be written, the act does not happen. Every route that changes something.

The database itself refuses the event, by a trigger. The routes come from the URL map: a new one is done by somebody
here too, or the test asks how it is done right (`WAYS` in tests/factories/acts.py).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flask import Flask, request
from sqlalchemy import text, update

from keyservice import audit
from keyservice.aanvragen.models import Aanvraag
from keyservice.app import create_app
from keyservice.database import db, transaction
from keyservice.kernel.actor import Role
from keyservice.web import access
from tests.conftest import backend_of
from tests.factories.acts import Act, Scene, able, acts
from tests.factories.no_events import TRAIL, changed, content, refuse_events
from tests.factories.rights import EVERYBODY, Seat, World, populate, take_seat

# Acts that change nothing but the session of who does them, and why they need no event of their own.
OWN_SESSION_ONLY = {
    "security.login": "the first step opens nothing; the second is the event of logging in",
    "security.logout": "ends what one has, which must always work",
    "portaal.find_by_bsn": "reads; the look stands in the processing log",
    "portaal.find_by_name": "reads; the look stands in the processing log",
    "accounts.act_for_gemeente": "chooses among what was granted; every event says for which gemeente it was",
}
# Acts that hand something over and change nothing: the event alone must be there.
EVENT_ALONE = {"front.take_bundle", "front.export_events", "portaal.show_bsn", "portaal.export"}


@dataclass
class Stage:
    """The application with its things, a browser for everybody, and ways back: to the beginning, and to a moment."""

    app: Flask
    world: World
    seats: dict[str, Seat]
    database: Path
    beginning: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Keep the beginning."""
        self.beginning = self.keep()

    def keep(self) -> bytes:
        """Return the data as they are now."""
        with self.app.app_context():
            db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            db.session.remove()
            db.engine.dispose()
        return self.database.read_bytes()

    def back_to(self, moment: bytes, seat: Seat) -> None:
        """Put the data and the session of a browser back to how they were."""
        self.keep()
        self.database.write_bytes(moment)
        seat.sit_again()

    def scene(self, act: Act, label: str, key: str) -> Scene:
        """Return somebody before an act, with all that it needs."""
        scene = Scene(self.app, act, self.seats[label], self.world[key])
        self.back_to(self.beginning, scene.seat)
        scene.prepare()
        return scene

    def done(self, act: Act) -> tuple[Scene, bytes] | None:
        """Return somebody who changes something by an act, and the moment before; None when nobody does."""
        left_out = set() if act.name in EVENT_ALONE else TRAIL
        for who, key in able(act):
            scene = self.scene(act, who.label, key)
            moment, before = self.keep(), content(self.app, scene.seat)
            status = scene.send()
            if status < 400 and changed(before, content(self.app, scene.seat)) - left_out:
                return scene, moment
        return None

    def half(self, scene: Scene, moment: bytes) -> str:
        """Do an act whose event cannot be written; return what changed all the same."""
        self.back_to(moment, scene.seat)
        before = content(self.app, scene.seat)
        refuse_events(self.app)
        status = scene.send()
        found = changed(before, content(self.app, scene.seat))
        return f"{scene.act.name} by {scene.seat.who.label}: {status}, {sorted(found)}" if found or status < 400 else ""

    def play(self, chosen: Iterable[Act]) -> tuple[list[str], set[str], int]:
        """Do acts without their events: what was half done, what nobody could do, and how many were done."""
        half, nothing, count = [], set(), 0
        for act in chosen:
            found = self.done(act)
            if found is None:
                nothing.add(act.name)
                continue
            count += 1
            half.append(self.half(*found))
        return [line for line in half if line], nothing, count


def staged(app: Flask, folder: Path) -> Stage:
    """Store people, things and sessions."""
    with app.app_context():
        world = populate()
    return Stage(app, world, {who.label: take_seat(app, who) for who in EVERYBODY}, folder / "keyservice.sqlite")


@pytest.mark.timeout(600)  # hundreds of requests
def test_i3_no_route_changes_anything_when_its_event_cannot_be_written(tmp_path: Path) -> None:
    with backend_of("sqlite", tmp_path) as backend:
        stage = staged(backend.app, tmp_path)
        half, nothing, count = stage.play(acts(stage.app))
    assert half == []
    assert nothing == OWN_SESSION_ONLY.keys(), "say in WAYS how it is done right"
    assert count > 75


@contextmanager
def another_route(folder: Path, view: Callable[[], str]) -> Iterator[Stage]:
    """Give the application with one route more, for aanvragers."""
    with backend_of("sqlite", folder) as backend:
        app = create_app(backend.app.extensions["keyservice.settings"])
        app.add_url_rule("/extra", "extra", access.allow(Role.AANVRAGER)(view), methods=["POST"])
        yield staged(app, folder)


def only(stage: Stage, name: str) -> Iterable[Act]:
    return [act for act in acts(stage.app) if act.name == name]


def test_i3_a_route_that_changes_something_without_an_event_is_found(tmp_path: Path) -> None:
    def silent() -> str:
        with transaction() as session:
            session.execute(update(Aanvraag).values(pakket="Ander pakket"))
        return "Gedaan"

    with another_route(tmp_path, silent) as stage:
        half, _nothing, _count = stage.play(only(stage, "extra"))
    assert half == ["extra by aanvrager: 200, ['aanvraag']"]


def test_i3_a_route_that_writes_first_and_the_event_in_another_transaction_is_found(tmp_path: Path) -> None:
    def half_done() -> str:
        with transaction() as session:
            session.execute(update(Aanvraag).values(pakket="Ander pakket"))
        audit.record_refusal(access.actor(), "extra", "too-late")
        return "Gedaan"

    with another_route(tmp_path, half_done) as stage:
        half, _nothing, _count = stage.play(only(stage, "extra"))
    assert half == ["extra by aanvrager: 500, ['aanvraag']"]


def test_i3_a_route_that_nobody_told_how_to_do_right_is_found(tmp_path: Path) -> None:
    def asks_something_new() -> str:
        return "Gedaan" if request.form.get("nieuw") else "Vul het nieuwe veld in"

    with another_route(tmp_path, asks_something_new) as stage:
        _half, nothing, _count = stage.play(only(stage, "extra"))
    assert nothing == {"extra"}


HANDFUL = {
    "aanvragen.submit": "anna",
    "aanvragen.approve": "rik",
    "issuance.issue": "rosa",
    "issuance.activate": "anna",
    "accounts.end_grant": "gert",
}


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
@pytest.mark.parametrize("name", HANDFUL)
def test_i3_postgresql_keeps_an_act_out_without_its_event_too(app: Flask, name: str) -> None:
    with app.app_context():
        world = populate()
    act = next(act for act in acts(app) if act.name == name)
    who, key = next(found for found in able(act) if found[0].login == HANDFUL[name])
    scene = Scene(app, act, take_seat(app, who), world[key])
    scene.prepare()
    before = content(app, scene.seat)
    refuse_events(app)
    assert scene.send() >= 400
    assert changed(before, content(app, scene.seat)) == set()
    with app.app_context():
        db.session.execute(text("DROP TRIGGER no_event ON audit_event"))
        db.session.commit()
    assert scene.send() < 400, "it was the event alone that failed"
    assert changed(before, content(app, scene.seat)) - TRAIL
