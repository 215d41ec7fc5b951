"""What follows from the facts of a key and the moment: state, warnings, the end of an old key, who may resume it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyservice.gemeenten.models import Gemeente
from keyservice.kernel import clock
from keyservice.kernel.ids import new_id
from keyservice.sleutels.life import (
    MOST_OVERLAP_DAYS,
    REPLACED,
    RESUME_WITHIN,
    WARN_DAYS,
    Blocker,
    Facts,
    Need,
    State,
    ends_at,
    resume_asked,
    standing,
    state,
    takes_over,
    warn_on,
    warnings_passed,
)
from keyservice.sleutels.succession import acts_for, last_moment
from keyservice.sleutels.succession_models import Succession

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
END = datetime(2027, 11, 22, 22, 59, 59, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HAPPENED = START + timedelta(days=3)
ACTIVE = Facts(START, END, activated_at=START)
MOMENTS = st.integers(0, 1133 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (START - SECOND, State.SLEEPING),
        (START, State.ACTIVE),
        (START + SECOND, State.ACTIVE),
        (END - SECOND, State.ACTIVE),
        (END, State.EXPIRED),
        (END + SECOND, State.EXPIRED),
    ],
)
def test_an_activated_key_is_active_between_its_two_moments(now: datetime, expected: State) -> None:
    assert state(Facts(START, END, activated_at=START), now) == expected


@pytest.mark.parametrize("revoked", [None, HAPPENED, END + SECOND])
@pytest.mark.parametrize("suspended", [None, HAPPENED])
@pytest.mark.parametrize("activated", [None, HAPPENED])
@pytest.mark.parametrize("now", [edge + step * SECOND for edge, step in product((START, HAPPENED, END), (-1, 0, 1))])
def test_the_first_state_that_holds_counts(
    now: datetime, activated: datetime | None, suspended: datetime | None, revoked: datetime | None
) -> None:
    holds = {
        State.REVOKED: revoked is not None,
        State.EXPIRED: now >= END,
        State.SUSPENDED: suspended is not None,
        State.SLEEPING: activated is None or now < START,
        State.ACTIVE: True,
    }
    order = ["revoked", "expired", "suspended", "sleeping", "active"]
    expected = next(name for name in order if holds[State(name)])
    assert state(Facts(START, END, activated, suspended, revoked), now) == expected


@pytest.mark.parametrize("now", [START - SECOND, HAPPENED - SECOND, HAPPENED, END + SECOND])
def test_i16_a_revoked_key_never_returns_whatever_the_clock_says(now: datetime) -> None:
    assert state(Facts(START, END, activated_at=START, revoked_at=HAPPENED), now) == State.REVOKED


def test_a_key_that_nobody_activated_sleeps_until_it_expires() -> None:
    assert state(Facts(START, END), END - SECOND) == State.SLEEPING
    assert state(Facts(START, END), END) == State.EXPIRED


@pytest.mark.parametrize(
    ("last_day", "days", "expected"),
    [
        (date(2027, 11, 22), 90, date(2027, 8, 24)),
        (date(2027, 12, 31), 1, date(2027, 12, 30)),  # 31 December
        (date(2028, 1, 7), 7, date(2027, 12, 31)),  # over the change of year
        (date(2028, 1, 3), 1, date(2027, 12, 31)),  # Monday: Sunday 2, Saturday 1, so Friday
        (date(2028, 3, 7), 7, date(2028, 2, 29)),  # a leap day
        (date(2027, 3, 29), 1, date(2027, 3, 25)),  # before Easter Monday: Easter, Saturday, Good Friday
        (date(2027, 4, 28), 1, date(2027, 4, 26)),  # Koningsdag
        (date(2027, 4, 12), 14, date(2027, 3, 25)),  # 29 March is Easter Monday, and the clock was put forward between
    ],
)
def test_a_warning_comes_on_its_day_or_the_working_day_before(last_day: date, days: int, expected: date) -> None:
    assert warn_on(clock.end_of_day(last_day), days) == expected


@given(MOMENTS)
def test_warnings_come_in_order_on_working_days_and_never_late(moment: datetime) -> None:
    end = clock.end_of_day(clock.local_date(moment))
    on = [warn_on(end, days) for days in WARN_DAYS]
    assert all(a <= b for a, b in pairwise(on))
    assert all(clock.is_working_day(day) for day in on)
    assert all(day <= clock.local_date(end) - timedelta(days=days) for day, days in zip(on, WARN_DAYS, strict=True))


@given(MOMENTS, MOMENTS)
def test_more_warnings_have_passed_the_later_it_is(one: datetime, other: datetime) -> None:
    before, after = sorted((one, other))
    assert warnings_passed(END, before) <= warnings_passed(END, after) <= len(WARN_DAYS) + 1
    assert (warnings_passed(END, after) > len(WARN_DAYS)) == (after >= END)


def test_the_day_of_a_warning_begins_at_midnight_in_amsterdam_in_summer_and_winter() -> None:
    for days, hour in ((90, 22), (7, 23)):  # UTC; in summer the day begins an hour earlier there
        day = warn_on(END, days) - timedelta(days=1)
        begins = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        assert warnings_passed(END, begins) == warnings_passed(END, begins - SECOND) + 1


# I17


@given(MOMENTS, st.none() | MOMENTS, st.integers(0, MOST_OVERLAP_DAYS))
def test_i17_an_old_key_never_ends_before_its_successor_is_used(
    expires: datetime, first_use: datetime | None, overlap: int
) -> None:
    old = replace(ACTIVE, expires_at=expires)
    end = ends_at(old, first_use, overlap)
    assert end <= expires
    if first_use is None:
        assert end == expires
    else:
        assert end == expires or end >= first_use
        assert end <= max(first_use + timedelta(days=overlap + 1, hours=1), first_use)


@given(MOMENTS, st.integers(0, MOST_OVERLAP_DAYS - 1))
def test_i17_a_longer_overlap_never_ends_an_old_key_sooner(first_use: datetime, overlap: int) -> None:
    assert ends_at(ACTIVE, first_use, overlap) <= ends_at(ACTIVE, first_use, overlap + 1)


def test_the_last_day_of_an_overlap_is_whole_also_when_the_clock_changes() -> None:
    for first in (datetime(2027, 3, 20, 12, tzinfo=UTC), datetime(2027, 10, 20, 12, tzinfo=UTC)):
        last = clock.local(ends_at(ACTIVE, first, 14))
        assert (last.date() - first.date()).days == 14
        assert f"{last:%H:%M:%S}" == "23:59:59"


@pytest.mark.parametrize(
    ("new", "reason", "ends"),
    [
        (ACTIVE, None, True),
        (replace(ACTIVE, activated_at=None), None, False),
        (replace(ACTIVE, suspended_at=START, suspended_by=Blocker.DUO), None, False),
        (replace(ACTIVE, revoked_at=START), "lapsed", False),
        (replace(ACTIVE, revoked_at=START), "leaked", False),
        (replace(ACTIVE, revoked_at=START), REPLACED, True),
        (replace(ACTIVE, expires_at=START), None, False),
    ],
)
def test_i17_only_a_key_that_works_or_was_followed_itself_takes_over(
    new: Facts,
    reason: str | None,
    ends: bool,  # noqa: FBT001 - pytest gives it by name
) -> None:
    assert takes_over(new, reason, START + SECOND) is ends


# Who blocked a key.


def test_a_block_gives_way_to_a_stronger_one_only() -> None:
    stronger = {(a, b) for a, b in product(Blocker, Blocker) if a.yields_to(b)}
    assert stronger == {
        (Blocker.ENDED, Blocker.GEMEENTE),
        (Blocker.ENDED, Blocker.DUO),
        (Blocker.ENDED, Blocker.PROGRAM),
        (Blocker.GEMEENTE, Blocker.DUO),
        (Blocker.GEMEENTE, Blocker.PROGRAM),
        (Blocker.DUO, Blocker.PROGRAM),
    }


def test_a_block_of_which_nobody_noted_who_was_by_the_program() -> None:
    assert ACTIVE.blocker is None
    assert replace(ACTIVE, suspended_at=START).blocker is Blocker.PROGRAM


def test_who_asked_counts_for_seven_days_and_only_while_the_key_is_blocked() -> None:
    who = new_id()
    asked = replace(ACTIVE, suspended_at=START, resume_asked_by=who, resume_asked_at=START)
    assert resume_asked(asked, START + RESUME_WITHIN - SECOND) == who
    assert resume_asked(asked, START + RESUME_WITHIN) is None
    assert resume_asked(replace(asked, suspended_at=None), START) is None


# What is shown.


@pytest.mark.parametrize(
    ("changes", "now", "expected"),
    [
        ({}, START, (State.ACTIVE, False, END, None)),
        ({}, END - timedelta(days=80), (State.ACTIVE, True, END, Need.REPLACE)),
        ({}, END, (State.EXPIRED, False, None, None)),
        ({"activated_at": None}, START, (State.SLEEPING, False, END, Need.ACTIVATE)),
        ({"not_before": START + SECOND}, START, (State.SLEEPING, False, START + SECOND, None)),
        ({"revoked_at": START}, START, (State.REVOKED, False, None, None)),
        *(
            ({"suspended_at": START, "suspended_by": by}, START, (State.SUSPENDED, False, END, need))
            for by, need in (
                (Blocker.GEMEENTE, Need.RESUME),
                (Blocker.DUO, Need.ASK_DUO),
                (Blocker.PROGRAM, Need.ASK_DUO),
                (None, Need.ASK_DUO),
                (Blocker.ENDED, Need.ASK_SUCCESSOR),
            )
        ),
    ],
)
def test_how_a_key_stands_when_it_changes_and_what_to_do(
    changes: dict[str, Any], now: datetime, expected: tuple[object, ...]
) -> None:
    stands = standing(replace(ACTIVE, **changes), now)
    assert (stands.state, stands.soon, stands.next_at, stands.need) == expected
    assert stands.state is state(replace(ACTIVE, **changes), now)


def test_a_key_whose_successor_is_used_shows_that_end_and_asks_for_nothing() -> None:
    stands = standing(ACTIVE, START, START + timedelta(days=14))
    assert (stands.soon, stands.next_at, stands.need) == (True, START + timedelta(days=14), None)


# A gemeente that ends, and one that begins.

LAST_DAY = date(2026, 12, 31)
WIJDEMEREN = Gemeente(code="1696", name="Wijdemeren", valid_from=None, valid_until=LAST_DAY, successor_code="0402")
APPROVED = Succession(gemeente="1696", successor="0402", until=last_moment(LAST_DAY))


def test_the_keys_of_wijdemeren_act_for_hilversum_for_ninety_days_when_that_was_approved() -> None:
    midnight = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    assert last_moment(LAST_DAY) == datetime(2027, 3, 31, 21, 59, 59, tzinfo=UTC)  # summer time by then
    for asked, after in ((APPROVED, "0402"), (None, None), (Succession(successor="0402", until=None), None)):
        assert acts_for(WIJDEMEREN, asked, midnight - SECOND) == "1696"
        assert acts_for(WIJDEMEREN, asked, midnight) == after
        assert acts_for(WIJDEMEREN, asked, last_moment(LAST_DAY) - SECOND) == after
        assert acts_for(WIJDEMEREN, asked, last_moment(LAST_DAY)) is None


@pytest.mark.parametrize(
    ("first_day", "earliest"),
    [
        (date(2027, 1, 1), date(2026, 7, 1)),
        (date(2027, 8, 31), date(2027, 2, 28)),
        (date(2028, 8, 31), date(2028, 2, 29)),
    ],
)
def test_a_gemeente_may_apply_from_six_months_before_its_first_day(first_day: date, earliest: date) -> None:
    new = Gemeente(code="9997", name="Nieuwdam", valid_from=first_day, valid_until=None)
    assert new.may_apply_on(earliest)
    assert not new.may_apply_on(earliest - timedelta(days=1))
