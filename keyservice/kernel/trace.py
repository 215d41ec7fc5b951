"""Where an act stands among those of other systems: W3C Trace Context, as Logboek Dataverwerkingen asks."""

import re
import secrets
from dataclasses import dataclass

# Version 00 and, as the standard asks, later ones: what they add comes behind. No id is all zeros, no version is ff.
_HEADER = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")


@dataclass(frozen=True)
class Span:
    """One act: `trace_id` (32 hex digits) is shared by all that belong together, `parent_id` (16) is who asked."""

    trace_id: str
    span_id: str
    parent_id: str | None


def new_span(traceparent: str | None) -> Span:
    """Return a span below the one that a header names, or of a trace of its own when there is none or it is wrong."""
    found = _HEADER.fullmatch(traceparent) if traceparent else None
    trace_id, parent_id = found.groups() if found else (secrets.token_hex(16), None)
    return Span(trace_id, secrets.token_hex(8), parent_id)
