from collections import Counter
from datetime import date

import pytest

from keyservice.gemeenten.register_file import GemeenteFacts, read_register, sort_key

GEMEENTEN = {gemeente.code: gemeente for gemeente in read_register()}


def count_on(day: date) -> int:
    return sum(gemeente.valid_on(day) for gemeente in GEMEENTEN.values())


@pytest.mark.parametrize(
    ("day", "count"),
    [
        (date(2021, 12, 31), 352),
        (date(2022, 1, 1), 345),
        (date(2022, 3, 24), 344),
        (date(2023, 1, 1), 342),
        (date(2026, 1, 1), 342),
        (date(2027, 1, 1), 341),
    ],
)
def test_the_number_of_gemeenten_is_that_of_cbs(day: date, count: int) -> None:
    assert count_on(day) == count


def test_the_provinces_of_2026_have_their_gemeenten() -> None:
    counts = Counter(g.province for g in GEMEENTEN.values() if g.valid_on(date(2026, 1, 1)))
    assert sorted(counts.values()) == sorted([10, 18, 12, 25, 6, 51, 26, 44, 50, 13, 56, 31])


def test_wijdemeren_ends_with_2026_and_goes_into_hilversum() -> None:
    wijdemeren = GEMEENTEN["1696"]
    assert wijdemeren.name == "Wijdemeren"
    assert wijdemeren.valid_on(date(2026, 12, 31))
    assert not wijdemeren.valid_on(date(2027, 1, 1))
    assert wijdemeren.successor_code == "0402"
    assert GEMEENTEN["0402"].name == "Hilversum"


def test_each_successor_exists_on_the_day_after_the_end() -> None:
    ended = [gemeente for gemeente in GEMEENTEN.values() if gemeente.valid_until]
    assert len(ended) == 15
    for gemeente in ended:
        assert gemeente.valid_until
        assert gemeente.successor_code
        successor = GEMEENTEN[gemeente.successor_code]
        assert successor.valid_on(date.fromordinal(gemeente.valid_until.toordinal() + 1))


def test_names_are_sorted_without_article_and_accents() -> None:
    assert sort_key("'s-Gravenhage") == "gravenhage"
    assert sort_key("’s-Hertogenbosch") == "hertogenbosch"
    assert sort_key("'t Voorbeeld") == "voorbeeld"
    assert sort_key("Súdwest-Fryslân") == "sudwest-fryslan"
    names = [gemeente.name for gemeente in read_register()]
    assert names[0] == "Aa en Hunze"
    assert names.index("Gouda") < names.index("'s-Gravenhage") < names.index("Groningen")


@pytest.mark.parametrize(
    ("code", "start", "end", "successor"),
    [
        ("344", None, None, None),
        ("03441", None, None, None),
        ("0344", None, date(2026, 1, 1), None),
        ("0344", None, None, "0402"),
        ("0344", date(2026, 1, 2), date(2026, 1, 1), "0402"),
    ],
)
def test_a_row_that_cannot_be_true_is_refused(
    code: str, start: date | None, end: date | None, successor: str | None
) -> None:
    with pytest.raises(ValueError, match="gemeente"):
        GemeenteFacts(code, "Voorbeeld", "Utrecht", start, end, successor)
