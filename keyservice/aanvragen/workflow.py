"""The workflow of an aanvraag: one table (ADR 3). Guards, buttons, documentation and tests ask it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from keyservice.kernel.actor import Actor, Role


class Status(StrEnum):
    """Where an aanvraag stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    INFO_REQUESTED = "info_requested"
    APPROVED = "approved"
    ISSUED = "issued"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class Kind(StrEnum):
    """Whether an aanvraag asks for a first key, or for one in the place of an earlier one."""

    EERSTE = "eerste"
    VERVANGING = "vervanging"


class Step(StrEnum):
    """What can be done with an aanvraag."""

    SUBMIT = "submit"
    TAKE_UP = "take_up"
    RELEASE = "release"
    TAKE_OVER = "take_over"
    ASK = "ask"
    RESUBMIT = "resubmit"
    TAKE_BACK = "take_back"
    APPROVE = "approve"
    REJECT = "reject"
    RETRACT = "retract"
    RETURN = "return"
    ISSUE = "issue"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"


OPEN = frozenset({Status.SUBMITTED, Status.IN_REVIEW, Status.INFO_REQUESTED, Status.APPROVED})
FINAL = frozenset({Status.ISSUED, Status.REJECTED, Status.WITHDRAWN, Status.LAPSED})
EDITABLE = frozenset({Status.DRAFT, Status.INFO_REQUESTED})
CONTACTS_EDITABLE = EDITABLE | {Status.SUBMITTED, Status.IN_REVIEW}

TABLE: Mapping[tuple[Status, Step], Status] = MappingProxyType(
    {
        (Status.DRAFT, Step.SUBMIT): Status.SUBMITTED,
        (Status.SUBMITTED, Step.TAKE_UP): Status.IN_REVIEW,
        (Status.IN_REVIEW, Step.RELEASE): Status.SUBMITTED,
        (Status.IN_REVIEW, Step.TAKE_OVER): Status.IN_REVIEW,
        (Status.IN_REVIEW, Step.ASK): Status.INFO_REQUESTED,
        (Status.INFO_REQUESTED, Step.RESUBMIT): Status.IN_REVIEW,
        (Status.INFO_REQUESTED, Step.TAKE_BACK): Status.IN_REVIEW,
        (Status.IN_REVIEW, Step.APPROVE): Status.APPROVED,
        (Status.IN_REVIEW, Step.REJECT): Status.REJECTED,
        (Status.APPROVED, Step.RETRACT): Status.IN_REVIEW,
        (Status.APPROVED, Step.RETURN): Status.IN_REVIEW,
        (Status.APPROVED, Step.ISSUE): Status.ISSUED,
        **{(status, Step.WITHDRAW): Status.WITHDRAWN for status in OPEN},
        **{(status, Step.LAPSE): Status.LAPSED for status in OPEN},
    }
)

_RELATIEBEHEERDER = frozenset({Role.RELATIEBEHEERDER})
_GEMEENTE = frozenset({Role.AANVRAGER, Role.GEMEENTEBEHEERDER})

# Who may take a step; RETURN and LAPSE are the program's own.
WHO: Mapping[Step, frozenset[Role]] = MappingProxyType(
    {
        Step.SUBMIT: frozenset({Role.AANVRAGER}),
        Step.TAKE_UP: _RELATIEBEHEERDER,
        Step.RELEASE: _RELATIEBEHEERDER,
        Step.TAKE_OVER: _RELATIEBEHEERDER,
        Step.ASK: _RELATIEBEHEERDER,
        Step.RESUBMIT: frozenset({Role.AANVRAGER}),
        Step.TAKE_BACK: _RELATIEBEHEERDER,
        Step.APPROVE: _RELATIEBEHEERDER,
        Step.REJECT: _RELATIEBEHEERDER,
        Step.RETRACT: _RELATIEBEHEERDER,
        Step.RETURN: frozenset(),
        Step.ISSUE: _RELATIEBEHEERDER,
        Step.WITHDRAW: _GEMEENTE,
        Step.LAPSE: frozenset(),
    }
)
CLAIMER_ONLY = frozenset({Step.RELEASE, Step.ASK, Step.APPROVE, Step.REJECT})
LAPSE_DAYS: Mapping[Status, int] = MappingProxyType(
    {Status.SUBMITTED: 60, Status.IN_REVIEW: 60, Status.INFO_REQUESTED: 60, Status.APPROVED: 30}
)
DRAFT_DAYS = 30
REMIND_WORKING_DAYS = (2, 5)


@dataclass(frozen=True)
class Standing:
    """What the guards need to know of an aanvraag."""

    status: Status
    claimed_by: UUID | None


class StepNotPossible(Exception):
    """The table has no such step from here, or it is not this person's."""


def next_status(status: Status, step: Step) -> Status:
    """Return where a step leads. Raises StepNotPossible when the table does not have it."""
    if (status, step) not in TABLE:
        raise StepNotPossible(status, step)
    return TABLE[status, step]


def allowed(standing: Standing, step: Step, actor: Actor) -> bool:
    """Tell whether this person may take this step now; buttons and guards both ask this."""
    if (standing.status, step) not in TABLE or not actor.has(*WHO[step]):
        return False
    if step in CLAIMER_ONLY:
        return standing.claimed_by == actor.person
    return step is not Step.TAKE_OVER or standing.claimed_by != actor.person


def possible(standing: Standing, actor: Actor) -> tuple[Step, ...]:
    """Return the steps this person may take now, in the order of `Step`."""
    return tuple(step for step in Step if allowed(standing, step, actor))
