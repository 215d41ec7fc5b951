"""What of a request may go back to the browser: everything typed, save a secret."""

from collections.abc import Collection
from itertools import islice

from flask import request

from keyservice.kernel.text import holds_secret

# The longest form has fewer; each field that travels along makes the answer longer than the request was.
MOST_FIELDS = 200
_NO_SECRET = frozenset({"postcode"})  # holds the word "code"


def kept_fields(leave_out: Collection[str]) -> list[tuple[str, str]]:
    """Return the fields of the posted form in order, without those whose name holds a word of `leave_out`.

    A value that holds a key, private key or password becomes empty, so that the form asks for it again; what
    comes after more fields than any form has is left out.
    """
    return [
        (name, "" if holds_secret(value) else value)
        for name, value in islice(request.form.items(multi=True), MOST_FIELDS)
        if not holds_secret(name) and (name in _NO_SECRET or not any(word in name.lower() for word in leave_out))
    ]


def kept_address() -> str:
    """Return path and query of the request; only the path when the query holds a secret."""
    address = request.full_path.rstrip("?")
    return request.path if holds_secret(address) else address


def from_elsewhere() -> bool:
    """Tell whether a page of another site made the browser send this (Fetch Metadata; an old browser does not say)."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}
