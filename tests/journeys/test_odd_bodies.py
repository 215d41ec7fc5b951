"""Every page that takes a form is sent what no browser sends: fields as files, and as JSON of any type."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from flask import Flask

from tests.conftest import backend_of
from tests.factories.acts import able, acts
from tests.factories.addresses import address, typed
from tests.factories.rights import Seat, populate, take_seat

NO_TEXTS: tuple[object, ...] = (5, ["x"], {"a": "b"}, None, True)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with backend_of("sqlite", tmp_path_factory.mktemp("odd")) as backend:
        yield backend.app


def bodies(fields: dict[str, str], token: str) -> Iterator[dict[str, Any]]:
    """Yield what is given to the client: all fields as files but one, and as each type that JSON has."""
    files = {name: (BytesIO(b"\x00\xff"), "x.txt") for name in fields}
    yield {"data": {**files, "csrf_token": token}}
    for value in NO_TEXTS:
        yield {"json": dict.fromkeys(fields, value), "headers": {"X-CSRFToken": token}}


def test_t27_no_page_breaks_over_a_field_that_is_no_text(app: Flask) -> None:
    with app.app_context():
        world = populate()
    seats: dict[str, Seat] = {}
    broken, asked = [], 0
    for act in acts(app):
        for who, key in list(able(act))[:1]:
            seat = seats.get(who.label) or seats.setdefault(who.label, take_seat(app, who))
            url = address(app, act.row, act.rule, world[key])
            for body in bodies(typed(world[key]), seat.token):
                seat.sit_again()
                asked += 1
                with seat.client.open(url, method=act.row.method, **body) as answer:
                    broken += [f"{act.name}: {answer.status_code} for {[*body]}"] if answer.status_code >= 500 else []
    assert sorted(set(broken)) == []
    assert asked > 400
