"""Dutch telephone numbers as people type them, in one form: E.164 (ITU-T), such as `+31612345678`."""

import re
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

# The library also reads letters, other scripts' digits and extensions, and would drop what it cannot keep.
_TYPED = re.compile("[0-9+()./ \u00a0\u2010-\u2015-]{3,40}")
# 0970 (machine to machine) counts as mobile in the numbering plan, but no person reads its messages.
_PERSONAL_MOBILE = re.compile(r"\+316[0-9]{8}")


class PhoneFault(StrEnum):
    """What is wrong with a typed number."""

    NOT_DUTCH = "not-dutch"
    NOT_MOBILE = "not-mobile"


class InvalidPhone(ValueError):
    """A typed text that is not the kind of number asked for; `code` says why."""

    def __init__(self, code: PhoneFault) -> None:
        """Take the fault; the typed text is kept out of it."""
        super().__init__(code.value)
        self.code = code


def parse_phone(text: str) -> str:
    """Return any valid Dutch number as E.164; reads 06, +31, 0031, spaces, dots and dashes. Raises InvalidPhone."""
    return _dutch(text)


@lru_cache(maxsize=4096)  # independence asks for the same numbers at every act
def _dutch(text: str) -> str:
    return _e164(_parse(text))


def parse_mobile(text: str) -> str:
    """Return a Dutch mobile number of a person, `+316` and 8 digits, as E.164. Raises InvalidPhone."""
    number = parse_phone(text)
    if not is_mobile(number):
        raise InvalidPhone(PhoneFault.NOT_MOBILE)
    return number


@lru_cache(maxsize=4096)
def is_mobile(e164: str) -> bool:
    """True when an E.164 number is a Dutch mobile number of a person: not 0970, not a pager (066)."""
    kind = phonenumbers.number_type(phonenumbers.parse(e164))
    return kind == PhoneNumberType.MOBILE and bool(_PERSONAL_MOBILE.fullmatch(e164))


def show_phone(e164: str) -> str:
    """Return an E.164 number the way people write it in the Netherlands, such as `06 12345678`."""
    return phonenumbers.format_number(phonenumbers.parse(e164), PhoneNumberFormat.NATIONAL)


def _parse(text: str) -> PhoneNumber:
    typed = text.strip()
    if not _TYPED.fullmatch(typed):
        raise InvalidPhone(PhoneFault.NOT_DUTCH)
    try:
        number = phonenumbers.parse(typed, "NL")
    except phonenumbers.NumberParseException:
        raise InvalidPhone(PhoneFault.NOT_DUTCH) from None
    if not phonenumbers.is_valid_number_for_region(number, "NL"):
        raise InvalidPhone(PhoneFault.NOT_DUTCH)
    return number


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
