"""What guards the machine API: which keys open, what the others hear, and what it costs the database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import text, update

from keyservice.audit.queries import search
from keyservice.database import db, transaction
from keyservice.kernel import clock
from keyservice.kernel.errors import TooOften
from keyservice.kernel.secret import Secret
from keyservice.sleutels import service
from keyservice.sleutels.blocking import suspend_by_program
from keyservice.sleutels.format import BASE62, Omgeving, digest, new_key
from keyservice.sleutels.life import State
from keyservice.sleutels.limits import WRONG_BURST, Limits, Rate
from keyservice.sleutels.models import Sleutel
from keyservice.sleutels.verification import NotUsable, Unknown, admit, verify
from tests.factories.aanvragen import actor
from tests.factories.keys import DOSSIER, asleep, awake, mistyped, queries
from tests.factories.trail import told, verified

pytestmark = pytest.mark.usefixtures("context")
HOME = "192.0.2.7"
# Both ways in which a key is asked about.
WAYS: dict[str, Callable[[str], object]] = {"guard": lambda key: admit(key, HOME), "question": verify}


@pytest.fixture(autouse=True)
def no_memory(context: Flask) -> None:
    context.extensions["keyservice.limits"] = Limits()


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Callable[[str], object]:
    return WAYS[request.param]


def state_of(ask: Callable[[str], object], key: str) -> State | None:
    """Return the state in which a key was found, ACTIVE when it opens, None when it is unknown."""
    try:
        ask(key)
    except Unknown:
        return None
    except NotUsable as refused:
        return refused.checked.state
    return State.ACTIVE


def test_a_working_key_opens_and_says_whose_it_is() -> None:
    sleutel_id, key = awake(Omgeving.ACCEPTATIE)
    row = db.session.get_one(Sleutel, sleutel_id)
    for checked in (verify(key), admit(key, HOME)):
        assert (checked.id, checked.number, checked.gemeente) == (sleutel_id, row.number, "9998")
        assert (checked.omgeving, checked.facts) == (Omgeving.ACCEPTATIE, row.facts)


def test_a_key_opens_from_its_activation_until_it_is_suspended_or_revoked(ask: Callable[[str], object]) -> None:
    sleutel_id, key = asleep()
    assert state_of(ask, key) is State.SLEEPING
    service.activate(actor("anna"), sleutel_id, dossier=DOSSIER)
    assert state_of(ask, key) is State.ACTIVE
    suspend_by_program(sleutel_id, "mismatch", dossier=DOSSIER)
    assert state_of(ask, key) is State.SUSPENDED
    service.revoke(actor("rosa"), sleutel_id, "cancelled", dossier=DOSSIER)
    assert state_of(ask, key) is State.REVOKED


def test_a_refusal_knows_the_key_so_that_its_holder_can_be_told() -> None:
    sleutel_id, key = asleep()
    with pytest.raises(NotUsable) as refused:
        admit(key, HOME)
    assert refused.value.checked.id == sleutel_id


@pytest.mark.parametrize(
    ("made", "end"),
    [
        (datetime(2098, 12, 31, 9, 0, tzinfo=UTC), datetime(2099, 12, 31, 22, 59, 59, tzinfo=UTC)),  # 31 December
        (datetime(2095, 3, 1, 9, 0, tzinfo=UTC), datetime(2096, 2, 29, 22, 59, 59, tzinfo=UTC)),  # a leap day
        (datetime(2099, 3, 29, 0, 59, 59, tzinfo=UTC), datetime(2100, 3, 25, 22, 59, 59, tzinfo=UTC)),  # summer time
    ],
)
def test_p11_a_key_stops_at_the_second_it_expires(made: datetime, end: datetime, ask: Callable[[str], object]) -> None:
    with time_machine.travel(made, tick=False):
        sleutel_id, key = awake()
        assert db.session.get_one(Sleutel, sleutel_id).expires_at == end
        assert state_of(ask, key) is State.ACTIVE
    with time_machine.travel(end - timedelta(seconds=1), tick=False):
        assert state_of(ask, key) is State.ACTIVE
    for later in (timedelta(), timedelta(minutes=1), timedelta(days=366)):
        with time_machine.travel(end + later, tick=False):
            assert state_of(ask, key) is State.EXPIRED
    with time_machine.travel(made - timedelta(days=1), tick=False):  # a clock that runs a day behind
        assert state_of(ask, key) is State.SLEEPING


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        " ",
        "asl_p_",
        "asl_p_" + "0" * 38,
        "asl_x_" + "0" * 38,
        "ásl_p_" + "0" * 38,
        "asl_p_" + "\u0661" * 38,  # digits, but not ours
        "asl_p_" + "0" * 100_000,
        "' OR 1=1 --",
        "Bearer asl_p_\x00",
    ],
)
def test_a_text_that_is_no_key_is_unknown_without_a_query(wrong: str, ask: Callable[[str], object]) -> None:
    with queries() as sent:
        assert state_of(ask, wrong) is None
    assert sent == []


def test_p15_a_flood_of_mistyped_keys_reaches_no_database(ask: Callable[[str], object]) -> None:
    _, key = awake()
    flood = [
        key[:place] + other + key[place + 1 :] for place in range(6, 44) for other in BASE62 if other != key[place]
    ]
    assert len(flood) > 2000
    with queries() as sent:
        assert {state_of(ask, wrong) for wrong in flood} == {None}
    assert sent == []


def test_a_key_costs_one_query_whatever_becomes_of_it() -> None:
    _, working = awake()
    _, sleeping = asleep()
    unknown = new_key(Omgeving.PRODUCTIE).reveal()
    assert state_of(WAYS["guard"], unknown) is None  # the first of a minute is an event
    for key, state in ((working, State.ACTIVE), (sleeping, State.SLEEPING), (unknown, None)):
        for ask in WAYS.values():
            with queries() as sent:
                assert state_of(ask, key) is state
            assert [query.split()[0] for query in sent] == ["SELECT"]


def test_i11_wrong_keys_from_one_source_are_one_event_a_minute() -> None:
    for _ in range(5):
        with pytest.raises(Unknown):
            admit(new_key(Omgeving.PRODUCTIE).reveal(), HOME)
    (event,) = search(code="access:refuse-anonymous")
    assert (event.origin, event.fields["kind"], event.private["source"]) == ("api", "sleutel-unknown", HOME)


# Rows that somebody changed


@pytest.mark.parametrize(
    "change",
    [
        "expires_at = '2199-01-01 00:00:00'",
        "activated_at = not_before",
        "gemeente = '9999'",
        "omgeving = 'acceptatie'",
        "number = 'SL-2026-99999'",
        "suspended_at = NULL, reason = 'x'",
    ],
)
def test_a_row_changed_by_sql_is_refused_and_alarms(change: str, ask: Callable[[str], object]) -> None:
    sleutel_id, key = asleep()
    with transaction() as session:
        session.execute(text(f"UPDATE sleutel SET {change}"))
    assert state_of(ask, key) is None
    (event,) = search(code="sleutel:damage")
    assert event.subject == str(sleutel_id)


def test_a_row_inserted_by_sql_is_refused_and_alarms(ask: Callable[[str], object]) -> None:
    _, known = awake()
    mine = new_key(Omgeving.PRODUCTIE)
    with transaction() as session:
        row = session.execute(text("SELECT * FROM sleutel")).mappings().one()
        values = {**row, "number": "SL-2026-77777", "digest": digest(mine)}
        values["id"] = values["id"][::-1] if isinstance(values["id"], str) else DOSSIER
        names = ", ".join(values)
        session.execute(text(f"INSERT INTO sleutel ({names}) VALUES (:{names.replace(', ', ', :')})"), values)
    assert state_of(ask, mine.reveal()) is None
    assert state_of(ask, known) is State.ACTIVE
    assert len(search(code="sleutel:damage")) == 1


def test_the_alarm_of_a_key_comes_once_a_minute_however_often_it_is_tried(ask: Callable[[str], object]) -> None:
    sleutel_id, key = asleep()
    with transaction() as session:
        session.execute(update(Sleutel).where(Sleutel.id == sleutel_id).values(activated_at=clock.now()))
    assert [state_of(ask, key) for _ in range(20)] == [None] * 20
    assert service.find(Secret(key)) is None
    assert len(search(code="sleutel:damage")) == 1


# Limits


def test_one_key_gets_a_burst_and_then_waits_without_a_query(context: Flask) -> None:
    context.extensions["keyservice.limits"] = Limits(keys=Rate(burst=5, per_second=0.001))
    _, key = awake()
    _, other = awake()
    for _ in range(5):
        admit(key, HOME)
    with queries() as sent, pytest.raises(TooOften) as refused:
        admit(key, HOME)
    assert sent == []
    assert 990 <= int(str(refused.value.data["seconds"])) <= 1000
    assert admit(other, HOME).gemeente == "9998"


def test_a_key_that_does_not_work_is_held_to_the_same_limit(context: Flask) -> None:
    context.extensions["keyservice.limits"] = Limits(keys=Rate(burst=2, per_second=0.001))
    _, key = asleep()
    assert [state_of(WAYS["guard"], key) for _ in range(2)] == [State.SLEEPING] * 2
    with queries() as sent, pytest.raises(TooOften):
        admit(key, HOME)
    assert sent == []


def test_wrong_keys_from_one_source_wait_without_a_query_and_known_keys_go_on(context: Flask) -> None:
    context.extensions["keyservice.limits"] = Limits(wrong=Rate(burst=3, per_second=0.001))
    _, known = awake()
    _, not_seen_yet = awake()
    admit(known, HOME)
    for _ in range(3):
        with pytest.raises(Unknown):
            admit(new_key(Omgeving.PRODUCTIE).reveal(), HOME)
    with queries() as sent, pytest.raises(TooOften):
        admit(new_key(Omgeving.PRODUCTIE).reveal(), HOME)
    assert sent == []
    assert admit(known, HOME).gemeente == "9998"
    assert admit(not_seen_yet, "192.0.2.8").gemeente == "9998", "another address knows nothing of it"


def test_a_mistyped_key_counts_for_no_limit() -> None:
    _, key = awake()
    for _ in range(3 * WRONG_BURST):
        with pytest.raises(Unknown):
            admit(mistyped(key), HOME)
    assert admit(key, HOME).gemeente == "9998"


def test_what_the_guard_writes_leaves_a_trail_that_verifies() -> None:
    _, key = awake()
    with transaction() as session:
        session.execute(text("UPDATE sleutel SET gemeente = '9999'"))
    assert state_of(verify, key) is None
    assert told(verified()) == []
