"""The machinekoppeling: what is registered by a key, one by one and many at once, and sent again without doubling."""

from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from keyservice.api import problems
from keyservice.audit.models import AnonymousRefusal, AuditEvent, AuditPrivate
from keyservice.audit.queries import search
from keyservice.database import db
from keyservice.kernel import clock
from keyservice.kernel.secret import Secret
from keyservice.portaal import bsn, loading, machine, words
from keyservice.portaal import queries as registrations
from keyservice.portaal.models import Inburgeraar, LookStatus, MachineMessage, ProcessingLog, Registration
from keyservice.portaal.versions import intact
from keyservice.sleutels.format import Omgeving
from tests.api.test_problems import problem_of
from tests.factories.keys import awake, queries
from tests.factories.machines import Machine
from tests.factories.portaal import SIGNED_MESSAGE, bsns, write_file

PATH = "/v1/participatieverklaringen"
OWN, OTHER, WI2021, NOBODY = bsns(4)


@pytest.fixture
def machine_(app: Flask, tmp_path: Path) -> Machine:
    """A machine of Voorbeeldstad; there are people of it, of another gemeente, and of the Wi2021."""
    later = {"plicht_van": "2022-02-01", "plicht_tot": "2023-08-01"}
    rows = [{"bsn": OWN}, {"bsn": OTHER, "gemeente": "9999"}, {"bsn": WI2021, "wet": "Wi2021", **later}]
    with app.app_context():
        assert loading.load(write_file(tmp_path / "people.csv", rows)).loaded
        return Machine(app, awake()[1])


def signed(number: str, **differs: object) -> dict[str, object]:
    return {"bsn": number, **SIGNED_MESSAGE, **differs}


def send(to: Machine, *items: dict[str, object], key: str | None = None, **headers: str) -> Any:
    return to.post(PATH, json={"registraties": items}, headers={"Idempotency-Key": key or str(uuid4()), **headers})


def types(answer: Any) -> list[str]:
    """Return what kind of problem each has, empty for none."""
    assert answer.status_code == 200, answer.text
    return [one.get("probleem", {}).get("type", "").removeprefix("/problemen/") for one in answer.json["resultaten"]]


def count(app: Flask, model: Any = Registration) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_one_is_registered_and_can_be_asked_for(app: Flask, machine_: Machine) -> None:
    (result,) = send(machine_, signed(OWN)).json["resultaten"]
    assert result.keys() == {"id"}
    found = machine_.get(f"{PATH}/{result['id']}").json
    assert found | SIGNED_MESSAGE | {"id": result["id"], "geldt": True} == found
    with app.app_context():
        version = db.session.scalars(select(Registration)).one()
        assert intact(version)
        assert version.by_sleutel is not None
    (person,) = machine_.post("/v1/inburgeraars/_zoek", json={"bsn": OWN}).json["inburgeraars"]
    assert (person["stand"], person["registratie"], person["wet"]) == ("ondertekend", result["id"], "Wi2013")


def test_of_many_each_has_its_own_result_in_order_and_a_bad_one_leaves_the_others(
    app: Flask, machine_: Machine
) -> None:
    answer = send(
        machine_,
        signed(OTHER),
        signed("123456789"),
        signed(OWN, datumOndertekening=None, reden="GEWEIGERD"),
        signed(OWN),
        signed(WI2021),
        signed(NOBODY),
        signed(OWN),
    )
    assert types(answer) == [
        "inburgeraar-onbekend",
        "bsn-ongeldig",
        "datum-ondertekening-ontbreekt",
        "",
        "alleen-wi2013",
        "inburgeraar-onbekend",
        "al-ondertekend",
    ]
    results = answer.json["resultaten"]
    assert [(f["veld"], f["code"]) for f in results[2]["probleem"]["fouten"]] == [
        ("datumOndertekening", "datum-ondertekening-ontbreekt"),
        ("reden", "reden-bij-ondertekend"),
    ]
    assert count(app) == 1


