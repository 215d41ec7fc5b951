"""Random numbers and codes that people read out, type or follow."""

import hashlib
import secrets
from uuid import UUID, uuid4

# Digits and capitals without the look-alikes 0 O 1 I L: 31 characters, safe to read aloud.
READABLE = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_Z_LENGTH = 6


def new_id() -> UUID:
    """Return a random UUID: rows have their id before they are inserted, so that seals can be bound to it."""
    return uuid4()


def readable_code(length: int) -> str:
    """Return `length` random characters of `READABLE`."""
    return "".join(secrets.choice(READABLE) for _ in range(length))


def z_number() -> str:
    """Return the number that stands on an sms or letter and leads to nothing else, e.g. `Z-4K7M2Q`."""
    return f"Z-{readable_code(_Z_LENGTH)}"


def digit_code(length: int = 8) -> str:
    """Return a code of random digits for an sms (OWASP ASVS 5.0 6.5: at least 20 bits; 8 digits are 26 bits)."""
    return "".join(secrets.choice("0123456789") for _ in range(length))


def link_token() -> str:
    """Return 256 random bits for a link, as URL-safe text of 43 characters (ASVS 11.5.1: at least 128 bits)."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> bytes:
    """Return what the database keeps of a token of 256 random bits: its SHA-256, for nobody can guess it."""
    return hashlib.sha256(token.encode()).digest()


def normalise_code(text: str) -> str:
    """Return a typed code without spaces, dots and dashes, in capitals."""
    return "".join(character for character in text if character.isalnum()).upper()


def normalise_z_number(text: str) -> str:
    """Return a typed Z-number in the form `Z-4K7M2Q`, whatever the spaces, dashes and case."""
    bare = normalise_code(text)
    # The number itself may begin with a Z, and the one before the dash may be left out.
    return f"Z-{bare.removeprefix('Z') if len(bare) > _Z_LENGTH else bare}"


def as_id(text: str) -> UUID | None:
    """Return the id that a text is, or None when it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None
