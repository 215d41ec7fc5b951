"""What an event says about stored rows, and whether a stored value is what an event led to. Pure."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from keyservice.audit.catalogue import EventType

# A row takes its moment a little before its event does, in the same transaction (`audit.sealer.LONGEST_ACT`).
TOLERANCE = timedelta(hours=1)


@dataclass(frozen=True)
class Told:
    """An event as the replay needs it; ids are 32 hex digits, `private` are hashes by name."""

    id: str
    code: str
    at: datetime
    person: str | None
    gemeente: str | None
    dossier: str
    subject: str
    fields: Mapping[str, Any]
    private: Mapping[str, str]


Salt = Callable[[str, str], bytes | None]


@dataclass(frozen=True)
class About:
    """A moment that was taken in the transaction of an event."""

    at: datetime

    def fits(self, stored: Any, _salt: Salt) -> bool:
        """Tell whether it is about the moment of the event."""
        moment = _moment(stored)
        return moment is not None and abs(moment - self.at) <= TOLERANCE


@dataclass(frozen=True)
class Exactly:
    """A moment that an event names."""

    at: datetime

    def fits(self, stored: Any, _salt: Salt) -> bool:
        """Tell whether it is that moment."""
        return _moment(stored) == self.at


@dataclass(frozen=True)
class Present:
    """A value that an event led to without telling it."""

    def fits(self, stored: Any, _salt: Salt) -> bool:
        """Tell whether there is one."""
        return stored is not None


@dataclass(frozen=True)
class Text:
    """An erasable text of an event, by its salted SHA-256; None when it was empty."""

    event: str
    name: str
    digest: str | None

    def fits(self, stored: Any, salt: Salt) -> bool:
        """Tell whether it is that text; when the salt was erased, as it should be after its term, any will do."""
        if self.digest is None:
            return not stored
        key = salt(self.event, self.name)
        return key is None or (isinstance(stored, str) and _hashed(key, stored) == self.digest)


@dataclass(frozen=True)
class Upper:
    """A text that an event tells in capitals."""

    text: str

    def fits(self, stored: Any, _salt: Salt) -> bool:
        """Tell whether it is that text."""
        return isinstance(stored, str) and stored.upper() == self.text


@dataclass(frozen=True)
class Day:
    """A day, which SQLite stores as a text and PostgreSQL as what it is."""

    day: date | None

    def fits(self, stored: Any, _salt: Salt) -> bool:
        """Tell whether it is that day."""
        return (str(stored) if stored else None) == (self.day.isoformat() if self.day else None)


@dataclass(frozen=True)
class OneOf:
    """One of these."""

    values: tuple[Any, ...]

    def fits(self, stored: Any, _salt: Salt) -> bool:
        """Tell whether it is one of them."""
        return stored in self.values


@dataclass(frozen=True)
class Count:
    """A list of so many parts."""

    of: int

    def fits(self, stored: Any, _salt: Salt) -> bool:
        """Tell whether it has as many."""
        return _length(stored) == self.of


Columns = dict[str, Any]


@dataclass
class Expected:
    """The rows that the events led to: per table and key the value of each column that events tell of."""

    tables: dict[str, dict[str, Columns]] = field(default_factory=dict)

    def table(self, name: str) -> dict[str, Columns]:
        """Return the rows of a table by key."""
        return self.tables.setdefault(name, {})

    def make(self, table: str, key: str, **columns: Any) -> None:
        """Note that an event made a row."""
        self.table(table)[key] = columns

    def change(self, table: str, key: str | None, **columns: Any) -> None:
        """Note that an event changed a row; one that no event made stays unexplained."""
        row = self.table(table).get(key or "")
        if row is not None:
            row.update(columns)

    def delete(self, table: str, **columns: Any) -> None:
        """Note that an event deleted the rows with these values."""
        rows = self.table(table)
        for key in [key for key, row in rows.items() if columns.items() <= row.items()]:
            del rows[key]


Handler = Callable[[Expected, Told], None]
Handlers = Mapping[EventType, Handler]


def explains(expected: Any, stored: Any, salt: Salt) -> bool:
    """Tell whether a stored value, as plain as it is stored, is what the events led to."""
    fits = getattr(expected, "fits", None)
    return bool(fits(stored, salt) if fits else expected == stored)


def _moment(stored: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(stored).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return None


def _length(stored: Any) -> int | None:
    try:  # SQLite keeps a list as JSON
        parts = json.loads(stored) if isinstance(stored, str) else stored
    except (ValueError, RecursionError):
        return None
    return 0 if parts is None else len(parts) if isinstance(parts, list) else None


def _hashed(salt: bytes, text: str) -> str:
    return hashlib.sha256(salt + text.encode()).hexdigest()


def text(told: Told, name: str) -> Text:
    """Return an erasable text of an event as an expected value."""
    return Text(told.id, name, told.private.get(name))


def exactly(moment: str | None) -> Exactly | None:
    """Return a moment as an event names it."""
    return Exactly(datetime.fromisoformat(moment)) if moment else None


def plain_id(value: Any) -> str:
    """Return an id as it is compared; other keys stay as they are."""
    return str(value).replace("-", "") if value else ""
