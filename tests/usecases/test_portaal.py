"""Inburgeraars: found in the own gemeente by who has the role, registered in versions, and every look is logged."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select, update

from keyservice.accounts import service as accounts
from keyservice.audit.models import AuditEvent, AuditPrivate
from keyservice.audit.sealer import seal
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.integrity.service import verify
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI, Actor, Role
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused, TooOften
from keyservice.kernel.secret import Secret
from keyservice.portaal import bsn, queries, service, words
from keyservice.portaal.export import export, pdf
from keyservice.portaal.models import Inburgeraar, Kind, LookStatus, ProcessingLog, Registration
from keyservice.portaal.processing import Activity
from keyservice.portaal.versions import intact
from keyservice.retention import service as forgetting
from tests.factories.aanvragen import actor
from tests.factories.pdfs import run
from tests.factories.portaal import REFUSED, REFUSED_AFTER, SIGNED, inburgeraar
from tests.factories.trail import unexplained

DIGITS = "999990019"
HOSTILE = '#eval("1") *bold* \\ $x$ <b> @ref // _y_'
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def amira(context: Flask, tmp_path: Path) -> UUID:
    """Somebody of the Wi2013 in Voorbeeldstad."""
    return inburgeraar(tmp_path)


def pim() -> Actor:
    return actor("pim")


def tom() -> Actor:
    """Return somebody with the role in another gemeente."""
    accounts.give_role(CLI, person_id("tom"), Role.RAADPLEGEN_MUTEREN_2013, gemeente="9999")
    return actor("tom")


def looks() -> list[ProcessingLog]:
    db.session.expire_all()
    query = select(ProcessingLog).where(ProcessingLog.name != "portaal-inlezen").order_by(ProcessingLog.start_time)
    return list(db.session.scalars(query))


def events_of(subject: UUID) -> list[dict[str, object]]:
    rows = db.session.scalars(select(AuditEvent).order_by(AuditEvent.row))
    return [event for row in rows if (event := json.loads(row.canonical))["subject"] == str(subject)]


# Finding


def test_somebody_is_found_by_bsn_however_it_is_typed_and_the_row_does_not_hold_it(amira: UUID) -> None:
    found = service.find_by_bsn(pim(), Secret(DIGITS))
    assert found
    assert found.id == amira
    assert DIGITS.encode() not in found.bsn + found.bsn_digest
    assert service.show_bsn(pim(), amira).reveal() == DIGITS


@pytest.mark.parametrize("surname", ["Berg", "berg", "van den Berg", "VAN DEN BERG", "Bérg"])
def test_somebody_is_found_by_surname_and_birth_date(context: Flask, tmp_path: Path, surname: str) -> None:
    person = inburgeraar(tmp_path, tussenvoegsel="van den", achternaam="Berg")
    assert [found.id for found in service.find_by_name(pim(), surname, "1985-11-03")] == [person]
    assert service.find_by_name(pim(), surname, "1985-11-04") == []
    assert service.find_by_name(pim(), "Bergen", "1985-11-03") == []


def test_somebody_without_a_known_birth_day_is_found_by_a_whole_date_too(context: Flask, tmp_path: Path) -> None:
    person = inburgeraar(tmp_path, geboortedatum="1985-00-00")
    for typed in ("1985-11-03", "1985-00-00"):
        assert [found.id for found in service.find_by_name(pim(), "Voorbeeldstra", typed)] == [person]


def test_i9_a_person_of_another_gemeente_does_not_exist(amira: UUID) -> None:
    other = tom()
    assert service.find_by_bsn(other, Secret(DIGITS)) is None
    assert service.find_by_name(other, "Voorbeeldstra", "1985-11-03") == []
    for act in (
        lambda: service.view(other, amira),
        lambda: service.show_bsn(other, amira),
        lambda: service.register(other, amira, SIGNED, seen=0),
        lambda: service.correct(other, amira, SIGNED, "Fout", seen=1),
        lambda: service.withdraw(other, amira, "Fout", seen=1),
    ):
        with pytest.raises(NotFound):
            act()
    assert queries.newest(amira) is None


@pytest.mark.parametrize(("login", "wet", "sees"), [("pim", "Wi2013", True), ("pim", "Wi2021", False)])
def test_a_role_works_on_its_own_law_only_also_in_what_is_found(
    context: Flask, tmp_path: Path, *, login: str, wet: str, sees: bool
) -> None:
    person = inburgeraar(tmp_path, wet=wet, plicht_van="2022-02-01", plicht_tot="2023-08-01")
    assert (service.find_by_bsn(actor(login), Secret(DIGITS)) is not None) is sees
    assert bool(service.find_by_name(actor(login), "Voorbeeldstra", "1985-11-03")) is sees
    if sees:
        service.view(actor(login), person)
    else:
        with pytest.raises(NotFound):
            service.view(actor(login), person)
        service.view(actor("iris"), person)


@pytest.mark.parametrize("login", ["anna", "gert", "rik", "ada", "ben"])
def test_who_lacks_the_role_finds_nobody(amira: UUID, login: str) -> None:
    with pytest.raises(Refused):
        service.find_by_bsn(actor(login), Secret(DIGITS))
    with pytest.raises(Refused):
        service.view(actor(login), amira)


# Registering


def test_a_signature_is_registered_with_its_event_in_which_the_person_is_a_number(amira: UUID) -> None:
    version_id = service.register(pim(), amira, SIGNED, seen=0)
    version = db.session.get_one(Registration, version_id)
    assert version.facts == SIGNED
    assert (version.number, version.kind, version.by_person) == (1, Kind.REGISTER, person_id("pim"))
    assert intact(version)
    (event,) = events_of(amira)
    assert event["event"] == "inburgeraar:register"
    assert event["fields"] == {"registration": str(version_id), "number": 1, "sleutel": None}
    assert str(version.event) == event["id"]
    assert "Voorbeeldstra" not in json.dumps(event)
    assert DIGITS not in json.dumps(event)


def test_what_breaks_a_rule_is_refused_with_all_faults_and_nothing_is_stored(amira: UUID) -> None:
    with pytest.raises(Invalid) as refused:
        service.register(pim(), amira, replace(SIGNED, signed_on=None, reden="GEWEIGERD"), seen=0)
    assert [fault.code for fault in refused.value.data["faults"]] == [  # type: ignore[attr-defined]  # a list of faults
        "datum-ondertekening-ontbreekt",
        "reden-bij-ondertekend",
    ]
    assert queries.newest(amira) is None
    assert events_of(amira) == []


def test_somebody_who_refused_may_sign_later_and_both_are_kept(amira: UUID) -> None:
    service.register(pim(), amira, REFUSED, seen=0)
    service.register(pim(), amira, REFUSED_AFTER, seen=1)
    service.register(pim(), amira, SIGNED, seen=2)
    assert [(v.number, v.facts) for v in queries.versions(amira)] == [(3, SIGNED), (2, REFUSED_AFTER), (1, REFUSED)]
    with pytest.raises(Conflict, match="already-signed"):
        service.register(pim(), amira, REFUSED, seen=3)


def test_a_correction_needs_a_reason_and_keeps_what_was_there(amira: UUID) -> None:
    service.register(pim(), amira, SIGNED, seen=0)
    better = replace(SIGNED, signed_on=date(2020, 2, 5))
    for reason, code in (("  ", "verbetering-zonder-reden"), (f"Was {DIGITS}", "bsn-in-reden")):
        with pytest.raises(Invalid) as refused:
            service.correct(pim(), amira, better, reason, seen=1)
        assert [fault.code for fault in refused.value.data["faults"]] == [code]  # type: ignore[attr-defined]  # see above
    with pytest.raises(Invalid):
        service.correct(pim(), amira, SIGNED, "Niets anders", seen=1)
    service.correct(pim(), amira, better, "Verkeerde dag getypt", seen=1)
    newest, first = queries.versions(amira)
    assert (newest.facts, newest.correction, newest.kind) == (better, "Verkeerde dag getypt", Kind.CORRECT)
    assert first.facts == SIGNED
    assert "Verkeerde dag" not in json.dumps(events_of(amira))


def test_what_was_withdrawn_is_kept_and_counts_no_more(amira: UUID) -> None:
    service.register(pim(), amira, SIGNED, seen=0)
    service.withdraw(pim(), amira, "Verkeerde persoon", seen=1)
    assert queries.counting(queries.newest(amira)) is None
    assert [version.kind for version in queries.versions(amira)] == [Kind.WITHDRAW, Kind.REGISTER]
    with pytest.raises(Conflict, match="nothing-registered"):
        service.withdraw(pim(), amira, "Nog eens", seen=2)
    with pytest.raises(Conflict, match="nothing-registered"):
        service.correct(pim(), amira, REFUSED, "Nog eens", seen=2)
    service.register(pim(), amira, REFUSED, seen=2)
    assert queries.counting(queries.newest(amira))


def test_of_two_people_with_the_same_page_one_is_told_that_the_other_was_faster(amira: UUID) -> None:
    service.register(pim(), amira, REFUSED, seen=0)
    with pytest.raises(Conflict, match="registered-meanwhile"):
        service.register(pim(), amira, SIGNED, seen=0)


def test_who_sends_the_same_form_twice_did_it_once_and_is_not_told_that_somebody_else_was_faster(amira: UUID) -> None:
    later = replace(REFUSED_AFTER, toelichting="  Kwam toch ")
    for _ in range(2):
        first = service.register(pim(), amira, REFUSED, seen=0)
    for _ in range(2):
        second = service.correct(pim(), amira, later, "Kwam toch", seen=1)
    for _ in range(2):
        third = service.withdraw(pim(), amira, "Verkeerde\r\npersoon", seen=2)
    assert [version.id for version in queries.versions(amira)] == [third, second, first]
    assert [event["event"] for event in events_of(amira)] == [
        "inburgeraar:register",
        "inburgeraar:correct",
        "inburgeraar:withdraw",
    ]


def test_the_same_facts_of_a_colleague_are_no_form_that_was_sent_twice(amira: UUID) -> None:
    service.register(pim(), amira, REFUSED, seen=0)
    with pytest.raises(Conflict, match="registered-meanwhile"):
        service.register(replace(pim(), person=person_id("iris")), amira, REFUSED, seen=0)
    with pytest.raises(Conflict, match="registered-meanwhile"):
        service.withdraw(pim(), amira, "Verkeerde persoon", seen=0)


def test_a_version_that_somebody_changed_in_the_database_does_not_fit_its_mac(amira: UUID) -> None:
    version_id = service.register(pim(), amira, REFUSED, seen=0)
    with transaction() as session:
        session.execute(update(Registration).where(Registration.id == version_id).values(reden="VERHUISD"))
    assert not intact(db.session.get_one(Registration, version_id))


# The processing log


def test_every_look_is_logged_with_who_looked_and_a_pseudonym_of_whom(amira: UUID) -> None:
    who = replace(pim(), trace=TRACE)
    service.find_by_bsn(who, Secret(DIGITS))
    service.view(who, amira)
    service.show_bsn(who, amira)
    service.register(who, amira, SIGNED, seen=0)
    found = looks()
    assert [row.name for row in found] == [
        "portaal-zoeken",
        "portaal-inzien",
        "portaal-bsn-tonen",
        "portaal-vastleggen",
    ]
    assert {row.status for row in found} == {LookStatus.OK}
    assert {row.data_subject_id for row in found} == set(bsn.pseudonyms(Secret(DIGITS)))
    assert {row.trace_id for row in found} == {"4bf92f3577b34da6a3ce929d0e0e4736"}
    assert {row.parent_span_id for row in found} == {"00f067aa0ba902b7"}
    assert len({row.span_id for row in found}) == 4
    assert {row.person for row in found} == {person_id("pim")}
    version = queries.newest(amira)
    assert version
    assert found[-1].event == version.event, "linked to the event of the same act"
    assert DIGITS.encode() not in b"".join(row.data_subject_id or b"" for row in found)
    assert found[0].data_subject_id != queries.person_for(who, amira).bsn_digest, "it leads to no row of the register"


@pytest.mark.parametrize("header", [None, "", "onzin", TRACE.replace("4bf9", "zzzz"), f"00-{'0' * 32}-{'1' * 16}-01"])
def test_a_look_without_a_good_traceparent_is_a_trace_of_its_own(amira: UUID, header: str | None) -> None:
    service.view(replace(pim(), trace=header), amira)
    (row,) = looks()
    assert len(row.trace_id) == 32
    assert row.parent_span_id is None


def test_a_denied_look_is_logged_though_nothing_else_stays(amira: UUID) -> None:
    anna, stranger = actor("anna"), tom()
    with pytest.raises(Refused):
        service.find_by_bsn(anna, Secret(DIGITS))
    with pytest.raises(NotFound):
        service.view(stranger, amira)
    with pytest.raises(NotFound):
        service.view(stranger, uuid4())
    with pytest.raises(Invalid):
        service.register(pim(), amira, replace(SIGNED, signed_on=None), seen=0)
    found = looks()
    statuses = [LookStatus.UNSET, LookStatus.UNSET, LookStatus.UNSET, LookStatus.ERROR]
    assert [row.status for row in found] == statuses
    him = bsn.pseudonym(Secret(DIGITS))
    assert [row.data_subject_id for row in found] == [him, him, None, him]
    assert [row.person for row in found] == [anna.person, stranger.person, stranger.person, person_id("pim")]
    assert {row.event for row in found} == {None}


def test_a_search_for_somebody_who_is_not_there_is_a_look_too(amira: UUID) -> None:
    assert service.find_by_bsn(pim(), Secret("999990020")) is None
    (row,) = looks()
    assert (row.status, row.data_subject_id) == (LookStatus.OK, bsn.pseudonym(Secret("999990020")))


def test_who_tries_many_numbers_or_names_waits_and_a_colleague_does_not(amira: UUID) -> None:
    nobody = Secret("999990020")
    for _ in range(9):
        assert service.find_by_bsn(pim(), nobody) is None
        assert service.find_by_name(pim(), "Niemand", "1985-11-03") == []
        assert service.find_by_bsn(pim(), Secret(DIGITS)), "who is found costs nothing"
        assert service.find_by_name(pim(), "Voorbeeldstra", "1985-11-03")
    with suppress(TooOften):
        for _ in range(4):
            service.find_by_bsn(pim(), nobody)
    before = len(looks())
    with pytest.raises(TooOften):
        service.find_by_bsn(pim(), Secret(DIGITS))
    with pytest.raises(TooOften):
        service.find_by_name(pim(), "Voorbeeldstra", "1985-11-03")
    assert len(looks()) == before, "nobody was looked at"
    assert service.find_by_bsn(replace(pim(), person=person_id("iris")), Secret(DIGITS))


# What a person may ask for


def test_looks_within_the_same_minute_stand_on_one_line_with_their_number(amira: UUID) -> None:
    with time_machine.travel(clock.now().replace(second=0) + timedelta(minutes=1), tick=False) as time:
        for _ in range(3):
            service.view(pim(), amira)
        time.shift(60)
        service.view(pim(), amira)
        found = export(pim(), amira)["looks"]
    assert [what for _, what, *_ in found[:2]] == ["Bekijken", "Bekijken (3 keer)"]


def test_a_person_gets_all_that_is_kept_and_who_looked_but_no_whole_bsn_and_no_names_of_employees(amira: UUID) -> None:
    stranger = tom()
    service.register(pim(), amira, SIGNED, seen=0)
    with pytest.raises(NotFound):
        service.view(stranger, amira)
    content = export(pim(), amira)
    text = json.dumps(content, ensure_ascii=False)
    assert {"Achternaam": "Voorbeeldstra", "BSN": "••••••019"}.items() <= dict(content["person"]).items()
    (version,) = content["versions"]
    assert ["Door", "Gemeente Voorbeeldstad, in het portaal"] in version["rows"]
    assert ["Datum ondertekening", "4 februari 2020"] in version["rows"]
    assert [what for _, *what in content["looks"]] == [
        ["Bekijken", "Gemeente Testdorp", "Geweigerd"],
        ["Verklaring vastleggen", "Gemeente Voorbeeldstad", "Gelukt"],
        ["Gegevens inlezen", "DUO", "Gelukt"],
    ]
    assert DIGITS not in text
    assert "Pim" not in text
    assert (set(words.ACTIVITIES), set(words.ENDED)) == (set(Activity), set(LookStatus)), "all can be said"
    assert events_of(amira)[-1]["event"] == "inburgeraar:export"
    with pytest.raises(NotFound):
        export(stranger, amira)
    with pytest.raises(Refused):
        export(actor("anna"), amira)
    refused = [look for look in looks() if look.name == "portaal-verstrekken" and look.status is LookStatus.UNSET]
    assert [look.data_subject_id for look in refused] == [bsn.pseudonym(Secret(DIGITS)), None], "he can find it"


def test_the_file_is_for_eye_and_ear_and_takes_what_people_typed_as_text(
    amira: UUID, tmp_path: Path, need_tool: Callable[[str], str]
) -> None:
    service.register(pim(), amira, REFUSED, seen=0)
    service.correct(pim(), amira, replace(REFUSED, toelichting=HOSTILE), HOSTILE, seen=1)
    path = tmp_path / "gegevens.pdf"
    path.write_bytes(pdf(export(pim(), amira)))
    facts = run(need_tool("pdfinfo"), str(path))
    assert re.search(r"Tagged: +yes", facts)
    assert re.search(r"Title: +Uw gegevens in het Portaal Inburgering", facts)
    read = " ".join(run(need_tool("pdftotext"), str(path), "-").split())
    assert read.count(HOSTILE) == 2, "explanation and reason"
    assert "Gemeente Voorbeeldstad, in het portaal" in read
    assert "Versie 2: verbeterd op" in read
    assert DIGITS not in read


# After the term


def test_after_its_term_a_person_is_gone_with_all_versions_and_what_happened_can_still_be_proven(
    amira: UUID, tmp_path: Path
) -> None:
    service.register(pim(), amira, REFUSED, seen=0)
    service.correct(pim(), amira, REFUSED_AFTER, "Kwam toch", seen=1)
    other = inburgeraar(tmp_path, "999990020", plicht_tot="2099-01-01")
    service.register(pim(), other, SIGNED, seen=0)
    seal(whole=True)
    before = {row.id: row.canonical for row in db.session.scalars(select(AuditEvent))}
    with time_machine.travel(clock.now().replace(year=clock.now().year + 4), tick=False):
        forgetting.run()
        assert queries.newest(amira), "its term counts from the last registration"
    with time_machine.travel(clock.now().replace(year=clock.now().year + 5) + timedelta(days=1), tick=False):
        counts = forgetting.run()
        assert counts["inburgeraar"] == 1
        db.session.expire_all()
        assert db.session.get(Inburgeraar, amira) is None
        assert queries.versions(amira) == []
        assert queries.newest(other), "whose duty goes on stays"
        assert looks() == []
        texts = db.session.scalars(select(AuditPrivate.value)).all()
        assert "Kwam toch" not in texts
        after = {row.id: row.canonical for row in db.session.scalars(select(AuditEvent))}
        assert before.items() <= after.items(), "no event changes"
        assert unexplained() == []
        seal(whole=True)
        assert verify(lambda _events: None, with_state=True).faults.count == 0


def test_i12_a_registration_that_no_event_explains_is_found(amira: UUID) -> None:
    version_id = service.register(pim(), amira, REFUSED, seen=0)
    assert unexplained() == []
    with transaction() as session:
        session.execute(update(Registration).where(Registration.id == version_id).values(reden="VERHUISD"))
    (found,) = unexplained()
    assert "its MAC is not of this program" in found
    with transaction() as session:
        session.execute(delete(Registration).where(Registration.id == version_id))
    (found,) = unexplained()
    assert "it is gone, and no event says so" in found
