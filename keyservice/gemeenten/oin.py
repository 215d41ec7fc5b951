"""OIN and KvK-nummer as people type them: made uniform and checked.

Source of the OIN rules: Logius, OIN-stelsel, chapter 6. An OIN has 20 positions: a prefix of 8 digits that names the
underlying register, the number in that register (9 positions, or 8 and a zero) and the suffix `000`.
"""

import re
from enum import StrEnum

from stdnum.nl import bsn

# What people and spreadsheets put between the digits: any white space, dots, and every kind of hyphen.
_SEPARATORS = re.compile("[\\s.\\-\u2010-\u2015]")
_OIN = re.compile(r"[0-9]{8}[0-9A-Z]{9}[0-9]{3}")
_KVK = re.compile(r"[0-9]{8}")

_OIN_LENGTH = 20
_KVK_LENGTH = 8
_RSIN_PREFIX = "00000001"
_KVK_PREFIX = "00000003"
_TEST_PREFIX = "00000099"
# Logius, OIN-stelsel, table of prefixes: 1 RSIN, 2 fictive, 3 KvK, 4 sub-OIN, 6 Logius, 7 BRIN, 8 foreign,
# 9 and 11 Dezi, 10 TRR, 99 test.
_PREFIXES = frozenset(f"{number:08d}" for number in (1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 99))


class NumberFault(StrEnum):
    """What is wrong with a typed OIN or KvK-nummer."""

    LENGTH = "length"
    CHARACTERS = "characters"
    PREFIX = "prefix"
    TEST = "test"
    SUFFIX = "suffix"
    RSIN = "rsin"
    KVK = "kvk"


class InvalidNumber(ValueError):
    """A typed OIN or KvK-nummer that cannot be right; `code` says why."""

    def __init__(self, code: NumberFault) -> None:
        """Take the fault; the typed text is kept out of it."""
        super().__init__(code.value)
        self.code = code


def parse_oin(text: str, *, omgeving_is_acceptatie: bool) -> str:
    """Return a typed OIN as 20 characters without separators, in capitals.

    Raises InvalidNumber. An RSIN must pass the 11-proef, which is that of the BSN; a KvK-nummer has no check digit.
    A test OIN is for acceptatie only.
    """
    oin = _SEPARATORS.sub("", text).upper()
    fault = _oin_fault(oin, omgeving_is_acceptatie=omgeving_is_acceptatie)
    if fault:
        raise InvalidNumber(fault)
    return oin


def _oin_fault(oin: str, *, omgeving_is_acceptatie: bool) -> NumberFault | None:
    prefix, number, suffix = oin[:8], oin[8:17], oin[17:]
    faults = (
        (len(oin) != _OIN_LENGTH, NumberFault.LENGTH),
        (not _OIN.fullmatch(oin), NumberFault.CHARACTERS),
        (prefix not in _PREFIXES, NumberFault.PREFIX),
        (prefix == _TEST_PREFIX and not omgeving_is_acceptatie, NumberFault.TEST),
        (suffix != "000", NumberFault.SUFFIX),
        (prefix == _RSIN_PREFIX and not bsn.is_valid(number), NumberFault.RSIN),
        (prefix == _KVK_PREFIX and not re.fullmatch(r"[0-9]{8}0", number), NumberFault.KVK),
    )
    return next((fault for wrong, fault in faults if wrong), None)


def parse_kvk(text: str) -> str:
    """Return a typed KvK-nummer as 8 digits; it has no check digit (Handelsregister). Raises InvalidNumber."""
    kvk = _SEPARATORS.sub("", text)
    if len(kvk) != _KVK_LENGTH:
        raise InvalidNumber(NumberFault.LENGTH)
    if not _KVK.fullmatch(kvk):
        raise InvalidNumber(NumberFault.CHARACTERS)
    return kvk
