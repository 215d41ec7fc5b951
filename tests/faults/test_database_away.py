"""A database that cannot be opened: a page that says to come back, never a stack trace or a half page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from keyservice.app import create_app
from keyservice.database import db
from keyservice.settings import Settings
from tests.conftest import environ
from tests.pages import check

TOKEN = "CANARY" + "x" * 37


@pytest.fixture
def away(tmp_path: Path) -> Iterator[FlaskClient]:
    """Give a browser on an application whose database is a folder: it cannot be opened."""
    (tmp_path / "folder.sqlite").mkdir()
    app = create_app(Settings.from_environ(environ(tmp_path, f"sqlite:///{tmp_path / 'folder.sqlite'}")))
    yield app.test_client()
    with app.app_context():
        db.engine.dispose()


def is_come_back_later(answer: TestResponse) -> None:
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    check(answer.text)


@pytest.mark.parametrize("url", ["/", "/inloggen", "/contact", "/bestaat-niet"])
def test_who_has_a_session_reads_when_to_come_back_when_it_cannot_be_opened(away: FlaskClient, url: str) -> None:
    away.set_cookie("sessie", "x" * 43)
    is_come_back_later(away.get(url))
    is_come_back_later(away.post(url))


@pytest.mark.parametrize("url", ["/inloggen", "/uitnodiging/iets"])
def test_a_visitor_reads_so_too_when_the_page_itself_needs_the_database(away: FlaskClient, url: str) -> None:
    is_come_back_later(away.get(url))


@pytest.mark.parametrize("link", ["/uitnodiging/", "/ontvangst/"])
def test_i6_the_token_of_a_link_does_not_come_into_the_log(
    away: FlaskClient, link: str, caplog: pytest.LogCaptureFixture
) -> None:
    for asked in (away.get, away.post):
        is_come_back_later(asked(link + TOKEN))
    away.set_cookie("sessie", "x" * 43)
    is_come_back_later(away.get(link + TOKEN))
    assert "database away" in caplog.text
    assert f"{link}<token>" in caplog.text, "what failed before or after the view is told by its route"
    assert TOKEN not in caplog.text


def test_a_page_that_needs_no_database_is_there(away: FlaskClient) -> None:
    assert away.get("/toegankelijkheid").status_code == 200
