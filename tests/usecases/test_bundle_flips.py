"""Every byte of a real bundle is changed, one at a time: the check fails each time, and names the event it was in."""

import re
from collections.abc import Iterator
from functools import cache

import pytest
from flask import Flask

from keyservice.audit import verify
from keyservice.overview import bundle
from tests.factories.aanvragen import actor
from tests.factories.sealed import walked

# The bytes do not depend on the database that they come from.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
CASE = 5  # the bit in which a letter and its capital differ


@pytest.fixture
def data(context: Flask, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Return a bundle; from here on what is looked at again with the same bytes is not computed again."""
    _name, made = bundle.take(actor("ada"), walked())
    for name in ("signed", "_check_event"):
        monkeypatch.setattr(verify, name, cache(getattr(verify, name)))
    return made


def flipped(content: bytes, at: int, bit: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def changes(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield a content with each of its bytes changed: in one bit, and in a text so that a letter changes its case."""
    text = not content.startswith(b"%PDF")
    for at in range(len(content)):
        for bit in {at % 8, CASE} if text else {at % 8}:
            yield at, flipped(content, at, bit)


def in_zip(data: bytes, files: dict[str, bytes]) -> dict[str, int]:
    """Return where the content of each file begins."""
    starts = {name: data.index(content) for name, content in files.items()}
    assert all(data.count(content) == 1 for content in files.values())
    return starts


def test_x9_every_changed_byte_of_a_file_is_told_with_the_name_of_the_file_or_the_event(data: bytes) -> None:
    files, _damage = verify.unpack(data)
    assert verify.check(files)[0] == []
    for name, content in files.items():
        for at, changed in changes(content):
            problems = verify.check({**files, name: changed})[0]
            assert problems, (name, at)
            if name == verify.EVENTS:
                number = content.count(b"\n", 0, at) + 1
                assert any(re.match(rf"gebeurtenis {number}\b", problem) for problem in problems), (at, problems)
            elif name not in {verify.KEYS, verify.CONTENTS}:
                assert any(problem.startswith(f"{name}: ") for problem in problems), (name, at, problems)


def test_x9_every_changed_byte_around_the_files_in_the_zip_is_told(data: bytes) -> None:
    files, _damage = verify.unpack(data)
    starts = in_zip(data, files)
    inside = {at for name, start in starts.items() for at in range(start, start + len(files[name]))}
    around = sorted(set(range(len(data))) - inside)
    assert len(around) > 500
    for at in around:
        for bit in range(8):
            changed, damage = verify.unpack(flipped(data, at, bit))
            assert damage or verify.check(changed)[0], (at, bit)
    # And what is changed inside a file comes out of the zip as it is, whatever its checksum says.
    for name, start in starts.items():
        for at in range(0, len(files[name]), 97):
            changed, damage = verify.unpack(flipped(data, start + at, at % 8))
            assert damage
            assert changed == {**files, name: flipped(files[name], at, at % 8)}


def test_x9_a_bundle_that_is_cut_grown_or_packed_anew_is_told(data: bytes) -> None:
    files, _damage = verify.unpack(data)
    for other in (*(data[:size] for size in range(0, len(data), 997)), data + b"\0", b"\0" + data):
        assert verify.unpack(other)[1]
    assert verify.unpack(verify.pack(files))[1] == ""


@pytest.mark.parametrize("number", [1, 6, 12])
def test_x9_an_event_that_is_gone_doubled_or_moved_is_told(data: bytes, number: int) -> None:
    files, _damage = verify.unpack(data)
    lines = files[verify.EVENTS].splitlines(keepends=True)
    for other in (lines[: number - 1] + lines[number:], [*lines[:number], *lines[number - 1 :]], lines[::-1]):
        problems = verify.check({**files, verify.EVENTS: b"".join(other)})[0]
        assert f"{verify.EVENTS}: dit bestand is veranderd" in problems
        if other != lines[:-1]:  # the list of files alone tells that the end is gone
            assert any("weg, dubbel of verplaatst" in problem for problem in problems)
