"""The workflow of an aanvraag: the table is the only road, and everybody has a way out."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyservice.aanvragen.workflow import (
    CLAIMER_ONLY,
    CONTACTS_EDITABLE,
    EDITABLE,
    FINAL,
    LAPSE_DAYS,
    OPEN,
    TABLE,
    WHO,
    Standing,
    Status,
    Step,
    StepNotPossible,
    allowed,
    next_status,
    possible,
)
from keyservice.kernel.actor import WORKER, Actor, Role


def actor(*roles: Role, person: UUID | None = None) -> Actor:
    return Actor(person or uuid4(), frozenset(roles), "9998", "web")


RELATIEBEHEERDER = actor(Role.RELATIEBEHEERDER)
AANVRAGER = actor(Role.AANVRAGER)
GEMEENTEBEHEERDER = actor(Role.GEMEENTEBEHEERDER)
standings = st.builds(
    Standing, st.sampled_from(Status), st.one_of(st.none(), st.just(RELATIEBEHEERDER.person), st.uuids())
)


def test_every_status_is_draft_open_or_final() -> None:
    assert frozenset(Status) == {Status.DRAFT} | OPEN | FINAL
    assert not OPEN & FINAL


def test_nothing_leaves_a_final_status() -> None:
    assert not {status for status, _ in TABLE} & FINAL


def test_the_road_of_one_key_is_in_the_table() -> None:
    status = Status.DRAFT
    for step in (Step.SUBMIT, Step.TAKE_UP, Step.ASK, Step.RESUBMIT, Step.APPROVE, Step.ISSUE):
        status = next_status(status, step)
    assert status is Status.ISSUED


def test_a_step_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(StepNotPossible):
        next_status(Status.DRAFT, Step.APPROVE)


def test_i15_every_open_status_has_a_timer_and_a_human_exit() -> None:
    assert frozenset(LAPSE_DAYS) == OPEN
    for status in OPEN:
        assert TABLE[status, Step.LAPSE] is Status.LAPSED
        exits = {step for (at, step), to in TABLE.items() if at is status and to in FINAL and WHO[step]}
        assert exits, status


def test_i15_from_every_open_status_issued_can_still_be_reached() -> None:
    for status in OPEN:
        reached, before = {status}, set[Status]()
        while reached != before:
            before = set(reached)
            reached |= {to for (at, _), to in TABLE.items() if at in before}
        assert Status.ISSUED in reached, status


@given(standings, st.sampled_from(Step))
def test_nobody_takes_a_step_that_the_table_lacks(standing: Standing, step: Step) -> None:
    for who in (RELATIEBEHEERDER, AANVRAGER, GEMEENTEBEHEERDER, WORKER):
        if allowed(standing, step, who):
            assert (standing.status, step) in TABLE
            assert who.has(*WHO[step])


@given(standings)
def test_only_the_claimer_releases_asks_approves_and_rejects(standing: Standing) -> None:
    for step in CLAIMER_ONLY:
        if allowed(standing, step, RELATIEBEHEERDER):
            assert standing.claimed_by == RELATIEBEHEERDER.person


def test_any_other_relatiebeheerder_can_take_over() -> None:
    standing = Standing(Status.IN_REVIEW, uuid4())
    assert allowed(standing, Step.TAKE_OVER, RELATIEBEHEERDER)
    assert not allowed(Standing(Status.IN_REVIEW, RELATIEBEHEERDER.person), Step.TAKE_OVER, RELATIEBEHEERDER)


@pytest.mark.parametrize("status", sorted(OPEN))
def test_a_gemeente_can_withdraw_what_is_open(status: Status) -> None:
    assert allowed(Standing(status, uuid4()), Step.WITHDRAW, AANVRAGER)
    assert allowed(Standing(status, uuid4()), Step.WITHDRAW, GEMEENTEBEHEERDER)


def test_i8_no_gemeente_approves_or_issues_and_no_relatiebeheerder_submits() -> None:
    for status in Status:
        for step in (Step.APPROVE, Step.ISSUE, Step.REJECT):
            assert not allowed(Standing(status, AANVRAGER.person), step, AANVRAGER)
        for step in (Step.SUBMIT, Step.RESUBMIT, Step.WITHDRAW):
            assert not allowed(Standing(status, RELATIEBEHEERDER.person), step, RELATIEBEHEERDER)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.BEHEERDER, Role.RAADPLEGEN_MUTEREN_2013])
def test_who_only_reads_has_no_step(role: Role) -> None:
    assert all(possible(Standing(status, None), actor(role)) == () for status in Status)


def test_lapsing_and_returning_are_the_programs_own() -> None:
    assert WHO[Step.LAPSE] == WHO[Step.RETURN] == frozenset()


def test_what_can_be_changed_when() -> None:
    assert frozenset({Status.DRAFT, Status.INFO_REQUESTED}) == EDITABLE
    assert {Status.SUBMITTED, Status.IN_REVIEW} == CONTACTS_EDITABLE - EDITABLE


def test_the_buttons_are_the_steps_that_the_guard_allows() -> None:
    standing = Standing(Status.IN_REVIEW, RELATIEBEHEERDER.person)
    assert possible(standing, RELATIEBEHEERDER) == (Step.RELEASE, Step.ASK, Step.APPROVE, Step.REJECT)
