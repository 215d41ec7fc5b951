"""Everything that is kept about a person, for who asks for it (AVG art. 15): what is registered, and who looked.

It is made to be read by that person (AVG art. 12), so all is said in words. The BSN stands in it by its last three
digits: the person knows it, and the file goes from hand to hand. Employees are not named (Court of Justice EU,
C-579/21): by which gemeente, when and why is what a person has a right to.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import current_app

from keyservice import audit
from keyservice.gemeenten.queries import names
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.pdf import render_pdf
from keyservice.portaal import bsn, events, queries, words
from keyservice.portaal.models import Inburgeraar, ProcessingLog, Registration
from keyservice.portaal.processing import Activity, processing
from keyservice.portaal.rules import Channel
from keyservice.portaal.service import frame, person_looked_at
from keyservice.settings_portaal import Reasons
from keyservice.web.dates import datum, datumtijd

Content = Mapping[str, Any]
TEMPLATE = Path("portaal", "gegevens", "gegevens.typ")


def export(actor: Actor, person_id: UUID) -> Content:
    """Return in words what is kept about a person: label and value of each fact. Raises NotFound, Refused."""
    with processing(actor, Activity.EXPORT) as look:
        person, now = person_looked_at(actor, person_id, look), clock.now()
        number = bsn.unseal(person.bsn, person.id)
        look.event = audit.record(events.EXPORTED, actor, subject=person_id)
        versions, looks = queries.versions(person_id), queries.looks_at(number)
        by = {version.gemeente for version in versions} | {one.gemeente for one in looks if one.gemeente}
        known = names({person.gemeente, *by})
        day, reasons = clock.local_date(now), frame(Channel.WEB).reasons
        return {
            "day": {"year": day.year, "month": day.month, "day": day.day},
            "made": datumtijd(now),
            "person": [*_person(person, known), ["BSN", bsn.masked(number)]],
            "versions": [_version(version, reasons, known) for version in versions],
            "looks": _looks(looks, known),
        }


def pdf(content: Content) -> bytes:
    """Return it as a document that reads well on paper and aloud (PDF/UA-1)."""
    return render_pdf(Path(str(current_app.template_folder)) / TEMPLATE, content)


def _person(person: Inburgeraar, known: Mapping[str, str]) -> list[list[str]]:
    return [
        ["Voornamen", person.given_names],
        ["Achternaam", f"{person.prefix} {person.surname}".strip()],
        ["Geboortedatum", words.birth_date(person.birth_date)],
        ["Gemeente", known[person.gemeente]],
        ["Wet", person.wet],
        ["Termijn", f"{datum(person.duty_from)} tot en met {datum(person.duty_until)}"],
        ["Bijgewerkt op", datumtijd(person.loaded_at)],
    ]


def _version(version: Registration, reasons: Reasons, known: Mapping[str, str]) -> Content:
    by = f"Gemeente {known[version.gemeente]}, {'met haar software' if version.by_sleutel else 'in het portaal'}"
    rows = words.version_rows(version, reasons, by)
    return {"title": words.version_title(version), "rows": [[label, value] for label, value, *_ in rows]}


def _looks(looks: Iterable[ProcessingLog], known: Mapping[str, str]) -> list[list[str]]:
    lines = (
        (
            datumtijd(look.start_time),
            words.ACTIVITIES[Activity(look.name)],
            f"Gemeente {known[look.gemeente]}" if look.gemeente else "DUO",
            words.ENDED[look.status],
        )
        for look in looks
    )
    # Who registers something opens several pages: what would read the same stands on one line.
    counted = ((line, len(list(same))) for line, same in groupby(lines))
    return [[when, what if count == 1 else f"{what} ({count} keer)", *how] for (when, what, *how), count in counted]
