"""The file outside the database: every checkpoint, and before each which keys were revoked or otherwise touched.

One JSON object a line: `{"checkpoint": text, "at": moment}`, `{"revoked": id of the key, "event": id}` and likewise
`touched`, or `{"restored": text}` (see `restored`). A database that was put back, cut or made anew does not fit this
file any more; and keys that were revoked since stay known (I16).
"""

import fcntl
import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

Line = dict[str, Any]
_TAIL_BYTES = 64 * 1024  # holds the last checkpoint: one has about 200 bytes


class FileDamaged(Exception):
    """The file does not hold what this program writes into it."""


@contextmanager
def locked(path: Path) -> Iterator[IO[bytes]]:
    """Open the file (made when it is not there) for one process at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


@contextmanager
def reading(path: Path) -> Iterator[IO[bytes]]:
    """Open the file to look at it, without waiting for who writes; one that is not there is empty."""
    with path.open("rb") if path.exists() else io.BytesIO() as file:
        yield file


def newest_checkpoint(file: IO[bytes]) -> str | None:
    """Return the text of the last checkpoint, or None in an empty file. Raises FileDamaged.

    A last line without an end was cut by a crash: it does not count, and who may write takes it off.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    whole, _newline, cut = tail.rpartition(b"\n")
    if cut and "+" in getattr(file, "mode", ""):
        file.truncate(size - len(cut))
    last = [parsed(raw) for raw in whole.split(b"\n")[size > _TAIL_BYTES :] if raw]
    texts = [line["checkpoint"] for line in last if "checkpoint" in line]
    if not texts and whole:
        raise FileDamaged("no checkpoint among the last lines")
    return str(texts[-1]) if texts else None


def append(file: IO[bytes], lines: Iterable[Line]) -> None:
    """Add lines, and let the disk have them before anything goes on."""
    file.seek(0, os.SEEK_END)
    file.write(b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines))
    file.flush()
    os.fsync(file.fileno())


def raw_lines(path: Path, length: int | None = None) -> Iterator[bytes]:
    """Give every whole line, oldest first; none when there is no file. `length` (bytes) leaves out what came later."""
    read = 0
    with reading(path) as file:
        for raw in file:
            read += len(raw)
            if not raw.endswith(b"\n") or (length is not None and read > length):
                return
            yield raw


def lines(path: Path) -> list[Line]:
    """Return every whole line, oldest first. Raises FileDamaged."""
    return [parsed(raw) for raw in raw_lines(path)]


def parsed(raw: bytes) -> Line:
    """Return what a line says. Raises FileDamaged."""
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        raise FileDamaged("a line is no JSON") from None
    if not isinstance(line, dict):
        raise FileDamaged("a line is no object")
    return line
