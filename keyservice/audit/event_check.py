"""One stored event: its leaf, index columns, MAC and erasable texts against its content."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache, partial
from typing import Any

from keyservice.audit.append import MAC_PURPOSE
from keyservice.audit.faults import Faults, Kind
from keyservice.audit.tree import leaf_hash
from keyservice.kernel.seal import Rings, SealBroken, key_id_of, mac_fits_by

# As `rows.sealed` and `rows.unsealed` give the index columns of an event, after its row.
INDEX = ("id", "at", "code", "dossier", "dossier_number", "person", "gemeente")
Content = dict[str, Any]
_decode = json.JSONDecoder().raw_decode


def name(row: Sequence[Any]) -> str:
    """Return how people find an event (row, index columns, …) again."""
    if len(row) == 1:  # there is none yet
        return f"event row {row[0]}"
    _row, event_id, _at, code, dossier, number = row[:6]
    of_dossier = f" no. {number} of dossier {dossier}," if dossier else ""
    return f"event row {row[0]} ({code},{of_dossier} id {event_id})"


class EventCheck:
    """Checks events one after another; what is wrong goes to `faults`."""

    def __init__(self, rings: Rings, faults: Faults) -> None:
        """Take the rings, for the MACs."""
        self.faults = faults
        # A key that was found is good for the whole of a verify: who checks a million does not look for it each time.
        self.key = cache(partial(rings.key, "mac"))

    def check(self, row: Sequence[Any], leaf: object) -> Content | None:
        """Check one event (row, index columns, canonical, MAC) and return what it says, or None for what is unreadable.

        `leaf` is the hash in the tree, None for an event that is not in it yet.
        """
        canonical = row[8]
        if not isinstance(canonical, bytes):
            self.faults.add(Kind.CHANGED, name(row), "the content is no bytes")
            return None
        if leaf is not None and leaf_hash(canonical) != leaf:
            self.faults.add(Kind.CHANGED, name(row), "the content differs from its leaf")
        try:
            text = canonical.decode()
            content: Content = _decode(text)[0]
            written = _index(content)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.faults.add(Kind.CHANGED, name(row), "the content cannot be read")
            return None
        if written != row[1:8]:
            self._compare(row, written)
        if not self._mac_fits(row[9], text):
            kind = Kind.INSERTED if leaf is None else Kind.CHANGED
            self.faults.add(kind, name(row), "the MAC is not of this program")
        return content

    def _compare(self, row: Sequence[Any], written: tuple[Any, ...]) -> None:
        wrong = [column for column, stored, was in zip(INDEX, row[1:8], written, strict=True) if stored != was]
        if "id" in wrong:
            what = f"holds the content of another event: id {written[0]} ({written[2]})"
            self.faults.add(Kind.MOVED, name(row), what)
        else:
            self.faults.add(Kind.CHANGED, name(row), f"differs from its content: {', '.join(wrong)}")

    def _mac_fits(self, mac: object, text: str) -> bool:
        try:
            return isinstance(mac, bytes) and mac_fits_by(self.key(key_id_of(mac)), mac, MAC_PURPOSE, text)
        except SealBroken:  # a ring key that never existed: somebody made the MAC up
            return False

    def check_texts(self, row: Sequence[Any], content: Content | None, texts: Sequence[Any]) -> None:
        """Check the erasable texts (place, name, salt, value) of an event; those that were erased are fine."""
        declared = content["private"] if content and isinstance(content.get("private"), dict) else {}
        for _place, text_name, salt, value in texts:
            if text_name not in declared:
                kind, what = Kind.INSERTED, "the event has no such text"
            elif not _fits(salt, value, declared[text_name]):
                kind, what = Kind.CHANGED, "the text or its salt differs from the hash in the event"
            else:
                continue
            self.faults.add(kind, f"text '{text_name}' of {name(row)}", what)


def _index(content: Content) -> tuple[Any, ...]:
    """Return the index columns that belong to a content, as plain as they are stored."""
    at: str = content["at"]
    moment = f"{at[:10]} {at[11:26]}" if at.endswith("+00:00") else at
    event_id, dossier, person = (content[key] and content[key].replace("-", "") for key in ("id", "dossier", "person"))
    return event_id, moment, content["event"], dossier, content["number"], person, content["gemeente"]


def younger(content: Content | None, limit: datetime) -> bool:
    """Tell whether an event says that it is from after a moment."""
    try:
        return content is not None and datetime.fromisoformat(content["at"]) >= limit
    except (ValueError, TypeError):
        return False


def _fits(salt: object, value: object, digest: str) -> bool:
    if not isinstance(salt, bytes) or not isinstance(value, str):
        return False
    return hashlib.sha256(salt + value.encode()).hexdigest() == digest
