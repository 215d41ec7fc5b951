"""The file outside against the database (I4, I16): whatever is done to its lines is found, and the line is named."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from keyservice import settings
from keyservice.audit import outside, sealer
from keyservice.audit.sealer import seal
from tests.factories.trail import act, grown, told, verified

pytestmark = pytest.mark.usefixtures("context")
Lines = list[dict[str, Any]]


def write(lines: Lines) -> None:
    path = settings.current().checkpoints
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def checkpoints(lines: Lines) -> list[int]:
    return [at for at, line in enumerate(lines) if "checkpoint" in line]


def keys(lines: Lines) -> list[int]:
    return [at for at, line in enumerate(lines) if "event" in line]


def other_text(lines: Lines) -> None:
    line = lines[checkpoints(lines)[1]]
    origin, size, *rest = line["checkpoint"].split("\n")
    line["checkpoint"] = "\n".join([origin, str(int(size) + 1), *rest])


def other_moment(lines: Lines) -> None:
    lines[checkpoints(lines)[1]]["at"] = "2020-01-01T00:00:00.000000+00:00"


def no_moment(lines: Lines) -> None:
    del lines[checkpoints(lines)[1]]["at"]


def other_key(lines: Lines) -> None:
    lines[keys(lines)[1]]["touched"] = "00000000-0000-0000-0000-000000000007"


def other_event(lines: Lines) -> None:
    lines[keys(lines)[1]]["event"] = "00000000-0000-0000-0000-000000000007"


def not_revoked(lines: Lines) -> None:
    at = next(at for at, line in enumerate(lines) if "revoked" in line)
    lines[at]["touched"] = lines[at].pop("revoked")


def lost_checkpoint(lines: Lines) -> None:
    del lines[checkpoints(lines)[1]]


def lost_key(lines: Lines) -> None:
    del lines[keys(lines)[1]]


def swapped_checkpoints(lines: Lines) -> None:
    one, two = checkpoints(lines)[:2]
    lines[one], lines[two] = lines[two], lines[one]


def twice(lines: Lines) -> None:
    lines.append(lines[checkpoints(lines)[0]])


def foreign(lines: Lines) -> None:
    lines.insert(1, {"other": 1})


def false_restore(lines: Lines) -> None:
    lines.append({"restored": "localhost/restored\n1\nAA==\n1\nAA==\n\n\u2014 localhost AA==\n"})


DONE: list[tuple[Callable[[Lines], None], str]] = [
    (other_text, "forged: line {checkpoint} of the file outside: not signed by a key of this log"),
    (other_moment, "changed: checkpoint {size}: line {checkpoint} of the file outside has another moment"),
    (no_moment, "changed: checkpoint {size}: line {checkpoint} of the file outside has another moment"),
    (other_key, "changed: line {key} of the file outside: differs from its event"),
    (other_event, "inserted: line {key} of the file outside: the database has no such event of a key"),
    (not_revoked, "differs from its event"),
    (lost_checkpoint, "removed: checkpoint {size}: the file outside has lost it"),
    (lost_key, "(sleutel:activate): the file outside has lost its line"),
    (swapped_checkpoints, "moved: line {checkpoint} of the file outside: size "),
    (twice, "comes after size"),
    (foreign, "inserted: line 2 of the file outside: the program writes no such line"),
    (false_restore, "forged: line {next} of the file outside"),
]


@pytest.mark.parametrize(("act_on", "named"), DONE, ids=[done.__name__ for done, _named in DONE])
def test_i4_a_line_that_is_not_as_the_program_wrote_it(act_on: Callable[[Lines], None], named: str) -> None:
    grown()
    lines = outside.lines(settings.current().checkpoints)
    second = checkpoints(lines)[1]
    places = {"checkpoint": second + 1, "key": keys(lines)[1] + 1, "next": len(lines) + 1}
    size = int(lines[second]["checkpoint"].split("\n")[1])
    act_on(lines)
    write(lines)
    found = told(verified())
    assert any(named.format(size=size, **places) in one for one in found), found


@pytest.mark.parametrize(
    "content", ["no json\n", "[1]\n", "[" * 100_000 + "]" * 100_000 + "\n"], ids=["word", "list", "deep"]
)
def test_i4_a_line_that_cannot_be_read_is_named_and_the_rest_still_checked(content: str) -> None:
    grown()
    path = settings.current().checkpoints
    first, *rest = path.read_text().splitlines(keepends=True)
    path.write_text("".join([first, content, *rest]))
    (found,) = told(verified())
    assert found.startswith("changed: line 2 of the file outside: a line is no ")


def test_i4_the_file_lost_all_or_its_last_checkpoints() -> None:
    grown()
    path = settings.current().checkpoints
    lines = outside.lines(path)
    path.unlink()
    assert told(verified())[0].startswith("cut: the file outside: it lacks the last 3 checkpoints")
    write(lines[: checkpoints(lines)[0] + 1])
    assert told(verified())[0].startswith("cut: the file outside: it lacks the last 2 checkpoints")


def test_i4_a_crash_between_database_and_file_is_no_fault_and_the_next_sealing_mends_it() -> None:
    grown()
    path = settings.current().checkpoints
    whole = outside.lines(path)
    write(whole[: checkpoints(whole)[1] + 1])
    assert told(verified()) == []
    act()
    seal()
    assert outside.lines(path)[: len(whole)] == whole
    assert told(verified()) == []


def test_i4_a_look_at_the_newest_checkpoints_needs_no_lock_and_changes_nothing() -> None:
    grown()
    path = settings.current().checkpoints
    path.write_bytes(path.read_bytes() + b'{"checkpoint": "half a li')
    before = path.read_bytes()
    with outside.locked(path):
        sealer.check()
    assert path.read_bytes() == before
