"""A line in the log says what failed, where and when, and nothing that was typed."""

import io
import json
import logging
import sqlite3
from collections.abc import Iterator

import pytest
import structlog
from sqlalchemy.exc import IntegrityError, OperationalError

from keyservice import logs
from keyservice.kernel.ids import normalise_code
from keyservice.kernel.telling import told

TYPED = "CANARY-wat-iemand-typte"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Set the log up on a file, and put everything back afterwards."""
    kept, handlers, level = structlog.get_config(), logging.root.handlers, logging.getLogger("keyservice").level
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    logs.set_up()
    yield written
    structlog.configure(**kept)
    logging.root.handlers = handlers
    logging.getLogger("keyservice").setLevel(level)


def test_the_program_and_its_libraries_write_one_line_of_json_each(lines: io.StringIO) -> None:
    structlog.get_logger("keyservice.worker").info("worker begins", worker="1")
    logging.getLogger("keyservice").error("failure %s", "7F2A-11")
    logging.getLogger("urllib3").info("not told")
    logging.getLogger("urllib3").warning("told")
    first, second, third = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert (first["event"], first["worker"], first["level"]) == ("worker begins", "1", "info")
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["level"]) == ("failure 7F2A-11", "error")
    assert third["event"] == "told"


def test_i6_an_exception_is_told_by_its_type_and_place_and_not_by_its_message(lines: io.StringIO) -> None:
    try:
        int(TYPED)
    except ValueError:
        logging.getLogger("flask").exception("Exception on /")
    line = json.loads(lines.getvalue())
    assert line["error"] == "ValueError"
    assert TYPED not in lines.getvalue()


def test_the_place_is_that_in_our_own_code() -> None:
    with pytest.raises(TypeError) as caught:
        normalise_code(None)  # type: ignore[arg-type]  # to fail inside
    assert [place.split(":")[0] for place in told(caught.value)["where"]][-1] == "kernel/ids.py"


def test_a_database_that_fails_says_why_and_one_that_refuses_a_row_does_not() -> None:
    full = OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
    assert told(full) == {"error": "OperationalError", "where": [], "cause": "database or disk is full"}
    assert "cause" not in told(IntegrityError("INSERT", {}, sqlite3.IntegrityError(TYPED)))
