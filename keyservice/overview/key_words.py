"""What keys, their dates and what stands out about them are called on a page."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from flask_babel import format_decimal

from keyservice.issuance.words import delivery_stage
from keyservice.kernel import clock
from keyservice.overview.key_facts import Event, Flag
from keyservice.overview.key_lists import NAMES, Which
from keyservice.overview.words import Badge, sleutel_badge
from keyservice.sleutels.life import Facts
from keyservice.sleutels.models import facts_of
from keyservice.web.dates import datum, getal

TITLES = NAMES
FLAGS: Mapping[Flag, str] = MappingProxyType(
    {
        Flag.LEFT: "Een contactpersoon of wie de sleutel activeerde werkt hier niet meer. Wijs een ander aan",
        Flag.NEVER_USED: "Nooit gebruikt. Staat de sleutel al in uw software?",
        Flag.UNUSED: "90 dagen niet gebruikt. Is de sleutel nog nodig?",
        Flag.OLD_IN_USE: "Nog gebruikt, terwijl de nieuwe sleutel al werkt. Zet de nieuwe in uw software",
    }
)
EVENTS: Mapping[Event, str] = MappingProxyType(
    {
        Event.LAPSES: "Activeren, uiterlijk",
        Event.STARTS: "Werkt vanaf",
        Event.STOPS: "Stopt, omdat de nieuwe sleutel werkt:",
        Event.WARNING: "Herinnering",
        Event.EXPIRES: "Verloopt",
    }
)


def days(count: int) -> str:
    """Return a number of days in words."""
    return "1 dag" if count == 1 else f"{getal(count)} dagen"


def in_days(count: float) -> str:
    """Return a number of days with one decimal, as `3,5 dagen`."""
    return f"{format_decimal(count, '#,##0.#')} {'dag' if count == 1 else 'dagen'}"


def age(facts: Facts, now: datetime) -> str:
    """Return how old a key is, or became."""
    end = min(facts.revoked_at or now, facts.expires_at, now)
    return days((clock.local_date(end) - clock.local_date(facts.not_before)).days)


def badge(row: Any, now: datetime) -> Badge:
    """Return how the key in a row of a list stands."""
    return sleutel_badge(facts_of(row), now)


def why(row: Any, which: Which, now: datetime) -> str:
    """Return why a key stands on a list."""
    if which is Which.EXPIRING:
        left = (clock.local_date(row.expires_at) - clock.local_date(now)).days
        return f"Verloopt over {days(left)}" if left else "Verloopt vandaag"
    if which is Which.UNUSED:
        return (
            f"Niet gebruikt sinds {datum(row.since)}"
            if row.last_use
            else f"Nooit gebruikt. Actief sinds {datum(row.since)}"
        )
    if row.suspended_at is not None:
        return f"Geblokkeerd sinds {datum(row.suspended_at)}"
    return f"{delivery_stage(row)}. Uiterlijk {datum(row.deadline)}"


COLUMNS = (
    *("Sleutel", "Gemeente", "Code", "Eigen portefeuille", "Pakket", "Leverancier", "Omgeving", "Stand", "Waarom"),
    *("Gemaakt", "Geactiveerd", "Laatst gebruikt", "Geldig tot en met"),
)


def line(row: Any, which: Which, now: datetime, *, own: bool) -> list[str]:
    """Return a row of a list for a file, with days as spreadsheets sort them."""
    moments = (row.not_before, row.activated_at, row.last_use, row.expires_at)
    return [
        *(row.number, row.gemeente_name, row.gemeente, "ja" if own else "nee", row.pakket, row.leverancier),
        *(row.omgeving, badge(row, now)[0], why(row, which, now)),
        *(str(clock.local_date(moment)) if moment else "" for moment in moments),
    ]
