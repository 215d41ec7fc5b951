"""An older database: nothing is sealed until two people accept it, and then no revoked key works again (I16)."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete, select, update

from keyservice import settings
from keyservice.audit import outside
from keyservice.audit.faults import Kind
from keyservice.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf
from keyservice.audit.queries import search
from keyservice.audit.sealer import TrailBroken, seal
from keyservice.audit.verifier import Report
from keyservice.database import db
from keyservice.demo.people import person_id
from keyservice.integrity import restore, service
from keyservice.issuance.models import Issuance
from keyservice.kernel import clock
from keyservice.kernel.errors import Conflict, Refused
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.blocking import suspend_by_program
from keyservice.sleutels.models import Sleutel
from tests.factories.aanvragen import actor
from tests.factories.issuance import issued
from tests.factories.trail import act, run, told, unlock
from tests.factories.walked import working

pytestmark = pytest.mark.usefixtures("context")


@pytest.fixture
def older() -> dict[str, Any]:
    """Give a database put back to before a key was revoked, another activated or touched, and a third made.

    Put back row by row, as far as the trail and the keys go: that is what a backup differs in here.
    """
    settings.current().checkpoints.unlink(missing_ok=True)
    revoked, touched = working(), working()
    act(2)
    seal()
    kept_size = len(outside.lines(settings.current().checkpoints))
    sleutel_of = {row.id: row.sleutel_id for row in db.session.scalars(select(Issuance))}
    rows = [dict(row._mapping) for row in db.session.execute(select(*Sleutel.__table__.c))]
    last = max(db.session.scalars(select(AuditEvent.row)))
    size = max(db.session.scalars(select(AuditCheckpoint.size)))
    dossier = db.session.get_one(Issuance, revoked).aanvraag_id
    sleutels.revoke(actor("rosa"), sleutel_of[revoked], "leak", dossier=dossier)
    suspend_by_program(sleutel_of[touched], "mismatch", dossier=dossier)
    seal()
    act(3)
    seal()
    unlock()
    run(
        delete(AuditEvent).where(AuditEvent.row > last),
        delete(AuditLeaf).where(AuditLeaf.position >= size),
        delete(AuditCheckpoint).where(AuditCheckpoint.size > size),
        *(update(Sleutel).where(Sleutel.id == row["id"]).values(row) for row in rows),
    )
    return {"revoked": sleutel_of[revoked], "touched": sleutel_of[touched], "size": size, "lines": kept_size}


def verified() -> Report:
    db.session.rollback()
    return service.verify(lambda _count: None, with_state=False)


def accept(login: str) -> bool:
    return restore.accept(actor(login), verified())


def code_of(error: pytest.ExceptionInfo[Any]) -> str:
    return str(error.value.code)


def row(sleutel_id: Any) -> Sleutel:
    db.session.expire_all()
    return db.session.get_one(Sleutel, sleutel_id)


def test_i4_an_older_database_is_told_as_such_and_not_sealed(older: dict[str, Any]) -> None:
    found = verified()
    assert set(found.faults.kinds) == {Kind.BEHIND, Kind.REVIVED}
    assert any(one.startswith("revived: sleutel row SL-") and older["revoked"].hex in one for one in told(found))
    with pytest.raises(TrailBroken):
        seal()


def test_i16_two_people_accept_it_and_what_was_revoked_since_is_revoked_again(older: dict[str, Any]) -> None:
    assert not accept("rik")
    assert not accept("rik"), "one person twice is one person"
    assert accept("ben")
    assert row(older["revoked"]).revoked_at is not None
    assert row(older["touched"]).suspended_at is not None
    assert row(older["touched"]).revoked_at is None
    event = search(code="audit:accept-restore")[0]
    assert (event.person, event.fields["first"]) == (person_id("ben"), str(person_id("rik")))
    assert event.fields["revoked"] == [str(older["revoked"])]
    assert event.fields["suspended"] == [str(older["touched"])]


def test_i4_after_it_was_accepted_sealing_goes_on_and_a_verify_understands_both_histories(
    older: dict[str, Any],
) -> None:
    accept("rik")
    accept("ben")
    act(4)
    assert seal()
    assert told(verified()) == []
    lines = outside.lines(settings.current().checkpoints)
    assert sum("restored" in line for line in lines) == 1
    assert len(lines) > older["lines"]


def test_i4_a_second_restore_after_the_first_is_accepted_too(older: dict[str, Any]) -> None:
    accept("rik")
    accept("ben")
    act()
    seal()
    size = older["size"]
    run(
        delete(AuditEvent).where(AuditEvent.id.in_(select(AuditLeaf.event).where(AuditLeaf.position >= size))),
        delete(AuditLeaf).where(AuditLeaf.position >= size),
        delete(AuditCheckpoint).where(AuditCheckpoint.size > size),
    )
    accept("rosa")
    assert accept("rik")
    assert told(verified()) == []


def test_only_people_who_may_and_only_when_there_is_something_to_accept(older: dict[str, Any]) -> None:
    for login in ("ada", "gert"):
        with pytest.raises(Refused):
            accept(login)
    accept("rik")
    accept("ben")
    with pytest.raises(Conflict) as error:
        accept("rosa")
    assert code_of(error) == "restore-not-needed"


def test_an_acceptance_of_more_than_an_hour_ago_does_not_count(older: dict[str, Any]) -> None:
    assert not accept("rik")
    with time_machine.travel(clock.now() + timedelta(minutes=61)):
        assert not accept("ben")


def test_i4_a_first_acceptance_that_somebody_wrote_by_sql_does_not_count(older: dict[str, Any]) -> None:
    report = verified()
    assert not restore.accept(actor("rik"), report)
    run(update(AuditEvent).where(AuditEvent.code == "audit:propose-restore").values(mac=b"x" * 36))
    assert not restore.accept(actor("ben"), report)


def test_a_database_with_another_fault_is_not_accepted(older: dict[str, Any]) -> None:
    run(update(AuditEvent).where(AuditEvent.row == 3).values(gemeente="0000"))
    with pytest.raises(Conflict) as error:
        accept("rik")
    assert code_of(error) == "restore-damaged"


def test_i16_a_key_made_after_the_backup_is_named_outside_but_not_here_and_work_goes_on(older: dict[str, Any]) -> None:
    run(delete(Issuance).where(Issuance.sleutel_id == older["revoked"]))
    run(delete(Sleutel).where(Sleutel.id == older["revoked"]))
    accept("rik")
    assert accept("ben")
    assert search(code="sleutel:revoke") == []
    issued("acceptatie")
    assert seal()
    assert told(verified()) == []
