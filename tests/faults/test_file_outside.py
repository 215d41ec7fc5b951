"""A disk that is full under the file outside: nothing is cut or told as damage, and once there is room all goes on."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask

from keyservice import settings
from keyservice.audit import outside
from keyservice.audit.sealer import newest, seal
from keyservice.worker import run_once
from tests.factories.trail import act, told, verified

# The limit counts for every file of the process, so for those of SQLite too, which are larger.
on_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """Let the operating system refuse to let any file of this process grow beyond a number of bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@on_postgresql
@pytest.mark.parametrize("room", [0, 1, 100])
def test_i4_a_full_disk_under_the_file_outside_loses_no_checkpoint_and_mends_itself(context: Flask, room: int) -> None:
    for _ in range(20):
        act()
        seal()
    path = settings.current().checkpoints
    before = path.read_bytes()
    act()
    with no_file_longer_than(len(before) + room):
        with pytest.raises(OSError, match="too large"):
            seal()
        run_once(context)  # the worker says so in its log and lives
    assert path.read_bytes()[: len(before)] == before
    assert told(verified()) == [], "what was cut off is no damage"
    seal()
    point = newest()
    assert point
    assert outside.lines(path)[-1]["checkpoint"] == point.text
    assert told(verified()) == []
