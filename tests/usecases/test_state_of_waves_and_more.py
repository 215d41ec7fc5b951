"""What is stored about waves, letters, systems that ask and blocked keys is what the events led to too (I12)."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import Executable, delete, insert, select, text, update

from keyservice.aanvragen import service as aanvragen
from keyservice.audit import rows
from keyservice.database import db
from keyservice.demo.people import person_id
from keyservice.integrity import state
from keyservice.issuance import key_acts, letters, waves
from keyservice.issuance.key_acts import Why
from keyservice.issuance.wave_models import Wave, WaveItem
from keyservice.issuance.wave_timers import run_waves
from keyservice.kernel.ids import new_id
from keyservice.outbox.models import Letter
from keyservice.sleutels import asking
from keyservice.sleutels.models import AskingSystem, Sleutel
from tests.factories.aanvragen import actor
from tests.factories.letters import letter_of, received
from tests.factories.trail import run, unexplained
from tests.factories.walked import working
from tests.factories.waves import started

pytestmark = pytest.mark.usefixtures("context")


def a_blocked_key() -> None:
    """Let DUO block a key, and one of the two who must unblock it ask for that."""
    issuance_id = working()
    key_acts.suspend(actor("rik"), issuance_id, "Vreemd gebruik")
    key_acts.resume(actor("rik"), issuance_id, "Nagevraagd")


def a_wave() -> None:
    """Let a wave renew the one key that works."""
    working()
    waves.pause(actor("rik"), started(), "Even wachten")
    waves.resume(actor("rosa"), db.session.scalars(select(Wave.id)).one(), "Verder")
    run_waves()
    run_waves()


def a_letter() -> None:
    letter_id = letter_of(received())
    letters.open_letter(actor("rik"), letter_id)
    letters.mark_posted(actor("rik"), letter_id)


def a_system() -> None:
    asking.add("Portaal")
    asking.add("Ander portaal")
    asking.end("Ander portaal")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_i12_a_system_that_cannot_be_read_does_not_hide_the_others() -> None:
    a_system()
    run(
        text("UPDATE asking_system SET made_at = 'x' WHERE name = 'Portaal'"),
        text("UPDATE asking_system SET name = 'Nog een' WHERE name = 'Ander portaal'"),
    )
    with rows.snapshot() as connection:
        found = sorted(f"{one.number} {one.what}" for one in state.false_systems(connection))
    assert found == ["Nog een its MAC is not of this program", "None the row cannot be read"]


def unexplained_of(table: str) -> list[str]:
    return [line for line in unexplained() if line.startswith(f"{table} row ")]


@pytest.mark.parametrize("walk", [a_blocked_key, a_wave, a_system])
def test_i12_all_that_is_done_is_explained_by_its_events(walk: Callable[[], None]) -> None:
    walk()
    assert unexplained() == []


def test_i12_a_key_that_was_revoked_by_hand_is_explained_by_its_events() -> None:
    issuance_id = working()
    key_acts.revoke(actor("gert"), issuance_id, Why.NOT_NEEDED, "Wij stoppen")
    assert unexplained() == []


def one_more_in_the_list() -> Executable:
    row = db.session.execute(select(*WaveItem.__table__.c)).one()
    other = {"position": 2, "aanvraag_id": aanvragen.start(actor("anna"))}
    return insert(WaveItem).values({**row._mapping, **other, **NOT_YET})


NOT_YET = {"result": "waiting", "issuance_id": None, "judged_at": None}
WAVES_LIST = "its list is not the one that was prepared"
NOT_ASKED = {"resume_asked_by": None, "resume_asked_at": None}
PORTAAL = AskingSystem.name == "Portaal"
CHANGES: list[tuple[Callable[[], None], str, Callable[[], Executable], str]] = [
    (a_blocked_key, "sleutel", lambda: update(Sleutel).values(suspended_by="gemeente"), "suspended_by"),
    (a_blocked_key, "sleutel", lambda: update(Sleutel).values(resume_asked_by=person_id("rosa")), "resume_asked_by"),
    (a_blocked_key, "sleutel", lambda: update(Sleutel).values(NOT_ASKED), "resume_asked_at"),
    (a_wave, "wave", lambda: update(Wave).values(status="running"), "status"),
    (a_wave, "wave", lambda: update(Wave).values(started_by=person_id("ben")), "started_by"),
    (a_wave, "wave", lambda: update(Wave).values(prepared_by=person_id("ben")), "prepared_by"),
    (a_wave, "wave", lambda: update(Wave).values(expires_until=text("prepared_at")), "expires_until"),
    (a_wave, "wave", lambda: delete(WaveItem), WAVES_LIST),
    (a_wave, "wave", one_more_in_the_list, WAVES_LIST),
    (a_letter, "letter", lambda: update(Letter).values(opened_by=person_id("ben")), "opened_by"),
    (a_letter, "letter", lambda: update(Letter).values(posted_at=None), "posted_at"),
    (a_letter, "letter", lambda: update(Letter).values(dossier=new_id()), "dossier"),
    (a_letter, "letter", lambda: delete(Letter), "it is gone"),
    (a_system, "asking_system", lambda: update(AskingSystem).values(ended_at=None), "ended_at"),
    (a_system, "asking_system", lambda: update(AskingSystem).where(PORTAAL).values(digest=b"d" * 32), "its MAC"),
    (a_system, "asking_system", lambda: delete(AskingSystem), "it is gone"),
]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_i12_a_list_that_cannot_be_read_is_not_the_one_that_was_prepared() -> None:
    a_wave()
    with closing(sqlite3.connect(str(db.engine.url.database))) as other:  # in which foreign keys are off
        other.execute("UPDATE wave_item SET aanvraag_id = 'x'")
        other.commit()
    assert any(WAVES_LIST in line for line in unexplained_of("wave"))


@pytest.mark.parametrize(
    ("walk", "table", "change", "named"), CHANGES, ids=[f"{n}-{table}" for n, (_w, table, *_) in enumerate(CHANGES)]
)
def test_i12_what_somebody_wrote_by_sql_is_found(
    walk: Callable[[], None], table: str, change: Callable[[], Executable], named: str
) -> None:
    walk()
    assert unexplained_of(table) == []
    run(change())
    assert any(named in line for line in unexplained_of(table)), unexplained()
