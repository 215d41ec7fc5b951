"""What an auditor reads of an event beside its sentence: for whom, on what, through what, how long ago."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from keyservice.audit.queries import EventView
from keyservice.kernel import clock
from keyservice.kernel.actor import GEMEENTE_ROLES
from keyservice.kernel.ids import as_id
from keyservice.overview.odd import Finding

# Through what an act came, as the time line of an auditor says it.
_THROUGH: Mapping[str, str] = MappingProxyType(
    {
        "web": "via de website",
        "worker": "vanzelf, door het systeem",
        "cli": "via een opdracht op de server",
        "api": "via een koppeling",
    }
)
# What the first part of the code of an event says it is about.
SUBJECTS: Mapping[str, str] = MappingProxyType(
    {
        "aanvraag": "Aanvragen",
        "access": "Geweigerde toegang",
        "account": "Accounts en inloggen",
        "asking-system": "Systemen die naar sleutels vragen",
        "audit": "Logboek",
        "berichtenboek": "Berichtenboeken",
        "contact": "Contactpersonen",
        "factor": "Inlogmiddelen",
        "factor-reset": "Inlogmiddelen",
        "gemeente": "Register van gemeenten",
        "grant": "Rollen",
        "inburgeraar": "Inburgeraars",
        "invitation": "Uitnodigingen",
        "issuance": "Leveringen",
        "letter": "Brieven",
        "message": "Berichten",
        "portaal": "Inburgeraars",
        "portfolio": "Portefeuilles",
        "retention": "Bewaartermijnen",
        "ring": "Verzegeling",
        "sleutel": "Sleutels",
        "succession": "Opvolging van gemeenten",
        "wave": "Vernieuwingsrondes",
    }
)


def for_whom(event: EventView, gemeenten: Mapping[str, str]) -> str:
    """Return for which gemeente somebody acted, or which one an act of somebody else concerns; empty for none."""
    if not event.gemeente:
        return ""
    name = f"{gemeenten.get(event.gemeente, 'gemeente')} ({event.gemeente})"
    return f"{'namens' if not GEMEENTE_ROLES.isdisjoint(event.roles) else 'over'} {name}"


def through(event: EventView) -> str:
    """Return through what an act came."""
    return _THROUGH.get(event.origin, "onbekend waardoor")


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment is, in the largest unit that fits."""
    seconds = max(0, int((now - moment).total_seconds()))
    for size, one, many in ((86_400, "dag", "dagen"), (3600, "uur", "uur"), (60, "minuut", "minuten")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {one if count == 1 else many} geleden"
    return "minder dan een minuut geleden"


def on_what(event: EventView, numbers: Mapping[UUID, str], names: Mapping[UUID, str]) -> str:
    """Return what was acted on: an aanvraag by number, a person by name, else the id of the thing."""
    if event.dossier:
        return numbers.get(event.dossier, "Een concept van een aanvraag")
    account = _account(event)
    return names.get(account, "Onbekend account") if account else str(event.subject or "")


def people_in(events: Iterable[EventView]) -> set[UUID | None]:
    """Return everybody who acted in events or whom they are about."""
    return {person for event in events for person in (event.person, _account(event))}


def _account(event: EventView) -> UUID | None:
    own = event.subject if event.code.startswith("account:") else None
    return as_id(str(event.fields.get("account") or own or ""))


def shows(finding: Finding) -> dict[str, str]:
    """Return what to search for to see the events of a finding, as the address of the search has it."""
    first, last = clock.local(finding.first), clock.local(finding.last)
    chosen = {
        "handeling": finding.code,
        "persoon": str(finding.person) if finding.person else None,
        "resultaat": "refused" if finding.refused else None,
        "vanaf": f"{first:%Y-%m-%d}",
        "vanaf_tijd": f"{first:%H:%M}",
        "tot": f"{last:%Y-%m-%d}",
        "tot_tijd": f"{last:%H:%M}",
    }
    return {name: value for name, value in chosen.items() if value}
