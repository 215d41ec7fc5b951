"""Reads the register of gemeenten that comes with the program (`data/README.md` has source and meaning)."""

import csv
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from importlib import resources

_CODE = re.compile(r"[0-9]{4}")
_ARTICLE = re.compile(r"^['\u2018\u2019][st][- ]", re.IGNORECASE)


@dataclass(frozen=True)
class GemeenteFacts:
    """One gemeente of the register; `valid_from` and `valid_until` are its first and last day."""

    code: str
    name: str
    province: str
    valid_from: date | None
    valid_until: date | None
    successor_code: str | None

    def __post_init__(self) -> None:
        """Raise ValueError when the row cannot be true."""
        if not _CODE.fullmatch(self.code) or not self.name or not self.province:
            raise ValueError(f"gemeente {self.code!r}: code, name and province are needed")
        if (self.valid_until is None) != (self.successor_code is None):
            raise ValueError(f"gemeente {self.code}: an end and a successor go together")
        if self.valid_from and self.valid_until and self.valid_from > self.valid_until:
            raise ValueError(f"gemeente {self.code}: ends before it begins")

    def valid_on(self, day: date) -> bool:
        """True when the gemeente exists on that day, its first and last day included."""
        return (self.valid_from or date.min) <= day <= (self.valid_until or date.max)


def read_register() -> tuple[GemeenteFacts, ...]:
    """Return all gemeenten of the register, ended ones included, in the order of their names.

    Raises ValueError when a code is there twice or a successor is not there.
    """
    path = resources.files("keyservice.gemeenten") / "data" / "gemeenten.csv"
    gemeenten = [_facts(row) for row in csv.DictReader(path.read_text("utf-8").splitlines())]
    codes = {gemeente.code for gemeente in gemeenten}
    if len(codes) != len(gemeenten):
        raise ValueError("a gemeente code is in the register twice")
    if not {gemeente.successor_code for gemeente in gemeenten} <= codes | {None}:
        raise ValueError("a successor is not in the register")
    return tuple(sorted(gemeenten, key=lambda gemeente: sort_key(gemeente.name)))


def _facts(row: dict[str, str]) -> GemeenteFacts:
    return GemeenteFacts(
        code=row["code"],
        name=row["naam"],
        province=row["provincie"],
        valid_from=_day(row["geldig_van"]),
        valid_until=_day(row["geldig_tot"]),
        successor_code=row["opvolger_code"] or None,
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def sort_key(name: str) -> str:
    """Return what a name is sorted and searched by: no leading `'s-` or `'t `, no case, no accents.

    `'s-Gravenhage` stands under the G, `Súdwest-Fryslân` beside `Sudwest`.
    """
    decomposed = unicodedata.normalize("NFKD", _ARTICLE.sub("", name).casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
