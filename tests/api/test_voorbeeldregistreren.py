"""The example that registers a file: run as a program of its own, against a real server, over a line that breaks."""

import csv
import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from sqlalchemy import func, select

from keyservice.database import db
from keyservice.demo import stack
from keyservice.portaal import loading
from keyservice.portaal.models import Registration
from tests.factories.keys import awake, mistyped
from tests.factories.portaal import bsns, write_file
from tests.factories.proxies import Answer, between

PROGRAM = Path(__file__).parents[2] / "docs" / "voorbeeldregistreren.py"
COLUMNS = ("bsn", "ondertekend", "trajectGevolgd", "startDeelname", "eindeDeelname", "datumOndertekening")
NOBODY = "999990093"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    with stack.running(tmp_path_factory.mktemp("register") / "instance") as program:
        yield program


def run(url: str, key: str, path: Path) -> "subprocess.CompletedProcess[str]":
    """Run the program; -I -S: without our packages, with the standard library only."""
    command = [sys.executable, "-I", "-S", "-W", "error", str(PROGRAM), url, str(path)]
    environ = {"PATH": os.environ["PATH"], "SLEUTEL": key}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)


def statements(path: Path, numbers: Sequence[str], **differs: str) -> Path:
    row = dict(zip(COLUMNS, ("", "ja", "ja", "2020-02-03", "2020-02-04", "2020-02-04"), strict=True))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=";")
        writer.writeheader()
        writer.writerows({**row, "bsn": number, **differs} for number in numbers)
    return path


def people(app: Flask, folder: Path, first: int, count: int) -> list[str]:
    numbers = bsns(count, first=first)
    with app.app_context():
        assert loading.load(write_file(folder / "people.csv", [{"bsn": number} for number in numbers])).loaded
    return numbers


def registered(app: Flask) -> int:
    with app.app_context():
        db.session.rollback()
        return db.session.scalar(select(func.count()).select_from(Registration)) or 0


def key_of(app: Flask) -> str:
    with app.app_context():
        return awake()[1]


def test_it_registers_a_file_in_batches_and_tells_what_was_refused_and_why(
    running: stack.Stack, tmp_path: Path
) -> None:
    key, before = key_of(running.app), registered(running.app)
    numbers = people(running.app, tmp_path, 999_920_000, 1200)
    path = statements(tmp_path / "verklaringen.csv", [*numbers[:5], NOBODY, "12", *numbers[5:]])
    done = run(running.url, key, path)
    assert done.stderr.endswith("1202 van 1202\n")
    told, unknown, malformed = done.stdout.splitlines()
    assert told == "Vastgelegd: 1200. Geweigerd: 2."
    assert unknown.startswith("Regel 7: Wij kennen niemand met dit burgerservicenummer")
    assert unknown.endswith("Meer uitleg: /problemen/inburgeraar-onbekend")
    assert malformed == "Regel 8: bsn: De tekst heeft niet de goede vorm."
    assert done.returncode == 1
    assert registered(running.app) == before + 1200


def test_a_wrong_key_is_told_and_registers_nothing(running: stack.Stack, tmp_path: Path) -> None:
    done = run(running.url, mistyped(key_of(running.app)), statements(tmp_path / "een.csv", [NOBODY]))
    assert (done.returncode, done.stdout) == (1, "")
    assert "/problemen/geen-geldige-sleutel" in done.stderr


@contextmanager
def breaking(port: int, times: int) -> Iterator[tuple[str, list[bytes]]]:
    """Run a line to the server that breaks, so many times, when the request is done and the answer is on its way."""
    requests: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, socket.create_connection(("127.0.0.1", port)) as server:
                request = _whole(client)
                requests.append(request)
                server.sendall(request)
                answer = server.makefile("rb").read()
                client.sendall(answer[:40] if len(requests) <= times else answer)

    thread = Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _whole(client: socket.socket) -> bytes:
    found = b""
    while b"\r\n\r\n" not in found:
        found += client.recv(65536)
    head, _, body = found.partition(b"\r\n\r\n")
    size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < size:
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body


def test_a_connection_that_breaks_in_the_middle_doubles_nothing(running: stack.Stack, tmp_path: Path) -> None:
    key, before = key_of(running.app), registered(running.app)
    numbers = people(running.app, tmp_path, 999_950_000, 30)
    path = statements(tmp_path / "verklaringen.csv", numbers)
    with breaking(int(running.url.rsplit(":", 1)[1]), times=2) as (url, requests):
        done = run(url, key, path)
    assert (done.returncode, done.stdout) == (0, "Vastgelegd: 30. Geweigerd: 0.\n"), done.stderr
    assert len(requests) == 3
    assert len(set(requests)) == 1, "with the same Idempotency-Key"
    assert registered(running.app) == before + 30


