"""The same message at the same moment to two processes of the real web server: it is done once."""

import http.client
import json
from pathlib import Path
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select

from keyservice.database import db
from keyservice.portaal import loading
from keyservice.portaal.models import Registration
from tests.api.test_registering import PATH, signed
from tests.factories.keys import awake
from tests.factories.portaal import bsns, write_file
from tests.usecases.test_revocation import server

CLIENTS, MESSAGES, PEOPLE = 6, 10, 20


def post(port: int, secret: str, name: str, body: bytes) -> tuple[int, str | None, bytes]:
    """Send a message over a connection of its own; return status, Retry-After and what came back."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": name, "Content-Type": "application/json"}
    try:
        connection.request("POST", PATH, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Retry-After"], answer.read()
    finally:
        connection.close()


@pytest.mark.timeout(120)
def test_a_message_that_comes_to_two_processes_at_once_is_done_once_and_has_one_answer(
    context: Flask, tmp_path: Path
) -> None:
    numbers = bsns(MESSAGES * PEOPLE, first=999_910_000)
    assert loading.load(write_file(tmp_path / "people.csv", [{"bsn": number} for number in numbers])).loaded
    _, secret = awake()
    messages = [
        (str(uuid4()), json.dumps({"registraties": [signed(number) for number in numbers[at::MESSAGES]]}).encode())
        for at in range(MESSAGES)
    ]
    answers: list[list[tuple[int, str | None, bytes]]] = [[] for _ in messages]
    together = Barrier(CLIENTS)

    def client() -> None:
        for (name, body), given in zip(messages, answers, strict=True):
            together.wait(30)
            given.append(post(port, secret, name, body))

    with server(context, 2) as (port, _):
        clients = [Thread(target=client) for _ in range(CLIENTS)]
        for one in clients:
            one.start()
        for one in clients:
            one.join()
        last = [post(port, secret, name, body) for name, body in messages]
    for given, (status, _, body) in zip(answers, last, strict=True):
        assert status == 200
        assert b"probleem" not in body
        assert len(given) == CLIENTS
        assert {found for status, _, found in given if status == 200} == {body}
        assert {(status, wait) for status, wait, _ in given} <= {(200, None), (409, "1")}
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Registration)) == MESSAGES * PEOPLE
