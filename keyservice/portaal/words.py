"""What pages say about an inburgeraar and what is registered."""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from uuid import UUID

from keyservice.accounts.queries import names
from keyservice.accounts.words import ROLES, granters
from keyservice.kernel.actor import Actor
from keyservice.portaal import queries
from keyservice.portaal.models import Inburgeraar, Kind, LookStatus, Registration
from keyservice.portaal.processing import Activity
from keyservice.portaal.terms import SOON, Standing, Waiting
from keyservice.settings_portaal import Reasons
from keyservice.web.dates import datum, datumtijd

_MONTHS = (
    *("januari", "februari", "maart", "april", "mei", "juni"),
    *("juli", "augustus", "september", "oktober", "november", "december"),
)
_DID: Mapping[Kind, str] = MappingProxyType(
    {Kind.REGISTER: "Vastgelegd", Kind.CORRECT: "Verbeterd", Kind.WITHDRAW: "Ingetrokken"}
)
STANDINGS: Mapping[Standing, tuple[str, str]] = MappingProxyType(
    {
        Standing.SIGNED: ("Ondertekend", "success"),
        Standing.REFUSED: ("Niet ondertekend", "warning"),
        Standing.OPEN: ("Nog niets vastgelegd", "neutral"),
    }
)
ACTIVITIES: Mapping[Activity, str] = MappingProxyType(
    {
        Activity.SEARCH: "Zoeken",
        Activity.LIST: "In een lijst tonen",
        Activity.VIEW: "Bekijken",
        Activity.SHOW_BSN: "Het hele BSN bekijken",
        Activity.REGISTER: "Verklaring vastleggen",
        Activity.CORRECT: "Verklaring verbeteren",
        Activity.WITHDRAW: "Verklaring intrekken",
        Activity.LOAD: "Gegevens inlezen",
        Activity.EXPORT: "Gegevens aan u geven",
    }
)
ENDED: Mapping[LookStatus, str] = MappingProxyType(
    {LookStatus.OK: "Gelukt", LookStatus.UNSET: "Geweigerd", LookStatus.ERROR: "Mislukt"}
)
# Label, value, and the two of `data_list` for a link to change it, which is never here.
Rows = list[tuple[str, str | None, None, None]]


def birth_date(stored: str) -> str:
    """Return a birth date as people read it, also when not all of it is known."""
    year, month, day = (int(part) for part in stored.split("-"))
    if not month:
        return f"{year} (dag en maand niet bekend)"
    if not day:
        return f"{_MONTHS[month - 1]} {year} (dag niet bekend)"
    return datum(date(year, month, day))


def badge(version: Registration | None) -> tuple[str, str]:
    """Return what counts for somebody: label and tone."""
    if version is None:
        return STANDINGS[Standing.OPEN]
    return STANDINGS[Standing.SIGNED if version.ondertekend else Standing.REFUSED]


def line(person: Waiting, today: date) -> list[str]:
    """Return somebody who did not sign as a row of a spreadsheet."""
    term = "voorbij" if person.duty_until < today else "bijna voorbij" if person.duty_until <= today + SOON else ""
    return [
        person.name,
        # A whole date as the other dates of the file, so that a spreadsheet can sort it.
        birth_date(person.birth_date) if "-00" in person.birth_date else person.birth_date,
        person.wet,
        STANDINGS[person.standing][0],
        str(person.duty_until),
        term,
    ]


def term_badge(person: Inburgeraar, version: Registration | None, today: date) -> tuple[str, str] | None:
    """Return whether the term ends soon or is over while nobody signed; None when it does not matter."""
    if version is not None and version.ondertekend:
        return None
    if person.duty_until < today:
        return "Termijn voorbij", "error"
    return ("Termijn loopt bijna af", "warning") if person.duty_until <= today + SOON else None


def facts_rows(version: Registration, reasons: Reasons) -> Rows:
    """Return what a version says, without what it does not ask."""
    facts, yes = version.facts, {True: "Ja", False: "Nee"}
    values: dict[str, str | None] = {}
    if facts.ondertekend is not None and facts.gevolgd is not None:
        values |= {"Ondertekend": yes[facts.ondertekend], "Traject gevolgd": yes[facts.gevolgd]}
    if facts.started_on:
        values["Deelname"] = f"{datum(facts.started_on)} tot en met {datum(facts.ended_on)}"
    if facts.signed_on:
        values["Datum ondertekening"] = datum(facts.signed_on)
    if facts.reden:
        known = reasons.get(facts.reden)
        values["Reden"] = known.text if known else facts.reden
    if facts.toelichting:
        values["Toelichting"] = facts.toelichting
    return [(label, value, None, None) for label, value in values.items()]


def versions(found: Iterable[Registration], reasons: Reasons) -> list[tuple[str, Rows]]:
    """Return every version as a title and its rows: what was done when and by whom, what it says, and why."""
    found = list(found)
    people, keys = names(version.by_person for version in found), queries.numbers(found)
    return [(version_title(one), version_rows(one, reasons, _who(one, people, keys))) for one in found]


def version_title(version: Registration) -> str:
    """Return what was done when."""
    return f"Versie {version.number}: {_DID[version.kind].lower()} op {datumtijd(version.at)}"


def version_rows(version: Registration, reasons: Reasons, by: str) -> Rows:
    """Return by whom it was done, what it says, and why."""
    why: Rows = [("Uitleg", version.correction, None, None)] if version.correction else []
    return [("Door", by, None, None), *facts_rows(version, reasons), *why]


def _who(version: Registration, people: Mapping[UUID, str], keys: Mapping[UUID, str]) -> str:
    if version.by_sleutel:
        return f"De machinekoppeling, met sleutel {keys[version.by_sleutel]}"
    return people[version.by_person] if version.by_person else "Niemand"


def missing_role(actor: Actor) -> tuple[str, str] | None:
    """Return the role for the law that somebody may not see, and who in the gemeente can grant it; None for neither."""
    lacking = [role for role in queries.ROLES if not actor.has(role)]
    if len(lacking) != 1 or actor.gemeente is None:
        return None
    return ROLES[lacking[0]].capitalize(), granters(actor)
