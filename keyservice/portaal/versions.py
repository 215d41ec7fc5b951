"""The MAC over a version: who can write in the database but has no ring can neither make one nor change one unseen."""

from dataclasses import astuple

from keyservice import settings
from keyservice.kernel.seal import SealBroken
from keyservice.portaal.models import Registration

_PURPOSE = "registration"


def mac_of(version: Registration) -> bytes:
    """Return the MAC over everything that a version says."""
    return settings.rings().mac(_PURPOSE, *_parts(version))


def intact(version: Registration) -> bool:
    """Tell whether the MAC of a version fits what it says."""
    try:
        return settings.rings().mac_fits(version.mac, _PURPOSE, *_parts(version))
    except SealBroken:  # a ring key that never existed: somebody made the MAC up
        return False


def _parts(version: Registration) -> tuple[str, ...]:
    fixed = (version.id, version.inburgeraar_id, version.number, version.kind, version.gemeente)
    origin = (version.by_person, version.by_sleutel, version.message_key, version.event)
    said = (*astuple(version.facts), version.correction)
    moment = version.at.isoformat(timespec="microseconds")
    return (*(_text(value) for value in (*fixed, *origin, *said)), moment)


def _text(value: object) -> str:
    return "" if value is None else str(value)
