"""The rules of the participatieverklaring: all 256 combinations against a table written apart from the code."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest
from babel.dates import format_date

from keyservice.portaal.rules import FIRST_DAYS, TEXTS, Channel, Facts, Frame, Wet, faults
from keyservice.settings_portaal import EXAMPLES, NEVER, Openings, Reason, read_reasons

TODAY = date(2026, 11, 25)
START, END, SIGNED = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
GIVEN = {"started_on": START, "ended_on": END, "signed_on": SIGNED, "reden": "GEWEIGERD"}

# The rules of ADR 35, by hand. Law, signed, attended -> channels by which it comes in (W: pages, M: machine), and per
# field V (required) or - (empty): start, end, signing, reason.
TABLE = {
    ("Wi2013", "ja", "ja"): ("WM", "V V V -"),
    ("Wi2013", "ja", "nee"): ("", ""),
    ("Wi2013", "nee", "ja"): ("WM", "V V - V"),
    ("Wi2013", "nee", "nee"): ("WM", "- - - V"),
    ("Wi2021", "ja", "ja"): ("W", "V V V -"),
    ("Wi2021", "ja", "nee"): ("", ""),
    ("Wi2021", "nee", "ja"): ("", ""),
    ("Wi2021", "nee", "nee"): ("", ""),
}
CHANNELS = {"W": Channel.WEB, "M": Channel.MACHINE}


def frame(channel: Channel = Channel.WEB, openings: Openings | None = None) -> Frame:
    return Frame(channel, TODAY, read_reasons(EXAMPLES), openings or Openings())


def combinations() -> Iterator[tuple[str, str, str, str, tuple[bool, ...]]]:
    for wet, signed, attended, channel in product(("Wi2013", "Wi2021"), ("ja", "nee"), ("ja", "nee"), "WM"):
        for present in product((True, False), repeat=4):
            yield wet, signed, attended, channel, present


def judged(wet: str, signed: str, attended: str, channel: str, present: tuple[bool, ...]) -> set[str]:
    given = {name: value for (name, value), there in zip(GIVEN.items(), present, strict=True) if there}
    facts = Facts(signed == "ja", attended == "ja", **given)  # type: ignore[arg-type]  # each by its own name
    return {fault.field for fault in faults(Wet(wet), facts, frame(CHANNELS[channel]))}


def test_all_256_combinations_are_judged_as_the_table_says() -> None:
    wrong, accepted, count = [], 0, 0
    for wet, signed, attended, channel, present in combinations():
        count += 1
        channels, fields = TABLE[wet, signed, attended]
        found = judged(wet, signed, attended, channel, present)
        if channel not in channels:
            # An answer that cannot come in at all is told alone: at the law, or at one of the two questions.
            right = len(found) == 1 and found <= {"wet", "ondertekend", "gevolgd"}
        else:
            wanted = {
                name
                for name, mark, there in zip(GIVEN, fields.split(), present, strict=True)
                if (mark == "V") is not there
            }
            right = found == wanted
            accepted += not wanted
        if not right:
            wrong.append((wet, signed, attended, channel, present, found))
    assert wrong == []
    assert count == 256
    # Of each way that is open, one of the sixteen ways to fill in the fields is right.
    assert accepted == 7


@pytest.mark.parametrize(
    ("wet", "signed", "attended", "channel", "code"),
    [
        ("Wi2013", True, False, "W", "ondertekend-zonder-traject"),
        ("Wi2021", True, False, "W", "ondertekend-zonder-traject"),
        ("Wi2021", False, True, "W", "niet-ondertekend-alleen-wi2013"),
        ("Wi2021", False, False, "W", "niet-ondertekend-alleen-wi2013"),
        ("Wi2021", True, True, "M", "alleen-wi2013"),
        ("Wi2021", False, False, "M", "alleen-wi2013"),
        ("Wi2021", True, False, "M", "alleen-wi2013"),
    ],
)
def test_an_answer_that_cannot_be_registered_says_why(
    wet: str, *, signed: bool, attended: bool, channel: str, code: str
) -> None:
    assert [fault.code for fault in faults(Wet(wet), Facts(signed, attended), frame(CHANNELS[channel]))] == [code]


def test_both_questions_must_be_answered() -> None:
    found = faults(Wet.WI2013, Facts(), frame())
    assert [fault.code for fault in found] == ["ondertekend-ontbreekt", "gevolgd-ontbreekt"]


REFUSED = Facts(ondertekend=False, gevolgd=False, reden="GEWEIGERD")
SIGNED_FACTS = Facts(ondertekend=True, gevolgd=True, started_on=START, ended_on=END, signed_on=SIGNED)


def test_a_refusal_for_the_wi2021_comes_in_from_the_day_that_the_setting_names() -> None:
    opened = Openings(refusals_wi2021=TODAY)
    assert faults(Wet.WI2021, REFUSED, frame(openings=opened)) == []
    later = Openings(refusals_wi2021=TODAY + timedelta(days=1))
    assert [f.code for f in faults(Wet.WI2021, REFUSED, frame(openings=later))] == ["niet-ondertekend-alleen-wi2013"]


def test_the_machinekoppeling_takes_the_wi2021_from_the_day_that_the_setting_names() -> None:
    opened = Openings(machine_wi2021=TODAY)
    assert faults(Wet.WI2021, SIGNED_FACTS, frame(Channel.MACHINE, opened)) == []
    later = Openings(machine_wi2021=TODAY + timedelta(days=1))
    assert [f.code for f in faults(Wet.WI2021, SIGNED_FACTS, frame(Channel.MACHINE, later))] == ["alleen-wi2013"]


def test_refusals_through_the_machinekoppeling_can_be_closed_and_the_pages_stay_open() -> None:
    closed = Openings(machine_refusals=NEVER)
    codes = [f.code for f in faults(Wet.WI2013, REFUSED, frame(Channel.MACHINE, closed))]
    assert codes == ["niet-ondertekend-niet-via-koppeling"]
    assert faults(Wet.WI2013, REFUSED, frame(Channel.WEB, closed)) == []
    assert faults(Wet.WI2013, SIGNED_FACTS, frame(Channel.MACHINE, closed)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ended_on": START - timedelta(days=1)}, [("ended_on", "einde-voor-start")]),
        ({"ended_on": START}, []),
        ({"signed_on": START}, []),
        ({"signed_on": START - timedelta(days=1)}, [("signed_on", "ondertekening-voor-start")]),
        ({"signed_on": TODAY}, []),
        ({"signed_on": TODAY + timedelta(days=1)}, [("signed_on", "datum-in-toekomst")]),
        ({"ended_on": TODAY + timedelta(days=1)}, [("ended_on", "datum-in-toekomst")]),
        ({"started_on": date(2017, 10, 1)}, []),
        ({"started_on": date(2017, 9, 30)}, [("started_on", "datum-voor-wet")]),
        (
            {"started_on": TODAY + timedelta(days=2), "ended_on": TODAY + timedelta(days=1)},
            [
                ("started_on", "datum-in-toekomst"),
                ("ended_on", "datum-in-toekomst"),
                ("ended_on", "einde-voor-start"),
                ("signed_on", "ondertekening-voor-start"),
            ],
        ),
    ],
)
def test_dates_fit_each_other_today_and_the_law(changes: dict[str, date], expected: list[tuple[str, str]]) -> None:
    found = faults(Wet.WI2013, replace(SIGNED_FACTS, **changes), frame())  # type: ignore[arg-type]  # dates all
    assert [(fault.field, fault.code) for fault in found] == expected


def test_the_wi2021_begins_in_2022() -> None:
    facts = replace(SIGNED_FACTS, started_on=date(2021, 12, 31))
    assert [f.code for f in faults(Wet.WI2021, facts, frame())] == ["datum-voor-wet"]
    assert faults(Wet.WI2021, replace(facts, started_on=date(2022, 1, 1)), frame()) == []


@pytest.mark.parametrize("wet", Wet)
def test_who_gives_too_early_a_date_reads_which_day_is_the_first(wet: Wet) -> None:
    (fault,) = faults(wet, replace(SIGNED_FACTS, started_on=FIRST_DAYS[wet] - timedelta(days=1)), frame())
    assert f"{format_date(FIRST_DAYS[wet], 'd MMMM y', locale='nl')} ({wet})" in fault.text


def test_everything_that_is_wrong_is_told_at_once() -> None:
    facts = Facts(
        ondertekend=False,
        gevolgd=True,
        ended_on=TODAY + timedelta(days=1),
        signed_on=date(2017, 1, 1),
        reden="ONZIN",
        toelichting="Zijn BSN is 1234.56.782",
    )
    assert [(fault.field, fault.code) for fault in faults(Wet.WI2013, facts, frame())] == [
        ("started_on", "start-ontbreekt"),
        ("signed_on", "datum-ondertekening-zonder-ondertekening"),
        ("reden", "reden-onbekend"),
        ("toelichting", "bsn-in-toelichting"),
        ("ended_on", "datum-in-toekomst"),
        ("signed_on", "datum-voor-wet"),
    ]


def test_a_reason_counts_from_its_first_day_to_its_last() -> None:
    def codes(first: date, last: date) -> list[str]:
        reasons = {"GEWEIGERD": Reason("GEWEIGERD", "Weigert", first, last, explained=False)}
        return [f.code for f in faults(Wet.WI2013, REFUSED, replace(frame(), reasons=reasons))]

    day = timedelta(days=1)
    assert codes(TODAY, TODAY) == []
    assert codes(TODAY + day, TODAY + day) == ["reden-niet-geldig"]
    assert codes(TODAY - day, TODAY - day) == ["reden-niet-geldig"]


def test_a_reason_that_asks_for_it_needs_an_explanation_and_a_signature_takes_neither() -> None:
    other = replace(REFUSED, reden="OVERIG")
    assert [f.code for f in faults(Wet.WI2013, other, frame())] == ["toelichting-ontbreekt"]
    assert faults(Wet.WI2013, replace(other, toelichting="Ziek geworden"), frame()) == []
    signed = replace(SIGNED_FACTS, reden="OVERIG", toelichting="Ziek geworden")
    assert [f.code for f in faults(Wet.WI2013, signed, frame())] == [
        "reden-bij-ondertekend",
        "toelichting-zonder-reden",
    ]


def test_each_rule_has_a_text_for_people_and_each_text_a_rule() -> None:
    import inspect  # noqa: PLC0415 - only here

    from keyservice.portaal import rules  # noqa: PLC0415 - its source

    source = inspect.getsource(rules).split("DATES =", 1)[1]
    assert {code for code in TEXTS if f'"{code}"' not in source} == set()
    for text in TEXTS.values():
        assert text[0].isupper()
        assert not text.endswith(".")
