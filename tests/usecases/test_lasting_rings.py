"""The lasting rings get new keys in the middle of life: what was proved stays so, and an old key goes when it can."""

import base64
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import LargeBinary, delete, select, update
from sqlalchemy.exc import DBAPIError

from keyservice import cli, cli_rings, lasting_rings
from keyservice.accounts import joining, recovery, totp
from keyservice.accounts.models import Account
from keyservice.audit.checkpoint import CheckpointBroken, key_id, read
from keyservice.audit.models import AuditCheckpoint, AuditEvent
from keyservice.audit.sealer import origin, public_keys, seal
from keyservice.contacts import service as contacts
from keyservice.database import Base, db, transaction
from keyservice.demo.people import person_id
from keyservice.issuance import service
from keyservice.kernel import clock
from keyservice.kernel.actor import ANONYMOUS, Actor
from keyservice.kernel.seal import LASTING_RINGS, SEALING_RINGS, Rings, SealBroken
from keyservice.kernel.secret import Secret
from keyservice.lasting_rings import KeyStays
from keyservice.portaal import loading, machine
from keyservice.portaal import service as portaal
from keyservice.portaal.models import ProcessingLog
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.life import State, state
from tests.conftest import csrf
from tests.factories.aanvragen import actor
from tests.factories.contacts import contact, practice_code, sms_code, unproven
from tests.factories.issuance import held, issued
from tests.factories.keys import awake
from tests.factories.no_events import changed, content, refuse_events
from tests.factories.people import invite, links
from tests.factories.portaal import SIGNED, inburgeraar, stored

TWO_DAYS = timedelta(days=2)


@pytest.fixture
def rings(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rings:
    """Give the program rings of its own: other tests share theirs."""
    shutil.copytree(app.extensions["keyservice.rings"].folder, tmp_path / "rings")
    own = Rings(tmp_path / "rings")
    monkeypatch.setitem(app.extensions, "keyservice.rings", own)
    monkeypatch.setitem(app.config, "WTF_CSRF_SECRET_KEY", type(app.config["WTF_CSRF_SECRET_KEY"])(own))
    return own


def ids(rings: Rings, ring: str) -> list[bytes]:
    return [key.id for key in rings.keys(ring)]


def events_of(code: str) -> list[dict[str, object]]:
    db.session.expire_all()
    rows = db.session.scalars(select(AuditEvent).where(AuditEvent.code == code).order_by(AuditEvent.row)).all()
    return [json.loads(event.canonical)["fields"] for event in rows]


@pytest.mark.parametrize("ring", LASTING_RINGS)
def test_a_rotation_is_an_event_that_names_both_keys_by_id_and_holds_neither(
    rings: Rings, context: Flask, ring: str
) -> None:
    before = ids(rings, ring)
    made = lasting_rings.rotate(ring)
    assert ids(rings, ring) == [made, *before]
    assert events_of("ring:rotate") == [{"ring": ring, "key": made.hex(), "previous": before[0].hex()}]
    stored = b"".join(db.session.scalars(select(AuditEvent.canonical)))
    for key in rings.keys(ring):
        assert key.key.hex().encode() not in stored
        assert base64.b64encode(key.key) not in stored


def test_i3_no_ring_changes_and_nothing_is_sealed_anew_when_the_event_cannot_be_written(
    rings: Rings, app: Flask
) -> None:
    (old,) = ids(rings, "totp")
    with app.app_context():
        lasting_rings.rotate("totp")
        lasting_rings.rotate("session")
    before, stored = {ring: ids(rings, ring) for ring in LASTING_RINGS}, content(app)
    refuse_events(app)
    session = before["session"][1]
    for act in (
        lambda: lasting_rings.rotate("mac"),
        lambda: lasting_rings.reseal("totp"),
        lambda: lasting_rings.retire("session", session),
    ):
        with app.app_context(), time_machine.travel(clock.now() + TWO_DAYS), pytest.raises(DBAPIError, match="no room"):
            act()
    assert {ring: ids(rings, ring) for ring in LASTING_RINGS} == before
    assert changed(stored, content(app)) == set()
    assert old in before["totp"]


@pytest.mark.parametrize("ring", LASTING_RINGS)
def test_every_process_uses_the_new_key_at_once(rings: Rings, context: Flask, ring: str) -> None:
    elsewhere = Rings(rings.folder)
    elsewhere.keys(ring)
    made = lasting_rings.rotate(ring)
    assert elsewhere.keys(ring)[0].id == made


# mac


def test_every_column_that_holds_a_mac_is_in_the_list() -> None:
    found = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.c
        if isinstance(column.type, LargeBinary) and column.name.endswith("mac")
    }
    # Made with the ring `bsn_index`, and counted there.
    assert found - {("machine_message", "mac")} == set(lasting_rings.MACS)


