"""Everything that is kept about a person, for who asks for it (AVG art. 15): what is registered, and who looked.

The BSN stands in it by its last three digits: the person knows it, and the file goes from hand to hand. Employees are
not named (Court of Justice EU, C-579/21): by which gemeente, when and why is what a person has a right to.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from keyservice import audit
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.portaal import bsn, events, queries
from keyservice.portaal.models import Inburgeraar, LookStatus, ProcessingLog, Registration
from keyservice.portaal.processing import Activity, processing
from keyservice.portaal.service import person_looked_at

_ENDED = {LookStatus.OK: "gelukt", LookStatus.UNSET: "geweigerd", LookStatus.ERROR: "mislukt"}


def export(actor: Actor, person_id: UUID) -> dict[str, Any]:
    """Return what is kept about a person, as plain values with Dutch names. Raises NotFound, Refused."""
    with processing(actor, Activity.EXPORT) as look:
        person = person_looked_at(actor, person_id, look)
        number = bsn.unseal(person.bsn, person.id)
        look.event = audit.record(events.EXPORTED, actor, subject=person_id)
        return {
            "gemaaktOp": clock.now().isoformat(timespec="seconds"),
            "persoon": _person(person) | {"bsn": bsn.masked(number)},
            "participatieverklaring": _versions(queries.versions(person_id)),
            "verwerkingen": _looks(queries.looks_at(number)),
        }


def _person(person: Inburgeraar) -> dict[str, str]:
    return {
        "voornamen": person.given_names,
        "tussenvoegsel": person.prefix,
        "achternaam": person.surname,
        "geboortedatum": person.birth_date,
        "wet": person.wet,
        "gemeente": person.gemeente,
        "plichtVan": person.duty_from.isoformat(),
        "plichtTot": person.duty_until.isoformat(),
        "bijgewerktOp": person.loaded_at.isoformat(timespec="seconds"),
    }


def _versions(versions: Iterable[Registration]) -> list[dict[str, Any]]:
    return [
        {
            "versie": version.number,
            "soort": {"register": "vastgelegd", "correct": "verbeterd", "withdraw": "ingetrokken"}[version.kind],
            "op": version.at.isoformat(timespec="seconds"),
            "gemeente": version.gemeente,
            "weg": "machinekoppeling" if version.by_sleutel else "portaal",
            "ondertekend": version.ondertekend,
            "trajectGevolgd": version.gevolgd,
            "datumStartDeelname": version.started_on and version.started_on.isoformat(),
            "datumEindeDeelname": version.ended_on and version.ended_on.isoformat(),
            "datumOndertekening": version.signed_on and version.signed_on.isoformat(),
            "redenNietVoldaan": version.reden,
            "toelichting": version.toelichting,
            "uitleg": version.correction,
        }
        for version in versions
    ]


def _looks(looks: Iterable[ProcessingLog]) -> list[dict[str, Any]]:
    return [
        {
            "op": look.start_time.isoformat(timespec="seconds"),
            "handeling": look.name,
            "gemeente": look.gemeente,
            "weg": look.origin,
            "afloop": _ENDED[look.status],
        }
        for look in looks
    ]
