"""What a wave did, or would do, in words: for its pages and for the file with the report."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from keyservice.issuance import wave_queries
from keyservice.issuance.wave_models import Wave
from keyservice.issuance.wave_queries import Wanted
from keyservice.issuance.wave_workflow import Result, WaveStatus
from keyservice.issuance.words import ISSUANCE, OBSTACLES, RESULT, Badge, delivery_stage
from keyservice.web.dates import datum

Cells = Row[*tuple[Any, ...]]
HEADINGS = (
    *("Gemeentecode", "Gemeente", "Aanvraag", "Omgeving", "Pakket", "Oude sleutel", "Oude sleutel verloopt"),
    *("Uitkomst", "Reden", "Nieuwe sleutel", "Levering nu"),
)


@dataclass(frozen=True)
class BeforeStart:
    """How a prepared list stands now: `changed` are rows with the code of then and of now; `others` fit but came later.

    `reasons` says how often each code keeps a key from being renewed.
    """

    able: int
    reasons: Mapping[str, int]
    changed: Sequence[tuple[Cells, str | None, str | None]]
    others: int

    @property
    def unable(self) -> int:
        """Return how many cannot be renewed."""
        return sum(self.reasons.values())


def before_start(wave: Wave, starter: UUID) -> BeforeStart:
    """Judge the whole list of a wave anew, as it would be when this person starts it now."""
    listed = wave_queries.items(wave.id)
    keys = [(item.aanvraag_id, item.sleutel_id) for item in listed]
    found = wave_queries.obstacles(keys, [starter, wave.prepared_by])
    rows = {row.aanvraag_id: row for row in wave_queries.report(wave.id, limit=None)}
    fitting = wave_queries.keys_to_renew(
        Wanted(wave.expires_until, wave.omgeving, tuple(wave.gemeenten) if wave.gemeenten is not None else None)
    )
    return BeforeStart(
        able=sum(code is None for code in found.values()),
        reasons=dict(Counter(code for code in found.values() if code).most_common()),
        changed=[
            (rows[item.aanvraag_id], item.expected, found[item.aanvraag_id])
            for item in listed
            if item.expected != found[item.aanvraag_id]
        ],
        others=len({aanvraag for aanvraag, _ in fitting} - rows.keys()),
    )


def foreseen(code: str | None) -> Badge:
    """Return whether a key can be renewed, as a badge."""
    return ("Kan niet", "warning") if code else ("Kan", "success")


def outcome(wave: Wave, row: Cells) -> tuple[Badge, str]:
    """Return what became of one of the list, or will, and why."""
    if row.result is not Result.WAITING:
        return RESULT[row.result], OBSTACLES.get(row.refused or "", "")
    if wave.status is WaveStatus.PREPARED:
        return foreseen(row.expected), OBSTACLES.get(row.expected or "", "")
    if wave.status in {WaveStatus.STOPPED, WaveStatus.LAPSED}:
        return ("Niet aan de beurt gekomen", "inactive"), ""
    return RESULT[row.result], ""


def delivery(row: Cells) -> str:
    """Return how the delivery of a new key stands now; empty when there is none."""
    if row.new is None:
        return ""
    if row.ended_at is not None:
        return ISSUANCE[row.end_reason][0]
    return "Bericht kon niet worden verstuurd" if row.failed else delivery_stage(row)


def table(wave: Wave, rows: Iterable[Cells]) -> tuple[Sequence[str], Iterator[Sequence[str]]]:
    """Return the headings and the lines of the report."""
    return HEADINGS, (_line(wave, row) for row in rows)


def _line(wave: Wave, row: Cells) -> Sequence[str]:
    (label, _), reason = outcome(wave, row)
    asked = (row.gemeente, row.gemeente_name, row.number or "", row.omgeving or "", row.pakket or "")
    return *asked, row.old, datum(row.expires_at), label, reason, row.new or "", delivery(row)
