"""Reads a file of inburgeraars line by line. Pure: a line becomes a person, or the columns that are wrong.

What is wrong is told by line and column, never by value: a report may be mailed around.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TextIO

from keyservice.kernel.secret import Secret
from keyservice.kernel.text import clean
from keyservice.portaal import birth, bsn_text
from keyservice.portaal.rules import FIRST_DAYS, Wet

COLUMNS = (
    *("bsn", "voornamen", "tussenvoegsel", "achternaam", "geboortedatum"),
    *("wet", "gemeente", "plicht_van", "plicht_tot"),
)
_LONGEST_NAME = 200
_LONGEST_HEAD = 1000  # characters: what is longer is no such file, and need not be read
_SURNAME = "achternaam"


@dataclass(frozen=True)
class Person:
    """One person as DUO says; `duty_from` and `duty_until` are the first and last day of the term."""

    bsn: Secret = field(repr=False)
    gemeente: str
    wet: Wet
    given_names: str
    prefix: str
    surname: str
    birth_date: str
    duty_from: date
    duty_until: date


@dataclass(frozen=True)
class Line:
    """A line of the file by its number: a person, or what is wrong with it in Dutch."""

    number: int
    person: Person | None
    faults: tuple[str, ...] = ()


def lines(file: TextIO) -> Iterator[Line]:
    """Give every line below the headings. Raises ValueError when the headings are others than `COLUMNS`.

    Columns are separated by `;` or `,`.
    """
    first = file.readline(_LONGEST_HEAD)
    rows = csv.reader(file, delimiter=";" if ";" in first else ",", strict=True)
    headings = next(csv.reader([first.lstrip("\ufeff").strip()], delimiter=";" if ";" in first else ","), [])
    if tuple(headings) != COLUMNS:
        raise ValueError(f"the first line must be {';'.join(COLUMNS)}")
    number = 1
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield Line(rows.line_num + 1, None, ("een veld is veel te lang, of de aanhalingstekens kloppen niet",))
            return  # where the next line begins, nobody can say
        number = rows.line_num + 1
        if row:
            yield _line(number, row)


def _line(number: int, row: list[str]) -> Line:
    if len(row) != len(COLUMNS):
        return Line(number, None, (f"heeft {len(row)} kolommen, niet {len(COLUMNS)}",))
    values = dict(zip(COLUMNS, (clean(value) for value in row), strict=True))
    parts: dict[str, object] = {}
    faults: list[str] = []
    for name, (column, parse, fault) in _PARSERS.items():
        try:
            parts[name] = parse(values[column])
        except ValueError:
            faults.append(f"{column}: {fault}")
    if not faults:
        faults += _together(parts)
    if faults:
        return Line(number, None, tuple(faults))
    return Line(number, Person(**parts))  # type: ignore[arg-type]  # each parser gives what its field holds


def _together(parts: dict[str, object]) -> Iterator[str]:
    begin, end, wet = parts["duty_from"], parts["duty_until"], parts["wet"]
    if not (isinstance(begin, date) and isinstance(end, date) and isinstance(wet, Wet)):
        raise TypeError("parsers changed")
    if begin > end:
        yield "plicht_tot: ligt voor plicht_van"
    if begin < FIRST_DAYS[wet]:
        yield f"plicht_van: ligt voor het begin van de {wet}"
    if birth.first_day(str(parts["birth_date"])) > begin:
        yield "geboortedatum: ligt na plicht_van"


def _name(text: str) -> str:
    if len(text) > _LONGEST_NAME or bsn_text.stands_in(text):
        raise ValueError("no name")
    return text


def _surname(text: str) -> str:
    if not text:
        raise ValueError("no name")
    return _name(text)


def _gemeente(text: str) -> str:
    if not (len(text) == 4 and text.isascii() and text.isdigit()):  # noqa: PLR2004 - a CBS code has four digits
        raise ValueError("no code")
    return text


_PARSERS = {
    "bsn": ("bsn", bsn_text.parse, "voldoet niet aan de 11-proef"),
    "given_names": ("voornamen", _name, f"is langer dan {_LONGEST_NAME} tekens, of er staat een BSN in"),
    "prefix": ("tussenvoegsel", _name, f"is langer dan {_LONGEST_NAME} tekens, of er staat een BSN in"),
    "surname": (_SURNAME, _surname, f"ontbreekt, is langer dan {_LONGEST_NAME} tekens, of er staat een BSN in"),
    "birth_date": ("geboortedatum", birth.parse, "is geen datum zoals 1985-11-03; onbekend is 00"),
    "wet": ("wet", Wet, "is niet Wi2013 of Wi2021"),
    "gemeente": ("gemeente", _gemeente, "is geen code van 4 cijfers"),
    "duty_from": ("plicht_van", date.fromisoformat, "is geen datum zoals 2026-11-03"),
    "duty_until": ("plicht_tot", date.fromisoformat, "is geen datum zoals 2026-11-03"),
}