def test_i9_somebody_of_another_gemeente_is_as_unknown_as_nobody(machine_: Machine) -> None:
    foreign, nobody = send(machine_, signed(OTHER), signed(NOBODY)).json["resultaten"]
    assert foreign == nobody
    answers = [machine_.post("/v1/inburgeraars/_zoek", json={"bsn": one}) for one in (OTHER, NOBODY, "123456789")]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, '{"inburgeraars":[]}')}


def test_i9_what_another_gemeente_registered_is_not_there(app: Flask, machine_: Machine) -> None:
    (result,) = send(machine_, signed(OWN)).json["resultaten"]
    with app.app_context():
        person = db.session.scalars(select(Inburgeraar).where(Inburgeraar.gemeente == "9998").limit(1)).one()
        person.gemeente = "9999"
        db.session.commit()
    moved, unknown = machine_.get(f"{PATH}/{result['id']}"), machine_.get(f"{PATH}/{uuid4()}")
    assert problem_of(moved) is problem_of(unknown) is problems.NOT_FOUND
    assert moved.text == unknown.text


def test_i11_refusals_of_a_machine_are_one_event_a_minute_per_key_and_reason(app: Flask, machine_: Machine) -> None:
    with app.app_context():
        tests_only = Machine(app, awake(Omgeving.ACCEPTATIE)[1])
    with time_machine.travel(clock.now(), tick=False):
        for _ in range(5):
            assert problem_of(machine_.get(f"{PATH}/{uuid4()}")) is problems.NOT_FOUND
            assert problem_of(tests_only.get(f"{PATH}/{uuid4()}")) is problems.OTHER_OMGEVING
            assert problem_of(tests_only.post("/v1/inburgeraars/_zoek", json={"bsn": OWN})) is problems.OTHER_OMGEVING
    with app.app_context():
        found = sorted((event.fields["act"], event.fields["reason"]) for event in search(code="access:refuse"))
        counted = db.session.scalars(select(AnonymousRefusal.count)).all()
    assert found == [
        ("api.participatieverklaring", "registration"),
        ("api.participatieverklaring", "sleutel-van-andere-omgeving"),
        ("api.zoek_inburgeraar", "sleutel-van-andere-omgeving"),
    ]
    assert counted == [5, 5, 5], "a program in a loop writes its trail full no more"