def test_keys_events_and_codes_of_before_a_new_mac_key_stay_good(rings: Rings, context: Flask) -> None:
    issuance_id = issued()
    both = held(issuance_id)
    case = unproven()
    contacts.send_practice_zip(actor("anna"), case.key, case.aanvraag)
    contacts.send_sms_code(actor("anna"), case.password, case.aanvraag)
    invitation, spoken = invite()
    recovery_code = recovery.renew(actor("gert"))[0].reveal()
    old = rings.keys("mac")[0].id

    new = lasting_rings.rotate("mac")

    sleutel = sleutels.find(both.key)
    assert sleutel
    assert sleutel.mac.startswith(old)
    assert sleutels.intact(sleutel)
    service.activate(actor("anna"), issuance_id, both.code)
    contacts.prove_mailbox(actor("anna"), case.key, practice_code(case), case.aanvraag)
    contacts.confirm_by_code(ANONYMOUS, contact(case.password).z_number, sms_code(case))
    assert joining.open_by_code(ANONYMOUS, links()[-1], spoken) == invitation
    assert recovery.use(actor("gert"), person_id("gert"), recovery_code)
    woken = sleutels.find(both.key)
    assert woken
    assert woken.mac.startswith(new), "written anew, with the key of now"
    assert state(woken.facts, clock.now()) is State.ACTIVE
    db.session.rollback()
    all_events = db.session.scalars(select(AuditEvent)).all()
    assert {event.mac[:4] for event in all_events} == {old, new}
    assert all(rings.mac_fits(event.mac, "audit-event", event.canonical.decode()) for event in all_events)


def test_a_mac_key_that_was_used_stays_and_one_that_never_was_can_go(rings: Rings, context: Flask) -> None:
    sleutels_key = held(issued()).key
    (used,) = ids(rings, "mac")
    with pytest.raises(KeyStays, match="rotate first"):
        lasting_rings.retire("mac", used)
    rings.add_key("mac")
    of_one_event = ids(rings, "mac")[0]
    lasting_rings.rotate("mac")
    rings.add_key("mac")
    with pytest.raises(KeyStays, match="24 hours"):
        lasting_rings.retire("mac", used)
    with time_machine.travel(clock.now() + TWO_DAYS):
        with pytest.raises(KeyStays, match=r"\d+ rows need it"):
            lasting_rings.retire("mac", used)
        with pytest.raises(KeyStays, match="rows need it"):
            lasting_rings.retire("mac", of_one_event)
        with pytest.raises(KeyStays, match="no such key"):
            lasting_rings.retire("mac", b"none")
        unused = ids(rings, "mac")[1]
        lasting_rings.retire("mac", unused)
    assert unused not in ids(rings, "mac")
    assert {used, of_one_event} <= set(ids(rings, "mac"))
    assert events_of("ring:destroy") == [{"ring": "mac", "key": unused.hex(), "values": 0}]
    assert sleutels.find(sleutels_key)


# totp


def code_of_now(login: str) -> str:
    account = db.session.get_one(Account, person_id(login), populate_existing=True)
    assert account.tf_totp_secret
    return totp.code(account.id, account.tf_totp_secret, totp.counter_at(clock.now()))


def test_apps_of_before_work_are_sealed_anew_and_then_the_old_key_can_go(rings: Rings, context: Flask) -> None:
    (old,) = ids(rings, "totp")
    code = code_of_now("anna")
    before = db.session.get_one(Account, person_id("anna")).tf_totp_secret
    assert before
    lasting_rings.rotate("totp")
    assert totp.verify(person_id("anna"), code)
    with time_machine.travel(clock.now() + TWO_DAYS):
        with pytest.raises(KeyStays, match="rows need it"):
            lasting_rings.retire("totp", old)
        apps = lasting_rings.users("totp")[old]
        assert apps > 5
        assert lasting_rings.reseal("totp") == (apps, 0)
        assert lasting_rings.reseal("totp") == (0, 0), "a second time there is nothing to do"
        lasting_rings.retire("totp", old)
        assert totp.verify(person_id("anna"), code_of_now("anna"))
        assert totp.verify(person_id("rik"), code_of_now("rik"))
        with pytest.raises(SealBroken):  # an old copy of the database opens no more
            totp.reveal(person_id("anna"), before)
    assert ids(rings, "totp") == [rings.keys("totp")[0].id]
    newest = rings.keys("totp")[0].id.hex()
    assert events_of("ring:reseal")[0] == {"ring": "totp", "key": newest, "values": apps}


