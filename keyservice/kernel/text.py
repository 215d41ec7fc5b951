"""Cleaning of typed text, and the recognition of secrets that should not have been typed."""

import re
import unicodedata
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

ERASED = "gewist"
"""What stands, and shows, where a text about a person was erased after its term."""

# Bidirectional controls, zero-width characters and letters without a shape: they make a text look like another one
# (Unicode TR 36).
_INVISIBLE = re.compile(
    "[\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u2800\u3164\uffa0\ufeff\u00ad]"
)
_MOST_MARKS = 30
_DASH = "-\u2010-\u2015"  # also what a word processor makes of hyphens
_READABLE = "2-9A-HJKMNP-Z"  # the alphabet of passwords (`kernel.ids.READABLE`)
_SECRETS = (
    re.compile(r"as(?:l_[ap]|v)_[0-9A-Z]{8,}", re.IGNORECASE),
    re.compile(rf"[{_DASH}]{{2}}\s*BEGIN [A-Z ]*PRIVATE KEY"),
    re.compile(r"PuTTY-User-Key-File"),
    re.compile(
        rf"(?<![0-9A-Z])(?:[{_READABLE}]{{4}}[{_DASH}_.\s]\s*){{6}}[{_READABLE}]{{4}}(?![0-9A-Z])", re.IGNORECASE
    ),
    # Without its hyphens; the digit tells it from a long word.
    re.compile(rf"(?<![0-9A-Z])(?=[A-Z]{{0,27}}[2-9])[{_READABLE}]{{28}}(?![0-9A-Z])", re.IGNORECASE),
)
# Broken over lines, when the spaces are gone; digit, capital and small letter tell it from a sentence.
_BROKEN_KEY = re.compile(
    r"(?i:as(?:l_[ap]|v)_)(?=[A-Za-z]{0,37}[0-9])(?=[0-9a-z]{0,37}[A-Z])(?=[0-9A-Z]{0,37}[a-z])[0-9A-Za-z]{38}"
)


def clean(text: str, *, lines: bool = False) -> str:
    """Return text in Unicode NFC without control or invisible characters, spaces folded and cut off at both ends.

    `lines=True` keeps line ends (as line feeds), for a text area.
    """
    text = normal("NFC", _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    kept = "".join(c if unicodedata.category(c)[0] != "C" or (lines and c == "\n") else " " for c in text)
    if lines:
        return "\n".join(" ".join(line.split()) for line in kept.split("\n")).strip()
    return " ".join(kept.split())


def holds_secret(text: str) -> bool:
    """Tell whether a typed text holds a key, the credential of a system, a private key or a zip password."""
    plain = as_it_reads(text)
    return any(pattern.search(plain) for pattern in _SECRETS) or bool(_BROKEN_KEY.search("".join(plain.split())))


def as_it_reads(text: str) -> str:
    """Return a text with wide letters as plain ones, and without the escapes of addresses (%5F) and of markup."""
    return normal("NFKC", unquote(_INVISIBLE.sub("", text)).replace("\\", ""))


def fold(text: str) -> str:
    """Return text for comparing names and packages: no case, accents, punctuation or spaces."""
    plain = normal("NFKD", text.casefold())
    return "".join(c for c in plain if c.isalnum())


def normal(form: Literal["NFC", "NFKC", "NFKD"], text: str) -> str:
    """Return a text in a normal form of Unicode, without the marks upon one letter beyond the thirtieth (UAX 15, 13).

    No language has that many, and to put marks in order takes the square of their number: those of one long request
    would keep a process busy for a minute.
    """
    if text.isascii():
        return text
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if _is_mark(character) else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return unicodedata.normalize(form, "".join(kept))


@lru_cache(maxsize=4096)
def _is_mark(character: str) -> bool:
    return all(map(unicodedata.combining, unicodedata.normalize("NFKD", character)))
