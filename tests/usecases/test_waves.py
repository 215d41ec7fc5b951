"""A wave: prepared by one person, started by another, done by the worker key by key."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.audit.queries import of_dossier, search
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.gemeenten.models import Gemeente
from keyservice.issuance import service, wave_queries, wave_timers, waves
from keyservice.issuance.messages import KEY_MAIL
from keyservice.issuance.models import Issuance
from keyservice.issuance.queries import of_aanvraag
from keyservice.issuance.wave_models import Wave
from keyservice.issuance.wave_workflow import Result, WaveStatus
from keyservice.issuance.words import OBSTACLES
from keyservice.kernel import clock
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused
from keyservice.outbox.delivery import BATCH, claim
from keyservice.outbox.models import Channel, OutboxMessage
from keyservice.outbox.queries import due
from keyservice.sleutels import service as sleutels
from tests.conftest import environ
from tests.factories.aanvragen import actor
from tests.factories.issuance import approved
from tests.factories.people import mails
from tests.factories.post import queue
from tests.factories.waves import (
    HALT,
    asked,
    deliver,
    empty_queue,
    everything,
    items,
    no_longer,
    prepared,
    relatiebeheerder,
    run,
    started,
    third,
    wave,
    working,
)

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("context")


def some(count: int = 3) -> list[UUID]:
    return [working(f"Pakket {n}") for n in range(count)]


def results(wave_id: UUID) -> list[str]:
    return [str(item.refused or item.result) for item in items(wave_id)]


def issuances() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Issuance)) or 0


def codes(subject: UUID) -> list[str]:
    return [event.code for event in reversed(search()) if event.subject == str(subject)]


# The list


def test_the_list_holds_the_keys_that_work_and_says_of_each_whether_it_can_be_renewed() -> None:
    good, old, _approved = working(), working("Oud"), approved("productie", "Nooit uitgegeven")
    underway = working("Onderweg")
    service.renew(actor("rosa"), underway)
    revoked = working("Ingetrokken")
    sleutels.revoke(actor("rosa"), of_aanvraag(revoked)[0].sleutel_id, "leaked", dossier=revoked)
    with transaction() as session:
        too_old = clock.now() - timedelta(days=730)
        session.execute(update(Approval).where(Approval.aanvraag_id == old).values(approved_at=too_old))
    found = {item.aanvraag_id: item.expected for item in items(prepared())}
    assert found == {good: None, old: "approval-lapsed", underway: "delivery-underway"}


def test_the_list_follows_omgeving_gemeenten_and_the_day_of_expiry() -> None:
    productie, acceptatie, elsewhere = working(), working(omgeving="acceptatie"), working("Daar", gemeente="9999")

    def listed(**wanted: object) -> set[UUID]:
        return {aanvraag for aanvraag, _ in wave_queries.keys_to_renew(everything(**wanted))}

    assert listed() == {productie, acceptatie, elsewhere}
    assert listed(omgeving="acceptatie") == {acceptatie}
    assert listed(gemeenten=("9999",)) == {elsewhere}
    expires = of_aanvraag(productie)[0].sleutel.expires_at
    assert len(wave_queries.keys_to_renew(wave_queries.Wanted(expires))) == 3
    assert wave_queries.keys_to_renew(wave_queries.Wanted(expires - timedelta(seconds=1))) == []


def test_a_wave_in_which_no_key_fits_is_not_made() -> None:
    with pytest.raises(Invalid, match="wave-empty"):
        prepared()


@pytest.mark.parametrize("login", ["anna", "gert", "ada", "ben"])
def test_only_a_relatiebeheerder_moves_a_wave(login: str) -> None:
    some(1)
    wave_id = prepared()
    for act in (
        lambda: prepared(by=login),
        lambda: waves.start(actor(login), wave_id),
        lambda: waves.pause(actor(login), wave_id, HALT),
        lambda: waves.resume(actor(login), wave_id, HALT),
        lambda: waves.stop(actor(login), wave_id, HALT),
    ):
        with pytest.raises(Refused):
            act()
    assert wave(wave_id).status is WaveStatus.PREPARED


def test_colleagues_are_asked_to_start_it_and_its_two_people_hear_how_it_ended() -> None:
    third()
    some(1)
    wave_id = prepared()
    assert mails("wave-prepared") == ["roel@duo.example", "rosa@duo.example"]
    waves.start(actor("rosa"), wave_id)
    run()
    assert mails("wave-finished") == ["rik@duo.example", "rosa@duo.example"]


# Four eyes


def test_i8_who_prepared_a_wave_does_not_start_it() -> None:
    some(1)
    wave_id = prepared(by="rosa")
    with pytest.raises(Refused, match="own-wave"):
        waves.start(actor("rosa"), wave_id)
    run()
    assert wave(wave_id).status is WaveStatus.PREPARED
    assert results(wave_id) == ["waiting"]


@pytest.mark.parametrize(
    ("values", "check"),
    [
        ({"started_by": "rik", "started_at": "now"}, "starter_is_not_preparer"),
        ({"status": WaveStatus.RUNNING}, "started"),
        ({"started_by": "rosa"}, "started_by_at"),
    ],
)
def test_i8_the_database_refuses_a_wave_that_nobody_else_started(values: dict[str, str], check: str) -> None:
    some(1)
    wave_id = prepared()
    people = {"rik": actor("rik").person, "rosa": actor("rosa").person, "now": clock.now()}
    stored = {name: people.get(value, value) for name, value in values.items()}
    with pytest.raises(IntegrityError, match=check), transaction() as session:
        session.execute(update(Wave).where(Wave.id == wave_id).values(**stored))


@pytest.mark.parametrize("omgeving", ["productie", "acceptatie"])
@pytest.mark.parametrize("approver", ["preparer", "starter", "another"])
def test_i8_the_issuer_is_the_starter_or_else_the_preparer_and_never_the_approver(approver: str, omgeving: str) -> None:
    people = {"preparer": person_id("rik"), "starter": person_id("rosa"), "another": third()}
    aanvraag_id = working(omgeving=omgeving, by=people[approver])
    wave_id = started(by="rik", starter="rosa")
    run()
    made = of_aanvraag(aanvraag_id)[-1]
    four_eyes = omgeving == "productie"
    assert made.number == 2
    assert made.issued_by == people["preparer" if four_eyes and approver == "starter" else "starter"]
    event = next(event for event in of_dossier(aanvraag_id) if event.code == "issuance:renew")
    assert (event.person, event.origin, event.roles) == (made.issued_by, "worker", ("relatiebeheerder",))
    assert event.fields == {
        "previous": str(made.renews_id),
        "wave": str(wave_id),
        "prepared_by": str(people["preparer"]),
        "started_by": str(people["starter"]),
    }


@pytest.mark.parametrize("gone", ["rik", "rosa"])
def test_i8_who_is_no_relatiebeheerder_any_more_issues_nothing(gone: str) -> None:
    third()
    by_rik, by_rosa = working("Een", by="rik"), working("Twee", by="rosa")
    wave_id = started(by="rik", starter="rosa")
    no_longer(person_id(gone))
    run()
    stays, renewed, left = ("rosa", by_rik, by_rosa) if gone == "rik" else ("rik", by_rosa, by_rik)
    assert of_aanvraag(renewed)[-1].issued_by == actor(stays).person
    assert len(of_aanvraag(left)) == 1
    assert sorted(results(wave_id)) == ["done", "no-issuer"]


# What the worker does


def test_a_wave_renews_its_list_by_ordinary_issuances_and_is_finished() -> None:
    aanvragen = some()
    wave_id = started()
    assert issuances() == 3
    run()
    assert results(wave_id) == ["done"] * 3
    assert wave(wave_id).status is WaveStatus.FINISHED
    for aanvraag_id in aanvragen:
        first, second = of_aanvraag(aanvraag_id)
        assert (second.number, second.renews_id, second.ended_at) == (2, first.sleutel_id, None)
    keys = db.session.scalars(select(OutboxMessage.dossier).where(OutboxMessage.kind == KEY_MAIL).distinct())
    assert set(keys) == set(aanvragen)
    assert codes(wave_id) == ["wave:prepare", "wave:start", "wave:finish"]
    seen = [event.fields["list"] for event in search(code="wave:prepare") + search(code="wave:start")]
    assert seen == [waves.list_digest([item.aanvraag_id for item in items(wave_id)])] * 2


def test_each_is_judged_again_at_its_turn_and_the_reason_stands_in_list_and_dossier() -> None:
    good, changed, renewed, mended = some(4)
    with transaction() as session:
        session.execute(update(Approval).where(Approval.aanvraag_id == mended).values(retracted_at=clock.now()))
    wave_id = started()
    with transaction() as session:
        session.execute(update(Aanvraag).where(Aanvraag.id == changed).values(pakket="Iets anders"))
        session.execute(update(Approval).where(Approval.aanvraag_id == mended).values(retracted_at=None))
    deliver(service.renew(actor("rosa"), renewed))
    run()
    found = {item.aanvraag_id: item for item in items(wave_id)}
    assert [found[a].expected for a in (good, changed, renewed, mended)] == [None, None, None, "approval-lapsed"]
    assert found[good].result is found[mended].result is Result.DONE
    assert found[changed].refused == "content-changed"
    assert found[renewed].refused == "renewed-meanwhile"
    event = of_dossier(changed)[-1]
    assert (event.code, event.result, event.fields["reason"]) == ("wave:refuse", "refused", "content-changed")
    assert search(code="wave:finish")[0].fields == {"done": 2, "refused": 2}


def test_one_that_goes_wrong_in_an_unforeseen_way_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, *_ = some()
    wave_id, hand_out = started(), service.hand_out_next

    def breaks(*args: object) -> UUID:
        made = hand_out(*args)  # type: ignore[arg-type]  # as it is called
        if args[1].aanvraag.id == bad:  # type: ignore[attr-defined]  # a Renewal
            raise RuntimeError("a zip that cannot be built")
        return made

    monkeypatch.setattr(waves, "hand_out_next", breaks)
    run()
    assert sorted(results(wave_id)) == ["done", "done", "failed"]
    assert len(of_aanvraag(bad)) == 1, "nothing of the half act stays"
    assert wave(wave_id).status is WaveStatus.FINISHED


def test_a_database_that_is_away_costs_nobody_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    some(1)
    wave_id = started()
    with monkeypatch.context() as patch:
        patch.setattr(waves, "hand_out_next", lambda *_: (_ for _ in ()).throw(OperationalError("", {}, Exception())))
        run()
    assert results(wave_id) == ["waiting"]
    run()
    assert results(wave_id) == ["done"]


def test_every_reason_has_a_sentence() -> None:
    for sentence in OBSTACLES.values():
        assert sentence[0].isupper()
        assert sentence.endswith(".")
    assert {"renewed-meanwhile", "no-issuer", "failed"} <= OBSTACLES.keys()


# Pause, resume, stop, time


def test_i15_a_paused_wave_does_nothing_until_somebody_lets_it_go_on() -> None:
    some()
    wave_id = started()
    waves.renew_next(wave_id)
    waves.pause(actor("rik"), wave_id, HALT)
    run()
    assert results(wave_id) == ["done", "waiting", "waiting"]
    assert (wave(wave_id).halted_by, wave(wave_id).halt_reason) == (actor("rik").person, HALT)
    waves.resume(actor("rosa"), wave_id, "De helpdesk is er klaar voor.")
    run()
    assert results(wave_id) == ["done"] * 3
    assert codes(wave_id) == ["wave:prepare", "wave:start", "wave:pause", "wave:resume", "wave:finish"]


def test_i15_a_stopped_wave_leaves_what_is_done_and_never_goes_on() -> None:
    some()
    wave_id = started()
    waves.renew_next(wave_id)
    waves.stop(relatiebeheerder(third()), wave_id, HALT)
    run()
    assert results(wave_id) == ["done", "waiting", "waiting"]
    assert issuances() == 4
    for act in (waves.pause, waves.resume, waves.stop):
        with pytest.raises(Conflict, match="wave-moved"):
            act(actor("rik"), wave_id, HALT)
    with pytest.raises(Conflict, match="wave-moved"):
        waves.start(actor("rosa"), wave_id)


@pytest.mark.parametrize("state", [WaveStatus.PREPARED, WaveStatus.PAUSED])
def test_i15_a_wave_that_waits_for_a_person_lapses_after_30_days(state: WaveStatus) -> None:
    now = clock.now()
    with time_machine.travel(now, tick=False):
        some(1)
        wave_id = prepared() if state is WaveStatus.PREPARED else started()
        if state is WaveStatus.PAUSED:
            waves.pause(actor("rik"), wave_id, HALT)
    with time_machine.travel(now + timedelta(days=30) - timedelta(seconds=1), tick=False):
        wave_timers.lapse_waves()
        assert wave(wave_id).status is state
    with time_machine.travel(now + timedelta(days=30), tick=False):
        wave_timers.lapse_waves()
        assert wave(wave_id).status is WaveStatus.LAPSED
        run()
    assert results(wave_id) == ["waiting"]
    assert codes(wave_id)[-1] == "wave:lapse"


def test_an_unknown_wave_is_not_found() -> None:
    with pytest.raises(NotFound):
        waves.stop(actor("rik"), UUID(int=0), HALT)


# The queue


def test_a_wave_waits_while_a_batch_of_messages_waits_to_be_sent() -> None:
    some(2)
    wave_id = started()
    empty_queue()
    for n in range(BATCH - 1):
        queue(f"test:{n}")
    wave_timers.run_waves()
    assert results(wave_id) == ["done", "waiting"]
    assert due(BATCH + 9) == BATCH
    assert waves.renew_next(wave_id) is False


def test_a_password_of_another_dossier_is_not_behind_the_mails_of_a_wave() -> None:
    some(BATCH + 5)
    wave_id = started()
    run()
    assert results(wave_id).count("done") == BATCH
    queue("password:1", "+31612345678", channel=Channel.SMS)
    wave_timers.run_waves()
    first = claim(UUID(int=1), BATCH)
    assert {row.kind for row in first} == {KEY_MAIL}
    second = claim(UUID(int=1), BATCH)
    assert [row.dedup_key for row in second] == ["password:1"], "one batch, whatever the length of the list"


# Crashes and several workers


def test_a_fault_between_two_of_a_wave_loses_none_and_doubles_none(monkeypatch: pytest.MonkeyPatch) -> None:
    some()
    wave_id, judged = started(), waves._judged
    calls: list[object] = []

    def dies(item: object, **values: object) -> None:
        judged(item, **values)  # type: ignore[arg-type]  # as it is called
        calls.append(item)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(waves, "_judged", dies)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert results(wave_id) == ["done", "waiting", "waiting"]
    assert issuances() == 4
    run()
    assert results(wave_id) == ["done"] * 3
    assert issuances() == 6


WORKER = """
import sys, time, uuid
from keyservice.app import create_app
from keyservice.issuance.waves import renew_next
with create_app().app_context():
    while renew_next(uuid.UUID(sys.argv[1])):
        time.sleep(0.05)
