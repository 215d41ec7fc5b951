"""The versions of the API, newest first. `VERSION` stands in every answer; semver 2.0."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Release:
    """One version, and what it changed for who uses the API."""

    version: str
    on: date
    changes: tuple[str, ...]


RELEASES = (Release("1.0.0", date(2026, 11, 25), ("De eerste versie.",)),)
VERSION = RELEASES[0].version
