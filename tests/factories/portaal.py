"""Inburgeraars for tests: fictive people with BSNs of the range that is given to nobody, loaded as an operator does."""

import csv
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from sqlalchemy import select
from stdnum.nl import bsn as number

from keyservice.database import db
from keyservice.demo.people import person_id
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.secret import Secret
from keyservice.portaal import bsn, loading, service
from keyservice.portaal.models import Inburgeraar
from keyservice.portaal.person_file import COLUMNS
from keyservice.portaal.rules import Facts

ROW = {
    "voornamen": "Amira",
    "tussenvoegsel": "",
    "achternaam": "Voorbeeldstra",
    "geboortedatum": "1985-11-03",
    "wet": "Wi2013",
    "gemeente": "9998",
    "plicht_van": "2020-01-15",
    "plicht_tot": "2021-01-14",
}
SIGNED = Facts(
    ondertekend=True,
    gevolgd=True,
    started_on=date(2020, 2, 3),
    ended_on=date(2020, 2, 4),
    signed_on=date(2020, 2, 4),
)
SIGNED_MESSAGE = {
    "ondertekend": True,
    "trajectGevolgd": True,
    "startDeelname": "2020-02-03",
    "eindeDeelname": "2020-02-04",
    "datumOndertekening": "2020-02-04",
}
"""The same as a machine sends it."""
REFUSED = Facts(ondertekend=False, gevolgd=False, reden="GEWEIGERD")
REFUSED_AFTER = Facts(
    ondertekend=False, gevolgd=True, started_on=date(2020, 2, 3), ended_on=date(2020, 2, 4), reden="GEWEIGERD"
)


def bsns(count: int, first: int = 999_900_000) -> list[str]:
    """Return numbers that pass the 11-proef, from one on: those that begin with 9999 are nobody's."""
    return [str(n) for n in islice((n for n in range(first, 10**9) if number.is_valid(str(n))), count)]


def write_file(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    """Write a file as DUO delivers it; each row says what differs from `ROW`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=";")
        writer.writeheader()
        writer.writerows({**ROW, **row} for row in rows)
    return path


def inburgeraar(folder: Path, digits: str = "999990019", **differs: str) -> UUID:
    """Load one person and return the id."""
    report = loading.load(write_file(folder / f"{digits}.csv", [{"bsn": digits, **differs}]))
    assert report.loaded, report.refused
    return stored(digits).id


def at_gemeente(code: str) -> tuple[UUID, UUID]:
    """Store two people of a gemeente by its code, of whom the second refused; return their ids."""
    first, second = bsns(2, first=999_900_000 + int(code) % 100 * 100)
    with TemporaryDirectory() as folder:
        ids = [inburgeraar(Path(folder), digits, gemeente=code) for digits in (first, second)]
    pim = Actor(person_id("pim"), frozenset({Role.RAADPLEGEN_MUTEREN_2013}), code, "web")
    service.register(pim, ids[1], REFUSED, seen=0)
    return ids[0], ids[1]


def stored(digits: str) -> Inburgeraar:
    """Return the row of a BSN."""
    query = select(Inburgeraar).where(Inburgeraar.bsn_digest.in_(bsn.digests(Secret(digits))))
    return db.session.scalars(query).one()
