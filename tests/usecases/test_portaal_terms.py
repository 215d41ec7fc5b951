"""The overview of a gemeente: everybody stands where the newest version says, and who is named is logged."""

from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from keyservice.accounts import service as accounts
from keyservice.database import db
from keyservice.demo.people import person_id
from keyservice.kernel.actor import CLI, Actor, Role
from keyservice.kernel.errors import Refused
from keyservice.portaal import service, terms
from keyservice.portaal.models import ProcessingLog
from keyservice.portaal.rules import Wet
from keyservice.portaal.terms import Standing
from tests.factories.aanvragen import actor
from tests.factories.portaal import REFUSED, SIGNED, bsns, inburgeraar


@pytest.fixture
def people(context: Flask, tmp_path: Path) -> list[UUID]:
    """Six people of Voorbeeldstad and one of Testdorp, of whom nothing is registered."""
    numbers = bsns(7, first=999_910_000)
    laws: list[dict[str, str]] = [{}] * 5 + [
        {"wet": "Wi2021", "plicht_van": "2022-02-01", "plicht_tot": "2023-08-01"},
        {"gemeente": "9999"},
    ]
    return [inburgeraar(tmp_path, number, **law) for number, law in zip(numbers, laws, strict=True)]


def pim() -> Actor:
    return actor("pim")


def stands(who: Actor) -> dict[Standing, int]:
    found: dict[Standing, int] = {}
    for one in terms.counts(who):
        found[one.standing] = found.get(one.standing, 0) + one.people
    return found


def test_the_newest_version_says_how_somebody_stands_and_a_withdrawn_one_says_nothing(people: list[UUID]) -> None:
    assert stands(pim()) == {Standing.OPEN: 5}
    service.register(pim(), people[0], SIGNED, seen=0)
    service.register(pim(), people[1], REFUSED, seen=0)
    service.register(pim(), people[2], REFUSED, seen=0)
    service.register(pim(), people[2], SIGNED, seen=1)
    service.register(pim(), people[3], SIGNED, seen=0)
    service.withdraw(pim(), people[3], "Verkeerde persoon", seen=1)
    assert stands(pim()) == {Standing.SIGNED: 2, Standing.REFUSED: 1, Standing.OPEN: 2}
    assert {person.id: person.standing for person in terms.waiting(pim())} == {
        people[1]: Standing.REFUSED,
        people[3]: Standing.OPEN,
        people[4]: Standing.OPEN,
    }


def test_i9_another_gemeente_and_the_other_law_are_not_counted_and_not_named(people: list[UUID]) -> None:
    accounts.give_role(CLI, person_id("tom"), Role.RAADPLEGEN_MUTEREN_2013, gemeente="9999")
    assert [person.id for person in terms.waiting(actor("tom"))] == [people[6]]
    assert {one.wet for one in terms.counts(pim())} == {Wet.WI2013}
    assert [person.id for person in terms.waiting(actor("iris"))] == [people[5]]
    with pytest.raises(Refused):
        terms.counts(actor("anna"))
    with pytest.raises(Refused):
        terms.waiting(actor("anna"))


def test_the_earliest_term_stands_first_and_a_last_day_and_a_number_cut_the_list(
    context: Flask, tmp_path: Path
) -> None:
    days = ["2021-03-01", "2021-01-01", "2021-02-01"]
    made = [
        inburgeraar(tmp_path, number, plicht_tot=day) for number, day in zip(bsns(3, 999_920_000), days, strict=True)
    ]
    assert [person.id for person in terms.waiting(pim())] == [made[1], made[2], made[0]]
    last = terms.waiting(pim())[1].duty_until
    assert [person.id for person in terms.waiting(pim(), last)] == [made[1], made[2]]
    assert [person.id for person in terms.waiting(pim(), limit=1)] == [made[1]]


def test_everybody_who_is_named_is_a_look_in_the_log_and_counts_are_none(people: list[UUID]) -> None:
    query = select(ProcessingLog).where(ProcessingLog.name == "portaal-overzicht")
    terms.counts(pim())
    assert db.session.scalars(query).all() == []
    terms.waiting(pim())
    looks = db.session.scalars(query).all()
    assert len({look.data_subject_id for look in looks}) == len(looks) == 5
    assert {(look.person, look.gemeente) for look in looks} == {(pim().person, "9998")}
