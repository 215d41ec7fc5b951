"""The activation code: it lies beside the key in the zip and is typed by somebody who is logged in.

8 of 31 characters are 39 bits: enough against 5 tries and then 15 minutes' wait.
"""

from keyservice.kernel.ids import READABLE, normalise_code, readable_code
from keyservice.kernel.secret import Secret

_LENGTH = 8


class InvalidActivationCode(ValueError):
    """A typed text that cannot be an activation code."""


def new_activation_code() -> Secret:
    """Return 8 random characters without look-alikes."""
    return Secret(readable_code(_LENGTH))


def parse_activation_code(text: str) -> Secret:
    """Return a typed code in the form in which it was made, whatever the spaces, dashes and case.

    Raises InvalidActivationCode when it is not 8 characters of the alphabet; such a typing mistake is no try.
    """
    code = normalise_code(text)
    if len(code) != _LENGTH or not set(code) <= set(READABLE):
        raise InvalidActivationCode
    return Secret(code)