def test_a_secret_that_was_changed_in_the_database_holds_up_no_other_one(rings: Rings, context: Flask) -> None:
    (old,) = ids(rings, "totp")
    with transaction() as session:
        rik = session.get_one(Account, person_id("rik")).tf_totp_secret
        session.execute(update(Account).where(Account.id == person_id("anna")).values(tf_totp_secret=rik))
    apps = lasting_rings.users("totp")[old]
    lasting_rings.rotate("totp")
    assert lasting_rings.reseal("totp") == (apps - 1, 1)
    assert totp.verify(person_id("rik"), code_of_now("rik"))
    with time_machine.travel(clock.now() + TWO_DAYS), pytest.raises(KeyStays, match="1 rows need it"):
        lasting_rings.retire("totp", old)


# session


def test_forms_that_are_open_outlive_a_new_session_key_and_not_the_end_of_the_old_one(
    rings: Rings, app: Flask, browser_of: Callable[[str], FlaskClient]
) -> None:
    (old,) = ids(rings, "session")
    anna = browser_of("anna")
    token = csrf(anna.get("/contact").text)
    with app.app_context():
        lasting_rings.rotate("session")
    assert anna.post("/aanvragen/nieuw", data={"csrf_token": token}).status_code == 303, "signed by the old key"
    fresh = csrf(anna.get("/contact").text)
    with app.app_context(), time_machine.travel(clock.now() + TWO_DAYS):
        lasting_rings.retire("session", old)
    assert anna.post("/aanvragen/nieuw", data={"csrf_token": token}).status_code == 400
    assert anna.post("/aanvragen/nieuw", data={"csrf_token": fresh}).status_code == 303, "and nobody was logged out"


# checkpoint


def test_checkpoints_of_before_and_after_a_new_key_are_read_and_the_tree_holds_the_change(
    rings: Rings, context: Flask
) -> None:
    (old,) = ids(rings, "checkpoint")
    issued()
    first = seal()
    lasting_rings.rotate("checkpoint")
    second = seal()
    assert first
    assert second
    assert first.size < second.size
    newer, older = public_keys()
    assert read(first.text, older) == first
    assert read(second.text, newer) == second
    for text, key in ((first.text, newer), (second.text, older)):
        with pytest.raises(CheckpointBroken):
            read(text, key)
    texts = db.session.scalars(select(AuditCheckpoint.text)).all()
    assert all(read(text, newer, older) for text in texts)
    assert lasting_rings.users("checkpoint") == {old: len(texts) - 1, ids(rings, "checkpoint")[0]: 1}
    with time_machine.travel(clock.now() + TWO_DAYS), pytest.raises(KeyStays, match="rows need it"):
        lasting_rings.retire("checkpoint", old)


def test_a_checkpoint_key_that_never_signed_can_go_and_sealing_goes_on(rings: Rings, context: Flask) -> None:
    issued()
    seal()
    never = lasting_rings.rotate("checkpoint")
    lasting_rings.rotate("checkpoint")
    with time_machine.travel(clock.now() + TWO_DAYS):
        lasting_rings.retire("checkpoint", never)
        after = seal()
    assert after
    assert len(public_keys()) == 2
    assert key_id(origin(), public_keys()[0]) in base64.b64decode(after.text.split()[-1])


# The commands


