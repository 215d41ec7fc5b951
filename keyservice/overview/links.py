"""Links of a list to its other pages."""

from flask import request, url_for

from keyservice.kernel.errors import NotFound
from keyservice.overview.forms import SearchForm
from keyservice.overview.keyset import Cursor


def cursor() -> Cursor | None:
    """Return after which row the page that was asked for begins. Raises NotFound for what no link carries."""
    text = request.args.get("na")
    try:
        return Cursor.parse(text) if text else None
    except ValueError as error:
        raise NotFound("page") from error


def more_url(endpoint: str, form: SearchForm, after: object) -> str | None:
    """Return the address of another page of the same search; None when there is no such page."""
    if after is None:
        return None
    return url_for(endpoint, **{name: value for name, value in form.data.items() if value}, na=str(after) or None)
