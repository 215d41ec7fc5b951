"""The whole program on one machine: database, mail server, worker and web server, for `run`, the walk and the tests."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from urllib.error import URLError
from urllib.request import urlopen

from flask import Flask
from flask_migrate import upgrade

from keyservice import worker
from keyservice.app import create_app
from keyservice.audit.triggers import check_triggers
from keyservice.demo import people
from keyservice.demo.mailbox import MAIL_FOLDER, DemoMailServer
from keyservice.demo.views import bp
from keyservice.gemeenten.service import load_register
from keyservice.portaal import loading
from keyservice.settings import PREFIX, Settings

DEFAULT_PORT = 8642
INBURGERAARS = Path(__file__).parent / "inburgeraars.csv"
START_SECONDS = 30


class StackFailed(Exception):
    """The program did not come up; the message says why."""


@dataclass(frozen=True)
class Stack:
    """A running program: its address, its application (for the worker's half) and its data folder."""

    url: str
    app: Flask
    instance: Path


def demo_app(environ: Mapping[str, str]) -> Flask:
    """Build the application of the demo: the real one plus the page `/postvak`."""
    app = create_app(Settings.from_environ(environ))
    app.register_blueprint(bp)
    return app


def prepare(app: Flask) -> None:
    """Bring the database up to date, and load the register and the fictive people, also those of the portaal."""
    with app.app_context():
        upgrade()
        check_triggers()
        load_register()
        people.load()
        loading.load(INBURGERAARS)


@contextmanager
def running(instance: Path, port: int = 0, extra: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Run everything until the block ends. `port` 0 takes a free one. Raises StackFailed."""
    instance.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    with DemoMailServer(instance / "postvak" / MAIL_FOLDER) as mail:
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
            "KEYSERVICE_MODE": "demo",
            "KEYSERVICE_INSTANCE": str(instance),
            "KEYSERVICE_BASE_URL": f"http://localhost:{port}",
            "KEYSERVICE_TRUSTED_HOSTS": "localhost 127.0.0.1",
            "KEYSERVICE_MAIL_SERVER": "127.0.0.1",
            "KEYSERVICE_MAIL_PORT": str(mail.port),
            "KEYSERVICE_MAIL_SECURITY": "none",
            "KEYSERVICE_MAIL_FROM": "sleuteluitgifte@duo.example",
            "KEYSERVICE_SMS_PROVIDER": "file",
            **(extra or {}),
        }
        app = demo_app(environ)
        prepare(app)
        stop = Event()
        thread = Thread(target=worker.run, args=(app, stop), name="worker")
        thread.start()
        try:
            with _web_server(environ, port):
                yield Stack(f"http://localhost:{port}", app, instance)
        finally:
            stop.set()
            thread.join()


def free_port() -> int:
    """Return a port of the loopback on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _web_server(environ: Mapping[str, str], port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "gunicorn", "--config", "python:keyservice.demo.gunicorn"]
    command += ["--bind", f"127.0.0.1:{port}", "keyservice.demo.wsgi:app"]
    server = subprocess.Popen(command, env=dict(environ))  # noqa: S603 - our own command
    try:
        _wait_for(f"http://127.0.0.1:{port}/contact", server)
        yield
    finally:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)
        server.kill()


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        if server.poll() is not None:
            raise StackFailed(f"the web server stopped with code {server.returncode}; is the port in use?")
        with suppress(URLError, OSError), urlopen(url, timeout=1):  # noqa: S310 - our own address
            return
        time.sleep(0.05)
    raise StackFailed(f"the web server did not answer within {START_SECONDS} seconds")
