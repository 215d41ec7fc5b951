from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from keyservice.sleutels.life import Facts, State, state

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
END = datetime(2027, 11, 22, 22, 59, 59, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HAPPENED = START + timedelta(days=3)


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
