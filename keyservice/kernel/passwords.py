"""The password of a zip: it carries all the strength, for WinZip AES derives its key with 1000 rounds only."""

from typing import Final

from passlib import pwd

from keyservice.kernel.ids import READABLE
from keyservice.kernel.secret import Secret

_BLOCK = 4
_LENGTH = 28
_MINIMUM_BITS = 128

_WORDS: Final = pwd.WordGenerator(length=_LENGTH, chars=READABLE)
ENTROPY_BITS: Final = float(_WORDS.entropy)
"""Strength of every password made here, in bits."""

# A mail with the zip lives in archives for ever: a weaker alphabet or length must not even start.
if ENTROPY_BITS < _MINIMUM_BITS:
    raise RuntimeError(f"a zip password has {ENTROPY_BITS:.0f} bits; {_MINIMUM_BITS} are needed")


def new_password() -> Secret:
    """Return a new password: 7 blocks of 4 characters without look-alikes; the hyphens between them are part of it."""
    word = str(next(_WORDS))
    return Secret("-".join(word[start : start + _BLOCK] for start in range(0, _LENGTH, _BLOCK)))
