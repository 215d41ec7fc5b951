"""Dutch postcodes as people type them, in one form: `1234 AB`."""

from stdnum.exceptions import ValidationError
from stdnum.nl import postcode


class InvalidPostcode(ValueError):
    """A typed text that is no Dutch postcode."""


def parse_postcode(text: str) -> str:
    """Return a postcode as 4 digits, a space and 2 capitals; reads any case and spaces. Raises InvalidPostcode."""
    try:
        return str(postcode.validate(text))
    except ValidationError:
        raise InvalidPostcode from None
