"""What an operator sets for the portaal: the days of the variable PORTAAL, the file of REASONS, the OMGEVING."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType

NEVER = date.max
OMGEVINGEN = ("acceptatie", "productie")
EXAMPLES = Path(__file__).parent / "portaal" / "data" / "redenen.csv"
_COLUMNS = ("code", "tekst", "geldig_van", "geldig_tot", "toelichting")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,39}")
Reasons = Mapping[str, "Reason"]


@dataclass(frozen=True)
class Openings:
    """From which day on each is allowed; `NEVER` is not yet. The sources say "op dit moment".

    `refusals_wi2021`: "niet ondertekend" for the Wi2021. `machine_wi2021`: the machinekoppeling for the Wi2021.
    `machine_refusals`: "niet ondertekend" through the machinekoppeling; the source does not say which channel.
    """

    refusals_wi2021: date = NEVER
    machine_wi2021: date = NEVER
    machine_refusals: date = date.min


def openings(text: str, faults: list[str]) -> Openings:
    """Return the days that a setting such as `machine-wi2021=2027-01-01` gives; what is wrong is added to `faults`."""
    found, names = Openings(), {field.name for field in fields(Openings)}
    for part in text.split():
        name, _equals, day = part.partition("=")
        column = name.replace("-", "_")
        if column not in names:
            faults.append(f"PORTAAL must be days such as 'machine-wi2021=2027-01-01', not {part!r}.")
            continue
        try:
            found = replace(found, **{column: NEVER if day == "never" else date.fromisoformat(day)})
        except ValueError:
            faults.append(f"PORTAAL: {name} must be a day such as 2027-01-01, or 'never', not {day!r}.")
    return found


@dataclass(frozen=True)
class Reason:
    """One reason; `valid_from` and `valid_until` are its first and last day, `explained` asks for an explanation."""

    code: str
    text: str
    valid_from: date
    valid_until: date
    explained: bool

    def valid_on(self, day: date) -> bool:
        """Tell whether it may be chosen on a day."""
        return self.valid_from <= day <= self.valid_until


@cache
def read_reasons(path: Path) -> Reasons:
    """Return the reasons of a file by code, in its order. Raises ValueError that names the line and what is wrong."""
    try:
        return MappingProxyType(_parsed(path.read_text("utf-8-sig").splitlines()))
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error


def _parsed(lines: Iterable[str]) -> dict[str, Reason]:
    rows = csv.DictReader(lines)
    if tuple(rows.fieldnames or ()) != _COLUMNS:
        raise ValueError(f"must begin with the line {','.join(_COLUMNS)}")
    found: dict[str, Reason] = {}
    for row in rows:
        try:
            reason = _reason(row)
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"line {rows.line_num} is wrong: {error}") from error
        if reason.code in found:
            raise ValueError(f"line {rows.line_num}: {reason.code} is there twice")
        found[reason.code] = reason
    if not found:
        raise ValueError("holds no reason")
    return found


def _reason(row: Mapping[str, str]) -> Reason:
    if not _CODE.fullmatch(row["code"]) or not row["tekst"].strip() or row["toelichting"] not in {"ja", "nee"}:
        raise ValueError("code must be capitals, tekst must be there, toelichting must be ja or nee")
    reason = Reason(
        code=row["code"],
        text=row["tekst"].strip(),
        valid_from=date.fromisoformat(row["geldig_van"]) if row["geldig_van"] else date.min,
        valid_until=date.fromisoformat(row["geldig_tot"]) if row["geldig_tot"] else date.max,
        explained=row["toelichting"] == "ja",
    )
    if reason.valid_from > reason.valid_until:
        raise ValueError("it ends before it begins")
    return reason


@dataclass(frozen=True)
class Portaal:
    """Both of them, and the kind of keys that open the machinekoppeling here: `acceptatie` or `productie`."""

    openings: Openings
    reasons: Reasons
    omgeving: str = "productie"


def portaal(days: str, file: str, omgeving: str, faults: list[str]) -> Portaal:
    """Return what the three variables say; what is wrong is added to `faults`."""
    found = openings(days, faults)
    if omgeving not in OMGEVINGEN:
        faults.append(f"OMGEVING must be one of {', '.join(OMGEVINGEN)}, not {omgeving!r}.")
    try:
        return Portaal(found, read_reasons(Path(file)), omgeving)
    except ValueError as error:
        faults.append(f"REASONS: {file}: {error}.")
        return Portaal(found, read_reasons(EXAMPLES), omgeving)