def test_a_line_with_a_column_too_many_is_refused_and_the_others_go_on(running: stack.Stack, tmp_path: Path) -> None:
    key, numbers = key_of(running.app), people(running.app, tmp_path, 999_960_000, 3)
    path = statements(tmp_path / "verklaringen.csv", numbers)
    first, second, *rest = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([first, f"{second};", *rest]), "utf-8")
    done = run(running.url, key, path)
    told, refused = done.stdout.splitlines()
    assert told == "Vastgelegd: 2. Geweigerd: 1."
    assert refused.startswith("Regel 2: kolomTeVeel: ")


ONE_STORED: Answer = (200, {}, json.dumps({"resultaten": [{"id": "1"}]}).encode())


def test_a_proxy_that_names_a_date_to_come_back_is_asked_again(tmp_path: Path) -> None:
    busy = (503, {"Retry-After": "Wed, 25 Nov 2026 09:00:00 GMT"}, b"Busy")
    with between(busy, ONE_STORED) as (url, got):
        done = run(url, "asl_a_x", statements(tmp_path / "een.csv", [NOBODY]))
    assert (done.returncode, done.stdout) == (0, "Vastgelegd: 1. Geweigerd: 0.\n"), done.stderr
    assert len(got) == 2


def test_a_proxy_that_refuses_in_its_own_words_is_told_of(tmp_path: Path) -> None:
    with between((403, {}, b'{"message": "blocked"}')) as (url, _got):
        done = run(url, "asl_a_x", statements(tmp_path / "een.csv", [NOBODY]))
    assert done.returncode == 1
    assert "Gestopt. " in done.stderr
    assert "Status 403. Dit antwoord is niet van de API." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((200, {}, b"<html>Log in</html>"), "Geen goed antwoord"),
        ((200, {}, b'{"status": "ok"}'), "Geen goed antwoord"),
        ((200, {"Content-Length": "500"}, b'{"resultaten": ['), "Geen goed antwoord"),
        ((502, {}, b"<html>Bad gateway</html>"), "Status 502. "),
    ],
    ids=["a page", "of somebody else", "cut short", "bad gateway"],
)
def test_an_answer_that_is_never_good_ends_it_with_a_reason(
    answer: Answer, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("voorbeeldregistreren", PROGRAM)
    assert spec
    assert spec.loader
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    waited: list[float] = []
    monkeypatch.setattr(program.time, "sleep", waited.append)
    with between(answer) as (url, got), pytest.raises((OSError, program.Geweigerd), match=told):
        program.main(url, statements(tmp_path / "een.csv", [NOBODY]), "asl_a_x")
    assert len(got) == 10
    assert all(2.0**n <= seconds < 2.0**n + 1 for n, seconds in enumerate(waited[:6]))
    assert all(60 <= seconds < 61 for seconds in waited[6:])


def test_what_was_refused_before_it_stopped_is_told_too(tmp_path: Path) -> None:
    refusal = {"type": "/problemen/inburgeraar-onbekend", "title": "Onbekend", "status": 404, "detail": "Onbekend."}
    first = json.dumps({"resultaten": [{"probleem": refusal}, *[{"id": "1"}] * 999]}).encode()
    with between((200, {}, first), (403, {}, b"{}")) as (url, _got):
        done = run(url, "asl_a_x", statements(tmp_path / "veel.csv", [NOBODY] * 1001))
    assert done.returncode == 1
    told, refused = done.stdout.splitlines()
    assert told == "Vastgelegd: 999. Geweigerd: 1."
    assert refused.startswith("Regel 2: Onbekend.")


def test_a_word_of_explanation_stays_a_word(tmp_path: Path) -> None:
    path = tmp_path / "een.csv"
    path.write_text(f"bsn;ondertekend;reden;toelichting\n{NOBODY};nee;ANDERS;ja\n", "utf-8")
    with between(ONE_STORED) as (url, got):
        done = run(url, "asl_a_x", path)
    assert done.returncode == 0, done.stderr
    assert list(map(json.loads, got)) == [
        {"registraties": [{"bsn": NOBODY, "ondertekend": False, "reden": "ANDERS", "toelichting": "ja"}]}
    ]


def test_a_file_that_is_not_utf_8_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "een.csv"
    path.write_text(f"bsn;toelichting\n{NOBODY};Zoë\n", "latin-1")
    with between(ONE_STORED) as (url, got):
        done = run(url, "asl_a_x", path)
    assert (done.returncode, got) == (1, [])
    assert done.stderr.startswith("Het bestand is geen UTF-8.")
