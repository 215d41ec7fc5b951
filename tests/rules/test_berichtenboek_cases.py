"""The table of rules in the berichtenboek says of every case what the rules themselves say."""

from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

import pytest

from keyservice.berichtenboek.cases import ABSENT, REQUIRED, Case, cases_on, coming
from keyservice.portaal.rules import Channel, Facts, Frame, Wet, faults
from keyservice.settings_portaal import EXAMPLES, NEVER, Openings, read_reasons

TODAY = date(2026, 11, 25)
REASONS = read_reasons(EXAMPLES)
FIELDS: dict[str, Any] = {
    "started_on": date(2026, 3, 1),
    "ended_on": date(2026, 3, 2),
    "signed_on": date(2026, 3, 3),
    "reden": "GEWEIGERD",
}
EVERYWHERE = (
    Openings(),
    Openings(refusals_wi2021=TODAY, machine_wi2021=TODAY, machine_refusals=TODAY),
    Openings(machine_refusals=NEVER),
)


def table(openings: Openings) -> dict[tuple[str, str, str], Case]:
    return {(case.wet, case.ondertekend, case.gevolgd): case for case in cases_on(TODAY, openings, REASONS)}


@pytest.mark.parametrize("openings", EVERYWHERE)
def test_what_the_table_asks_is_accepted_and_everything_else_is_refused(openings: Openings) -> None:
    frame = Frame(Channel.MACHINE, TODAY, REASONS, openings)
    accepted = 0
    for wet, signed, attended in product(Wet, (True, False), (True, False)):
        case = table(openings)[wet, "Ja" if signed else "Nee", "Ja" if attended else "Nee"]
        for filled in product((True, False), repeat=len(FIELDS)):
            given = {name: value for (name, value), there in zip(FIELDS.items(), filled, strict=True) if there}
            facts = replace(Facts(ondertekend=signed, gevolgd=attended), **given)
            asked = [REQUIRED if there else ABSENT for there in filled]
            fits = not case.closed and list(case.fields) == asked
            assert (faults(wet, facts, frame) == []) is fits, (case, given)
            accepted += fits
    assert accepted == sum(not case.closed for case in table(openings).values()) > 0


def test_a_case_that_is_closed_says_why_in_the_words_of_the_rule() -> None:
    assert table(Openings())["Wi2021", "Ja", "Ja"].closed == "De machinekoppeling werkt nu alleen voor de Wi2013"
    assert table(Openings())["Wi2013", "Ja", "Nee"].closed == "Iemand kan pas tekenen na deelname aan het traject"


def test_days_on_which_the_table_changes_are_told_beforehand() -> None:
    openings = Openings(machine_wi2021=date(2027, 1, 1), machine_refusals=date(2026, 1, 1))
    assert coming(openings, TODAY) == [date(2027, 1, 1)]
    assert coming(Openings(), TODAY) == []
