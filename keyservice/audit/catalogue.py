"""The closed catalogue: which events exist, with which fields, and the Dutch sentence of each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

_CODE = re.compile(r"[a-z][a-z-]*:[a-z][a-z-]*")


class Result(StrEnum):
    """How an act ended (BIO2 8.15.01)."""

    OK = "ok"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class EventType:
    """One kind of event. `fields` stand in the event for ever, `private` ones in erasable columns.

    `sentence` is what a page shows: neutral, without names, readable by a gemeente.
    """

    code: str
    sentence: str
    fields: frozenset[str]
    private: frozenset[str]


_events: dict[str, EventType] = {}


def define(code: str, sentence: str, *, fields: str = "", private: str = "") -> EventType:
    """Add an event to the catalogue and return it; names of fields are separated by spaces.

    Raises ValueError for a code that is malformed or was defined before: codes are never renamed or used again.
    """
    if not _CODE.fullmatch(code) or code in _events:
        raise ValueError(f"event code {code!r} is malformed or not new")
    event = EventType(code, sentence, frozenset(fields.split()), frozenset(private.split()))
    _events[code] = event
    return event


def catalogue() -> Mapping[str, EventType]:
    """Return every event by code."""
    return MappingProxyType(_events)


ACT_REFUSED = define("access:refuse", "Een handeling is geweigerd.", fields="act reason")
ANONYMOUS_REFUSED = define("access:refuse-anonymous", "Een onbekende is geweigerd.", fields="kind", private="source")
