"""What the counts of a gemeente say: per law, per month, and whose term is over or ends soon."""

from datetime import date

from keyservice.portaal.rules import Wet
from keyservice.portaal.terms import Count, Month, Standing, Summary, months, summaries

TODAY = date(2026, 11, 25)


def count(standing: Standing, day: date, people: int = 1, wet: Wet = Wet.WI2013) -> Count:
    return Count(wet, standing, day, people)


def test_a_summary_counts_each_person_once_and_of_who_signed_no_term() -> None:
    found = [
        count(Standing.SIGNED, date(2020, 1, 1), 5),
        count(Standing.SIGNED, date(2026, 12, 1), 2),
        count(Standing.REFUSED, date(2026, 11, 24), 3),
        count(Standing.OPEN, date(2026, 11, 25), 4),
        count(Standing.OPEN, date(2027, 1, 24), 1),
        count(Standing.OPEN, date(2027, 1, 25), 7),
        count(Standing.OPEN, date(2027, 6, 1), 9, Wet.WI2021),
    ]
    first, second = summaries(found, TODAY)
    assert first == Summary(Wet.WI2013, signed=7, refused=3, open=12, over=3, soon=5)
    assert second == Summary(Wet.WI2021, signed=0, refused=0, open=9, over=0, soon=0)
    assert first.all + second.all == sum(one.people for one in found)


def test_a_law_without_people_has_no_summary() -> None:
    assert summaries([], TODAY) == []


def test_the_months_begin_with_what_is_left_of_this_one_and_pass_the_end_of_the_year() -> None:
    found = [
        count(Standing.OPEN, date(2026, 11, 24)),
        count(Standing.OPEN, date(2026, 11, 25), 2),
        count(Standing.REFUSED, date(2026, 12, 31), 3),
        count(Standing.SIGNED, date(2026, 12, 31), 8),
        count(Standing.OPEN, date(2027, 10, 31), 4),
        count(Standing.OPEN, date(2027, 11, 1), 5),
    ]
    shown = months(found, TODAY)
    assert [month.first for month in shown] == [date(2026, 11, 1), date(2026, 12, 1)] + [
        date(2027, month, 1) for month in range(1, 11)
    ]
    assert shown[:2] == [Month(date(2026, 11, 1), 2, 0), Month(date(2026, 12, 1), 0, 3)]
    assert shown[-1] == Month(date(2027, 10, 1), 4, 0)
    assert sum(month.open + month.refused for month in shown) == 9