"""


def test_a_worker_that_is_killed_loses_none_and_doubles_none(app: Flask) -> None:
    aanvragen = some(16)
    wave_id, conf = started(), app.extensions["keyservice.settings"]
    empty_queue()
    outside = {**os.environ, **environ(conf.instance, conf.database_url)}
    done = 0
    for more in (1, 4):
        worker = subprocess.Popen([sys.executable, "-c", WORKER, str(wave_id)], env=outside, cwd=ROOT)
        while results(wave_id).count("done") < done + more and worker.poll() is None:
            time.sleep(0.02)
        worker.send_signal(signal.SIGKILL)
        assert worker.wait() == -signal.SIGKILL, "it was killed halfway"
        done = results(wave_id).count("done")
        assert issuances() == len(aanvragen) + done, "each has its place on the list, and the other way round"
    run()
    assert results(wave_id) == ["done"] * len(aanvragen)
    assert [len(of_aanvraag(aanvraag_id)) for aanvraag_id in aanvragen] == [2] * len(aanvragen)


def test_several_workers_at_once_renew_each_once(app: Flask) -> None:
    some(24)
    wave_id = started()
    empty_queue()

    def work(_n: int) -> None:
        with app.app_context():
            wave_timers.run_waves()
            db.session.remove()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert results(wave_id) == ["done"] * 24
    assert issuances() == 48
    assert codes(wave_id).count("wave:finish") == 1


def test_nothing_is_renewed_any_more_once_a_pause_was_answered(app: Flask) -> None:
    some(12)
    wave_id = started()

    def work(_n: int) -> None:
        with app.app_context():
            while waves.renew_next(wave_id):
                time.sleep(0.03)
            db.session.remove()

    with ThreadPoolExecutor(2) as pool:
        working_on_it = pool.map(work, range(2))
        while "done" not in results(wave_id):
            time.sleep(0.01)
        waves.pause(actor("rik"), wave_id, HALT)
        answered = results(wave_id)
        list(working_on_it)
    assert results(wave_id) == answered
    assert answered.count("waiting") > 0


def test_two_waves_with_the_same_key_renew_it_once() -> None:
    aanvraag_id = working()
    first, second = started(), started(by="rosa", starter="rik")
    run()
    assert sorted(results(first) + results(second)) == ["delivery-underway", "done"]
    assert len(of_aanvraag(aanvraag_id)) == 2


def test_a_wave_over_gemeenten_goes_in_the_order_of_their_names() -> None:
    with transaction() as session:
        session.execute(update(Gemeente).where(Gemeente.code == "9999").values(sort_name="aaa"))
    here, there = working(), working("Daar", gemeente="9999")
    assert [item.aanvraag_id for item in items(prepared())] == [there, here]


def test_judging_a_list_takes_the_same_number_of_queries_however_long_it_is() -> None:
    taken = []
    for more in (2, 20):
        some(more)
        keys = wave_queries.keys_to_renew(everything())
        db.session.rollback()
        with asked() as queries:
            assert set(wave_queries.obstacles(keys, [actor("rosa").person]).values()) == {None}
        taken.append(len(queries))
    assert taken[0] == taken[1] < 12