def test_each_look_is_logged_also_a_denied_one_with_the_trace_of_who_asked(app: Flask, machine_: Machine) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    send(machine_, signed(OWN), signed(OTHER), signed(OWN), traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    machine_.post("/v1/inburgeraars/_zoek", json={"bsn": OTHER})
    with app.app_context():
        looks = db.session.scalars(select(ProcessingLog).where(ProcessingLog.sleutel.is_not(None))).all()
        event = db.session.scalars(select(Registration.event)).one()
        own, other = (bsn.pseudonym(Secret(number)) for number in (OWN, OTHER))
    found = {(look.name, look.data_subject_id, look.status, look.event) for look in looks}
    assert found == {
        ("portaal-vastleggen", own, LookStatus.OK, event),
        ("portaal-vastleggen", other, LookStatus.UNSET, None),
        ("portaal-vastleggen", own, LookStatus.ERROR, None),
        ("portaal-zoeken", other, LookStatus.OK, None),
    }
    assert {look.trace_id for look in looks if look.name == "portaal-vastleggen"} == {trace}


def test_the_same_message_again_gets_the_same_answer_and_is_done_once(app: Flask, machine_: Machine) -> None:
    key = str(uuid4())
    first = send(machine_, signed(OWN), signed(NOBODY), key=key)
    for again in (key, key.upper(), f'"{key}"'):
        assert send(machine_, signed(OWN), signed(NOBODY), key=again).text == first.text
    assert (count(app), count(app, MachineMessage)) == (1, 1)


@pytest.mark.parametrize("other", [[signed(OWN, eindeDeelname="2020-02-05")], [signed(NOBODY)], [signed(OWN)] * 2])
def test_another_message_with_the_same_key_is_refused(app: Flask, machine_: Machine, other: list[Any]) -> None:
    key = str(uuid4())
    send(machine_, signed(OWN), key=key)
    answer = send(machine_, *other, key=key)
    assert (answer.status_code, problem_of(answer)) == (422, problems.REUSED)
    assert count(app) == 1


def test_after_its_answer_is_forgotten_a_message_is_still_not_done_twice(
    app: Flask, machine_: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = str(uuid4())
    first = send(machine_, signed(OWN), key=key)
    monkeypatch.setattr(machine, "KEEP_ANSWERS", -machine.KEEP_ANSWERS)
    with app.app_context():
        machine.forget_answers()
    assert count(app, MachineMessage) == 0
    assert send(machine_, signed(OWN), key=key).text == first.text
    assert count(app) == 1


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    answers: list[Any] = []
    threads = [Thread(target=lambda act=act: answers.append(act())) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_the_same_message_twice_at_once_is_done_once(app: Flask, machine_: Machine) -> None:
    key = str(uuid4())
    answers = at_once(*[lambda: send(Machine(app, machine_.secret), signed(OWN), key=key)] * 4)
    done = {answer.text for answer in answers if answer.status_code == 200}
    assert len(done) == 1
    for answer in answers:
        if answer.status_code != 200:
            assert (problem_of(answer), answer.headers["Retry-After"]) == (problems.RUNNING, "1")
    assert count(app) == 1


def test_two_messages_about_the_same_people_in_another_order_do_not_wait_for_each_other(
    app: Flask, machine_: Machine, tmp_path: Path
) -> None:
    numbers = bsns(40, first=999_910_000)
    with app.app_context():
        loading.load(write_file(tmp_path / "more.csv", [{"bsn": number} for number in numbers]))
    orders = (numbers, numbers[::-1])
    answers = at_once(
        *[lambda order=order: send(Machine(app, machine_.secret), *map(signed, order)) for order in orders]
    )
    assert sorted(kind for answer in answers for kind in types(answer)) == [""] * 40 + ["al-ondertekend"] * 40


def test_a_thousand_take_few_statements_and_a_thousand_and_one_are_too_many(
    app: Flask, machine_: Machine, tmp_path: Path
) -> None:
    numbers = bsns(1000, first=999_910_000)
    with app.app_context():
        loading.load(write_file(tmp_path / "more.csv", [{"bsn": number} for number in numbers]))
    with app.app_context(), queries() as sent:
        answer = send(machine_, *map(signed, numbers))
    assert types(answer) == [""] * 1000
    assert len(sent) < 30
    longest = {"ondertekend": False, "trajectGevolgd": False, "reden": "GEWEIGERD", "toelichting": "é" * 500}
    assert send(machine_, *({"bsn": number, **longest} for number in numbers)).status_code == 200
    assert problem_of(send(machine_, *map(signed, [*numbers, NOBODY]))) is problems.INPUT


@pytest.mark.parametrize(
    "key",
    ["", "kenmerk-1", OWN, f"00000000-0000-4000-8000-000{OWN}", "00000000-0000-0000-0000-000000000000", "x" * 300],
)
def test_a_key_that_is_no_random_uuid_or_holds_a_bsn_is_refused(app: Flask, machine_: Machine, key: str) -> None:
    answer = machine_.post(PATH, json={"registraties": [signed(OWN)]}, headers={"Idempotency-Key": key})
    assert problem_of(answer) is problems.INPUT
    assert [fault["veld"] for fault in answer.json["fouten"]] == ["Idempotency-Key"]
    assert OWN not in answer.text
    assert count(app) == 0


def test_a_message_without_a_key_is_refused(machine_: Machine) -> None:
    assert problem_of(machine_.post(PATH, json={"registraties": [signed(OWN)]})) is problems.INPUT


def test_a_wrong_form_keeps_everything_out_and_names_every_field(app: Flask, machine_: Machine) -> None:
    answer = send(machine_, signed(OWN), signed("12"), signed(OWN, startDeelname="3 mei"))
    assert [fault["veld"] for fault in answer.json["fouten"]] == ["registraties.1.bsn", "registraties.2.startDeelname"]
    assert count(app) == 0


def test_a_key_of_another_omgeving_opens_nothing_here(app: Flask, machine_: Machine) -> None:
    with app.app_context():
        other = Machine(app, awake(Omgeving.ACCEPTATIE)[1])
    asked = (
        send(other, signed(OWN)),
        other.post("/v1/inburgeraars/_zoek", json={"bsn": OWN}),
        other.get(f"{PATH}/{uuid4()}"),
    )
    assert {problem_of(answer) for answer in asked} == {problems.OTHER_OMGEVING}
    assert other.get("/v1/sleutel").status_code == 200
    assert count(app) == 0


def test_what_a_machine_registered_stands_on_the_page_with_the_number_of_the_key(app: Flask, machine_: Machine) -> None:
    send(machine_, signed(OWN))
    number = machine_.get("/v1/sleutel").json["nummer"]
    with app.app_context():
        version = db.session.scalars(select(Registration)).one()
        ((_, rows),) = words.versions(registrations.versions(version.inburgeraar_id), {})
    assert rows[0][1] == f"De machinekoppeling, met sleutel {number}"


def test_i6_no_bsn_stands_in_any_answer_event_log_or_stored_answer(
    app: Flask, machine_: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [
        send(machine_, signed(OWN), signed(OTHER), signed(OWN, toelichting=f"Het is {OWN}"), signed("123456789")),
        send(machine_, signed(OWN), {"bsn": OWN, OWN: 1}),
        machine_.post("/v1/inburgeraars/_zoek", json={"bsn": OWN}),
    ]
    with app.app_context():
        kept = [
            *db.session.scalars(select(AuditEvent.canonical)),
            *(text.encode() for text in db.session.scalars(select(AuditPrivate.value))),
            *(text.encode() for text in db.session.scalars(select(MachineMessage.answer))),
        ]
    told = "".join(answer.text for answer in answers) + caplog.text
    for number in (OWN, OTHER, "123456789"):
        assert number not in told
        assert number.encode() not in b"".join(kept)


@pytest.mark.parametrize(
    "address",
    [
        f"/v1/inburgeraars/{OWN}",
        f"/v1/inburgeraars?bsn={OWN}",
        f"/v1/inburgeraars/_zoek?x=1&{OWN}",
        f"{PATH}?bsn={OWN[:4]}.{OWN[4:6]}.{OWN[6:]}",
        f"{PATH}?bsn={OWN[:3]}%20{OWN[3:6]}+{OWN[6:]}",
        f"{PATH}/bsn-{OWN}",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_bsn_in_an_address_is_refused_and_not_repeated(
    machine_: Machine, client: FlaskClient, address: str, method: str
) -> None:
    for answer in (machine_.open(address, method=method), client.open(address, method=method)):
        assert problem_of(answer) is problems.BSN_IN_ADDRESS
        assert OWN not in answer.text


def test_digits_that_are_no_bsn_may_stand_in_an_address(machine_: Machine) -> None:
    for number in ("123456789", "1699999999999", f"{OWN}0"):
        assert machine_.get(f"/v1/sleutel?_={number}").status_code == 200
    for version in (4, 7):  # in a random id nine digits are chance
        answer = machine_.get(f"{PATH}/00000000-0000-{version}000-8000-000{OWN}")
        assert problem_of(answer) is problems.NOT_FOUND
    assert machine_.get(f"/v1/sleutel?spoor=9b2c7e4a-1f63-4d0a-8c55-000{OWN}").status_code == 200


def test_a_wrong_header_and_a_wrong_body_are_told_at_once(machine_: Machine) -> None:
    answer = machine_.post(PATH, json={"registraties": [{"bsn": "12"}]})
    assert [fault["veld"] for fault in answer.json["fouten"]] == ["registraties.0.bsn", "Idempotency-Key"]
