"""What an applicatiesleutel looks like, so that a mistyped one is recognised without any database.

    asl_p_ + 32 random base62 characters + 6 base62 digits of the CRC-32 over all before

`asl_p_` is for productie, `asl_a_` for acceptatie. 32 characters of 62 are 190 random bits. There is no hyphen, so a
double click selects the whole key.
"""

import hashlib
import re
import secrets
import string
import zlib
from enum import StrEnum

from keyservice.kernel.secret import Secret

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase

KEY_PATTERN = re.compile(r"asl_[ap]_[0-9A-Za-z]{38}")
"""Every applicatiesleutel matches this; for secret scanners, and published in the berichtenboek."""

_CREDENTIAL_PATTERN = re.compile(r"asv_[0-9A-Za-z]{38}")

_RANDOM_LENGTH = 32
CHECK_LENGTH = 6  # 62 ** 6 is more than 2 ** 32
_PREFIX_LENGTH = 6
_LENGTH = _PREFIX_LENGTH + _RANDOM_LENGTH + CHECK_LENGTH


class Omgeving(StrEnum):
    """Where a key works."""

    ACCEPTATIE = "acceptatie"
    PRODUCTIE = "productie"


class Fault(StrEnum):
    """Why a text cannot be an applicatiesleutel."""

    PREFIX = "prefix"
    LENGTH = "length"
    CHARACTERS = "characters"
    CHECKSUM = "checksum"


_PREFIXES = {"asl_a_": Omgeving.ACCEPTATIE, "asl_p_": Omgeving.PRODUCTIE}
_PREFIX_OF = {omgeving: prefix for prefix, omgeving in _PREFIXES.items()}


def new_key(omgeving: Omgeving) -> Secret:
    """Return a new applicatiesleutel from the random source of the operating system."""
    return _new(_PREFIX_OF[omgeving])


def new_credential() -> Secret:
    """Return a new credential of a system that asks about keys: as a key, with the prefix `asv_`."""
    return _new("asv_")


def _new(prefix: str) -> Secret:
    stem = prefix + "".join(secrets.choice(BASE62) for _ in range(_RANDOM_LENGTH))
    return Secret(stem + _checksum(stem))


def is_credential(text: str) -> bool:
    """Tell whether a text can be the credential of a system that asks about keys."""
    return bool(_CREDENTIAL_PATTERN.fullmatch(text)) and _checksum(text[:-CHECK_LENGTH]) == text[-CHECK_LENGTH:]


def kind(text: str) -> Omgeving | None:
    """Return the omgeving that the prefix of a text names, or None; says nothing about the rest."""
    return _PREFIXES.get(text[:_PREFIX_LENGTH])


def check_format(text: str) -> Fault | None:
    """Return why a text cannot be an applicatiesleutel, or None when it can.

    Catches each wrong character and each swap of neighbours (CRC-32 finds every burst of at most 32 bits).
    """
    if kind(text) is None:
        return Fault.PREFIX
    if len(text) != _LENGTH:
        return Fault.LENGTH
    if not KEY_PATTERN.fullmatch(text):
        return Fault.CHARACTERS
    if _checksum(text[:-CHECK_LENGTH]) != text[-CHECK_LENGTH:]:
        return Fault.CHECKSUM
    return None


def digest(key: Secret) -> bytes:
    """Return the SHA-256 (32 bytes) under which a key or credential is stored; 190 random bits need no salt."""
    return hashlib.sha256(key.reveal().encode()).digest()


def _checksum(stem: str) -> str:
    """Return the CRC-32 of an ASCII text as 6 base62 digits, most significant first."""
    number = zlib.crc32(stem.encode("ascii"))
    digits = []
    for _ in range(CHECK_LENGTH):
        number, digit = divmod(number, len(BASE62))
        digits.append(BASE62[digit])
    return "".join(reversed(digits))
