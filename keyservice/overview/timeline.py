"""The time line of an aanvraag as its gemeente reads it: what happened, and what is yet to come. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from keyservice.aanvragen.workflow import Status
from keyservice.audit.queries import EventView
from keyservice.issuance.models import End
from keyservice.kernel.actor import GEMEENTE_ROLES
from keyservice.kernel.text import ERASED
from keyservice.sleutels.life import Standing

# Inside affairs of DUO and of the program: no step on the road of the gemeente.
_HIDDEN_SUBJECTS = frozenset({"access", "account", "message", "wave"})
# The second half tells parts of an act that stands there already: saving a step, issuing, activating.
_HIDDEN = frozenset(
    {
        "aanvraag:note",
        "aanvraag:remind",
        "contact:propose",
        "sleutel:make",
        "aanvraag:issue",
        "issuance:finish",
        "letter:remind",
    }
)
# What was written for the gemeente; every other free text stays inside.
_FOR_THE_GEMEENTE: Mapping[str, str] = MappingProxyType(
    {"aanvraag:ask": "question", "aanvraag:reject": "reason", "aanvraag:withdraw": "reason"}
)
_OF_THE_REQUEST = frozenset({"source", "agent"})
_WARNING = frozenset({"ask", "return", "retract", "suspend", "ask-resume", "warn", "use-old"})
_ERROR = frozenset(
    {"reject", "lapse", "withdraw", "cancel", "revoke", "damage", "refuse-code", "fail", "leak", "expire"}
)
# The steps of the road, each as it reads while it has not happened yet.
ROAD = (
    "U verstuurt de aanvraag",
    "De relatiebeheerder beoordeelt de aanvraag",
    "DUO geeft de sleutel uit. Het zipbestand gaat naar de contactpersoon voor de sleutel",
    "De contactpersoon meldt dat het zipbestand er is",
    "Het wachtwoord gaat naar uw collega",
    "U activeert de sleutel met de code uit het zipbestand",
)
_REACHED: Mapping[Status, int] = MappingProxyType(
    {Status.DRAFT: 0, Status.SUBMITTED: 1, Status.IN_REVIEW: 1, Status.INFO_REQUESTED: 1, Status.APPROVED: 2}
)


@dataclass(frozen=True)
class KeyNow:
    """How a delivered key stands; `day` is that of its next change, as a text; `replaced`: another took over."""

    stands: Standing
    day: str = ""
    replaced: bool = False


@dataclass(frozen=True)
class Handover:
    """How far the newest issuance is: `received` also when a relatiebeheerder released the password by hand.

    `by_letter` says that the password takes days once it is sent, `zip_by_login` and `password_by_login` that their
    receiver logs in for it, `old_works` that the key which it renews still works, `leaked` that somebody found the key,
    so that it was revoked.
    """

    received: bool
    password_sent: bool
    end: End | None
    by_letter: bool = False
    zip_by_login: bool = False
    password_by_login: bool = False
    old_works: bool = False
    leaked: bool = False
    key: KeyNow | None = None


@dataclass(frozen=True)
class Moment:
    """One point of a time line; `at` is None for what is yet to come, `tone` that of the component."""

    at: datetime | None
    title: str
    detail: str | None
    tone: str


def happened(events: Iterable[EventView], gemeente: str, names: Mapping[UUID, str]) -> list[Moment]:
    """Return what happened, oldest first, for readers of a gemeente (code).

    Only people who acted for that gemeente are named; a repeated act stands there once, with its last moment.
    """
    moments: list[Moment] = []
    for event in events:
        if _hidden(event):
            continue
        moment = Moment(event.at, event.sentence, _detail(event, gemeente, names), _tone(event))
        if moments and (moments[-1].title, moments[-1].detail) == (moment.title, moment.detail):
            moments.pop()
        moments.append(moment)
    return moments


def to_come(status: Status, handover: Handover | None) -> list[Moment]:
    """Return the steps that have yet to come; none when the road has ended."""
    if status is Status.ISSUED and handover and handover.end is None:
        reached = 3 + handover.received + handover.password_sent
    else:
        reached = _REACHED.get(status, len(ROAD))
    return [Moment(None, step, None, "inactive") for step in ROAD[reached:]]


def acted_for(event: EventView, gemeente: str) -> bool:
    """Tell whether somebody of a gemeente (code) did it, so that the gemeente may read who."""
    return event.gemeente == gemeente and not GEMEENTE_ROLES.isdisjoint(event.roles)


def readable(event: EventView, gemeente: str) -> frozenset[str]:
    """Return which private texts of an event a gemeente may read: those of its own people, and those written for it.

    The network address and the browser are nobody's text: a gemeente does not watch its own people with them.
    """
    own = event.private.keys() - _OF_THE_REQUEST if acted_for(event, gemeente) else set[str]()
    return frozenset(own | (event.private.keys() & {_FOR_THE_GEMEENTE.get(event.code)}))


def text_for_gemeente(event: EventView) -> str | None:
    """Return what was written for the gemeente, if anything was, or that it was erased."""
    return or_erased(event.private.get(_FOR_THE_GEMEENTE.get(event.code, "")))


def or_erased(text: str | None) -> str | None:
    """Return a text for the gemeente, or that it was erased."""
    return "De tekst is gewist." if text == ERASED else text


def _hidden(event: EventView) -> bool:
    return event.code.partition(":")[0] in _HIDDEN_SUBJECTS or event.code in _HIDDEN


def _detail(event: EventView, gemeente: str, names: Mapping[UUID, str]) -> str | None:
    name = names.get(event.person) if event.person and acted_for(event, gemeente) else None
    text = text_for_gemeente(event)
    return " ".join(part for part in (f"Door {name}." if name else "", text or "") if part) or None


def _tone(event: EventView) -> str:
    act = event.code.partition(":")[2]
    if act in _ERROR or event.result == "refused":
        return "error"
    return "warning" if act in _WARNING else "success"
