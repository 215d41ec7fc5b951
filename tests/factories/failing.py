"""The application with a page or operation that fails."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from flask.testing import FlaskClient

from keyservice.app import create_app
from keyservice.database import db
from keyservice.web import access


@contextmanager
def failing(app: Flask, endpoint: str, error: Exception) -> Iterator[FlaskClient]:
    """Give a client of the application in which one endpoint raises an error."""

    def fail() -> str:
        raise error

    other = create_app(app.extensions["keyservice.settings"])
    fail.access = access.Access(public=True)  # type: ignore[attr-defined]  # as the decorator does
    other.view_functions[endpoint] = fail
    yield other.test_client()
    with other.app_context():
        db.engine.dispose()
