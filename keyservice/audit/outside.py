"""The file outside the database: the newest checkpoints, and which keys were revoked before each.

One JSON object a line: `{"checkpoint": text}` or `{"revoked": id of the key, "event": id}`. A database that was put
back, cut or made anew does not fit this file any more; and keys that were revoked since stay known (I16).
"""

import fcntl
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


def newest_checkpoint(file: IO[bytes]) -> str | None:
    """Return the text of the last checkpoint, or None in an empty file. Raises FileDamaged.

    A last line without an end was cut by a crash: it is taken off.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    whole, _newline, cut = tail.rpartition(b"\n")
    if cut:
        file.truncate(size - len(cut))
    texts = [line["checkpoint"] for line in _parsed(whole.split(b"\n")[size > _TAIL_BYTES :]) if "checkpoint" in line]
    if not texts and whole:
        raise FileDamaged("no checkpoint among the last lines")
    return str(texts[-1]) if texts else None


def append(file: IO[bytes], lines: Iterable[Line]) -> None:
    """Add lines, and let the disk have them before anything goes on."""
    file.seek(0, os.SEEK_END)
    file.write(b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines))
    file.flush()
    os.fsync(file.fileno())


def lines(path: Path) -> list[Line]:
    """Return every line, oldest first; none when there is no file. Raises FileDamaged."""
    data = path.read_bytes() if path.exists() else b""
    return list(_parsed(data.rpartition(b"\n")[0].split(b"\n")))


def _parsed(raw: Iterable[bytes]) -> Iterator[Line]:
    for line in raw:
        if not line:
            continue
        try:
            parsed = json.loads(line)
        except ValueError:
            raise FileDamaged("a line is no JSON") from None
        if not isinstance(parsed, dict):
            raise FileDamaged("a line is no object")
        yield parsed
