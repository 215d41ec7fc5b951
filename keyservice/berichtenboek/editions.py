"""The versions of the berichtenboek, newest first. Each names the SHA-256 of the text that the program made then.

A test makes the text again. Does it differ? Then the program changed, and that takes a new version here: so the book
never says anything else than what the program does.
"""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Edition:
    """One version, and what it changed for who builds with it; `digest` is of `content.text_of_program`."""

    number: int
    on: date
    digest: str
    changes: tuple[str, ...]


EDITIONS = (
    Edition(
        1,
        date(2026, 11, 25),
        "7479d5ca751e820d5ec06f68d5d2a35183177e5bd968080c3515ab3f2fd7fe85",
        ("De eerste versie.",),
    ),
)
CURRENT = EDITIONS[0]


def changes_since(number: int) -> tuple[str, ...]:
    """Return what all versions after one changed, newest first."""
    return tuple(change for edition in EDITIONS if edition.number > number for change in edition.changes)
