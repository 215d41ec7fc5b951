"""The example client of docs/ works as it stands there: run as a program of its own against a real server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyservice.demo import stack
from keyservice.sleutels import service
from tests.factories.aanvragen import actor
from tests.factories.keys import DOSSIER, awake, mistyped
from tests.factories.proxies import Answer, between

CLIENT = Path(__file__).parents[2] / "docs" / "voorbeeldclient.py"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    with stack.running(tmp_path_factory.mktemp("client") / "instance") as program:
        yield program


def run(url: str, key: str) -> "subprocess.CompletedProcess[str]":
    """Run the client; -I -S: without our packages, with the standard library only."""
    command = [sys.executable, "-I", "-S", "-W", "error", str(CLIENT), url]
    environ = {"PATH": os.environ["PATH"], "SLEUTEL": key}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_it_shows_the_facts_of_a_key_and_the_advice_of_a_problem(running: stack.Stack) -> None:
    with running.app.app_context():
        sleutel_id, key = awake()
    good = run(running.url, key)
    assert (good.returncode, good.stderr) == (0, "")
    assert "(productie) van gemeente 9998" in good.stdout
    wrong = run(running.url, mistyped(key))
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "/problemen/geen-geldige-sleutel" in wrong.stderr
    with running.app.app_context():
        service.revoke(actor("rosa"), sleutel_id, "cancelled", dossier=DOSSIER)
    assert "/problemen/sleutel-ingetrokken" in run(running.url, key).stderr


PROBLEM = {"Content-Type": "application/problem+json"}
WAIT = b'{"type": "/problemen/te-vaak", "title": "Te veel verzoeken", "status": 429, "detail": "Wacht."}'
FACTS = b'{"nummer": "SL-2026-00001", "omgeving": "acceptatie", "gemeente": "9998", "geldigTot": "morgen"}'


@pytest.mark.parametrize(("times", "asked", "code"), [(1, 2, 0), (9, 3, 1)])
def test_it_waits_when_it_is_asked_to_and_gives_up_after_three_times(times: int, asked: int, code: int) -> None:
    slow_down: list[Answer] = [(429, {"Retry-After": "1", **PROBLEM}, WAIT)] * times
    with between(*slow_down, (200, {}, FACTS)) as (url, requests):
        done = run(url, "asl_a_x")
    assert (len(requests), done.returncode) == (asked, code)
    assert code == 0 or "Te veel verzoeken" in done.stderr


def test_it_tells_of_an_answer_that_is_not_of_the_api() -> None:
    busy = (503, {"Retry-After": "Wed, 25 Nov 2026 09:00:00 GMT"}, b"<html>Busy</html>")
    with between(busy) as (url, _requests):
        done = run(url, "asl_a_x")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Geen antwoord van de API.")


def test_it_is_short_enough_to_read() -> None:
    assert len(list(filter(None, CLIENT.read_text("utf-8").splitlines()))) <= 40
