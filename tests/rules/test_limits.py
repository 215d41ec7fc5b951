"""How often something may happen: a burst at once, then a steady pace, for each name apart."""

import pytest

from keyservice.kernel.errors import TooOften
from keyservice.sleutels.limits import Rate, hold, source


def passes(rate: Rate, name: object, now: float, tries: int) -> int:
    return sum(rate.take(name, now) == 0 for _ in range(tries))


def test_a_burst_passes_at_once_and_then_a_steady_pace() -> None:
    rate = Rate(burst=5, per_second=2)
    assert passes(rate, "a", 100, 20) == 5
    assert passes(rate, "a", 101, 20) == 2
    assert passes(rate, "a", 101.4, 20) == 0
    assert passes(rate, "a", 101.5, 20) == 1
    assert passes(rate, "a", 1000, 20) == 5, "a long pause saves up no more than a burst"


def test_who_is_refused_hears_how_long_to_wait_and_pays_nothing() -> None:
    rate = Rate(burst=1, per_second=0.1)
    assert rate.take("a", 50) == 0
    assert [rate.take("a", 51) for _ in range(3)] == [9, 9, 9]
    assert rate.wait("a", 51) == 9
    assert rate.take("a", 60) == 0


def test_names_do_not_feel_each_other_and_looking_takes_nothing() -> None:
    rate = Rate(burst=1, per_second=1)
    assert rate.take("a", 10) == 0
    assert rate.wait("b", 10) == 0
    assert "b" not in rate
    assert rate.take("b", 10) == 0
    assert "b" in rate


def test_a_flood_of_names_fills_no_memory_and_who_waits_goes_on_waiting() -> None:
    rate = Rate(burst=1, per_second=1, most=100)
    for number in range(1000):
        rate.take(number, number * 2.0)
    assert len(rate._empty_at) <= 100
    rate.take("busy", 3000)
    for number in range(90):
        rate.take(f"new {number}", 3000)
    assert rate.wait("busy", 3000) == 1
    for number in range(1000):  # all at the same moment: nobody has paid back anything
        rate.take(f"many {number}", 3000)
    assert len(rate._empty_at) <= 100


@pytest.mark.parametrize(("wait", "whole"), [(0.001, 1), (1.0, 1), (1.2, 2), (9.0, 9)])
def test_a_wait_is_told_in_whole_seconds_that_are_enough(wait: float, whole: int) -> None:
    with pytest.raises(TooOften) as refused:
        hold(wait)
    assert refused.value.data["seconds"] == whole


def test_who_need_not_wait_goes_on() -> None:
    hold(0)


def test_a_neighbour_of_an_ipv4_address_is_another_source_and_of_an_ipv6_network_the_same() -> None:
    assert source("192.0.2.1") != source("192.0.2.2")
    assert source("2001:db8::1") == source("2001:db8::ffff")
    assert source("::ffff:192.0.2.1") == source("192.0.2.1")
    assert source(None) == source("")
