"""The BSN as people write it. Pure."""

import re

from stdnum.exceptions import ValidationError
from stdnum.nl import bsn as number

from keyservice.kernel.secret import Secret

_DIGITS = 9
# As people write it: 123456782, 1234.56.782, 123 456 782.
_WRITTEN = re.compile(r"(?=(?<![0-9])([0-9](?:[ .\-]?[0-9]){8})(?![0-9]))")


def parse(text: str) -> Secret:
    """Return a typed BSN as its nine digits. Raises ValueError, without the number, when it cannot be one.

    Spaces, dots and dashes may stand in it. The check is the 11-proef; one of eight digits gets the zero before it that
    older papers leave out.
    """
    digits = re.sub(r"[\s.\-]", "", text)
    if digits.isascii() and len(digits) == _DIGITS - 1:
        digits = f"0{digits}"
    try:
        return Secret(number.validate(digits))
    except ValidationError:
        raise ValueError("no BSN") from None


def stands_in(text: str) -> bool:
    """Tell whether a free text holds what may be a BSN: nine digits that pass the 11-proef."""
    return any(number.is_valid(re.sub(r"[^0-9]", "", found)) for found in _WRITTEN.findall(text))