@pytest.fixture
def command(context: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Return a function that runs `keyservice rings …` and gives exit code and output."""
    monkeypatch.setattr(cli_rings, "create_app", lambda: context)

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli.commands, ["rings", *words])
        return done.exit_code, done.output

    return run


def test_the_list_names_every_key_by_id_with_the_rows_that_need_it_and_shows_none(
    rings: Rings, command: Callable[..., tuple[int, str]]
) -> None:
    held(issued())
    seal()
    lasting_rings.rotate("checkpoint")
    status, output = command("list")
    assert status == 0
    for ring in (*SEALING_RINGS, *LASTING_RINGS):
        needed = lasting_rings.users(ring)
        for place, key in enumerate(rings.keys(ring)):
            (line,) = (line for line in output.splitlines() if line.startswith(f"{ring} ") and key.id.hex() in line)
            assert ("in use" in line) is (place == 0)
            assert line.endswith(f" {needed[key.id]} rows")
            assert key.key.hex() not in output
            assert base64.b64encode(key.key).decode() not in output
    assert [line.split(" UTC  ")[1] for line in output.splitlines() if line.startswith("from ")] == [
        f"{origin()}+{key_id(origin(), key).hex()}+{base64.b64encode(bytes([1]) + key.public_bytes_raw()).decode()}"
        for key in public_keys()
    ]


def test_the_commands_rotate_reseal_and_retire_and_say_what_they_refuse(
    rings: Rings, command: Callable[..., tuple[int, str]]
) -> None:
    old = rings.keys("totp")[0].id.hex()
    assert command("rotate", "zip")[0] == 2, "it rotates by itself"
    assert command("retire", "totp", old) == (1, "Refused: it is the one that ring totp uses: rotate first.\n")
    assert command("rotate", "totp")[0] == 0
    assert command("retire", "totp", old)[1] == "Refused: it was replaced less than 24 hours ago.\n"
    assert command("retire", "totp", "geen id")[1] == "Refused: no such id; see `keyservice rings list`.\n"
    status, output = command("reseal", "totp")
    assert (status, "values sealed with the newest key" in output) == (0, True)
    with time_machine.travel(clock.now() + TWO_DAYS):
        assert command("retire", "totp", old)[0] == 0
    assert [key.id.hex() for key in rings.keys("totp")] != [old]
    assert len(rings.keys("totp")) == 1


# bsn and bsn_index


def test_a_bsn_is_found_after_a_new_key_and_sealed_and_digested_anew_so_that_the_old_keys_can_go(
    rings: Rings, context: Flask, tmp_path: Path
) -> None:
    person_id = inburgeraar(tmp_path)
    olds = {ring: ids(rings, ring)[0] for ring in ("bsn", "bsn_index")}
    pim, digits = actor("pim"), Secret("999990019")
    for ring in olds:
        lasting_rings.rotate(ring)
    found = portaal.find_by_bsn(pim, digits)
    assert found
    assert found.id == person_id
    again = loading.load(tmp_path / "999990019.csv")
    assert (again.added, again.unchanged) == (0, 1), "one person keeps one row, whichever key found him"
    with time_machine.travel(clock.now() + TWO_DAYS):
        for ring, old in olds.items():
            with pytest.raises(KeyStays, match="rows need it"):
                lasting_rings.retire(ring, old)
            assert lasting_rings.reseal(ring) == (1, 0)
            assert lasting_rings.reseal(ring) == (0, 0), "a second time there is nothing to do"
        lasting_rings.retire("bsn", olds["bsn"])
        # The processing log knows him by a pseudonym of the old key: it goes when the log is past its term.
        with pytest.raises(KeyStays, match="1 rows need it"):
            lasting_rings.retire("bsn_index", olds["bsn_index"])
        db.session.execute(delete(ProcessingLog))
        db.session.commit()
        lasting_rings.retire("bsn_index", olds["bsn_index"])
        found = portaal.find_by_bsn(pim, digits)
        assert found
        assert portaal.show_bsn(pim, person_id).reveal() == "999990019"


def test_after_the_loss_of_the_index_ring_everybody_is_digested_anew_and_found(
    rings: Rings, context: Flask, tmp_path: Path
) -> None:
    person_id = inburgeraar(tmp_path)
    (rings.folder / "bsn_index.json").unlink()
    Rings.create(rings.folder)
    pim, digits = actor("pim"), Secret("999990019")
    assert portaal.find_by_bsn(pim, digits) is None
    assert lasting_rings.reseal("bsn_index") == (1, 0)
    found = portaal.find_by_bsn(pim, digits)
    assert found
    assert found.id == person_id


def test_an_index_key_stays_as_long_as_a_message_of_a_machine_may_come_again_that_was_answered_with_it(
    rings: Rings, context: Flask
) -> None:
    sleutel_id, _ = awake()
    name, day, start = uuid4(), timedelta(days=1), clock.now()

    def send() -> str:
        gemeente = Actor(None, frozenset(), "9998", "api", sleutel=sleutel_id)
        return machine.register(gemeente, name, [machine.Item(None, SIGNED)], lambda _results: str(uuid4()))

    answer = send()
    (old,) = ids(rings, "bsn_index")
    lasting_rings.rotate("bsn_index")
    with time_machine.travel(start + 6 * day):
        machine.forget_answers()
        with pytest.raises(KeyStays, match="1 rows need it"):
            lasting_rings.retire("bsn_index", old)
        assert send() == answer
    with time_machine.travel(start + 8 * day):
        machine.forget_answers()
        lasting_rings.retire("bsn_index", old)
        assert send() != answer


def test_a_sealed_bsn_that_was_moved_to_another_row_holds_up_no_other_one(
    rings: Rings, context: Flask, tmp_path: Path
) -> None:
    inburgeraar(tmp_path)
    inburgeraar(tmp_path, "999990020")
    with transaction():
        stored("999990019").bsn = stored("999990020").bsn
    for ring in ("bsn", "bsn_index"):
        lasting_rings.rotate(ring)
        assert lasting_rings.reseal(ring) == (1, 1)
