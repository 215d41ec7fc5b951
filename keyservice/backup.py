"""A copy of the database, made while the program runs, and verified. The rings are never in it (ADR 23)."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from keyservice.database import db
from keyservice.kernel import clock

MARKER = "alembic_version"
"""A table that every database of the program has, with one row: a copy without it is a copy of something else."""


class BackupFailed(Exception):
    """There is no backup; the message says why."""


@dataclass(frozen=True)
class Backup:
    """A verified copy: its file, size in bytes, SHA-256 in hex, and how many rows each table has."""

    path: Path
    size: int
    sha256: str
    rows: Counter[str]


def make(folder: Path) -> Backup:
    """Write a copy of the database into a folder, named by the moment, mode 0600. Raises BackupFailed.

    SQLite: a database without the pages that were freed. PostgreSQL: the custom format of pg_dump. Both are one
    consistent moment.
    """
    sqlite = db.engine.dialect.name == "sqlite"
    path = folder / f"keyservice-{clock.now():%Y%m%dT%H%M%SZ}.{'sqlite' if sqlite else 'dump'}"
    part = path.with_name(f"{path.name}.part")
    try:
        if path.exists():
            raise BackupFailed(f"{path} is there already")
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise BackupFailed(f"{part} cannot be made: {error.strerror}") from error
    try:
        (_copy_sqlite if sqlite else _copy_postgresql)(part)
        rows = _rows_of_sqlite(part) if sqlite else _rows_of_postgresql(part)
        if rows[MARKER] != 1:
            raise BackupFailed("the copy is not a whole database of the program; was it migrated?")
        part.rename(path)
    except BaseException:
        part.unlink()
        raise
    return Backup(path, path.stat().st_size, _to_disk(path), rows)


def _copy_sqlite(part: Path) -> None:
    with closing(db.engine.raw_connection()) as connection:  # VACUUM does not run inside a transaction
        connection.cursor().execute("VACUUM INTO ?", (str(part),))


def _copy_postgresql(part: Path) -> None:
    url = db.engine.url
    # Without owners and rights: it is restored by, and for, whoever runs the program there.
    arguments = ["--format=custom", "--no-owner", "--no-acl", f"--file={part}", f"--dbname={_without_password(url)}"]
    _run("pg_dump", *arguments, password=url.password)


def _rows_of_sqlite(part: Path) -> Counter[str]:
    with closing(sqlite3.connect(f"{part.absolute().as_uri()}?immutable=1", uri=True)) as copy:
        if copy.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise BackupFailed("the copy is damaged: PRAGMA integrity_check")
        tables = [name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = (copy.execute(f'SELECT count(*) FROM "{table}"').fetchone() for table in tables)  # noqa: S608 - its own names
        return Counter({table: count for table, (count,) in zip(tables, counts, strict=True)})


def _rows_of_postgresql(part: Path) -> Counter[str]:
    """Read the whole copy back as text, and count what stands between `COPY table (…) FROM stdin;` and its end."""
    rows: Counter[str] = Counter()
    table = ""
    with subprocess.Popen([_program("pg_restore"), "--file=-", part], stdout=subprocess.PIPE) as reading:  # noqa: S603 - no shell, our own file
        for line in reading.stdout or ():
            if line == b"\\.\n":
                table = ""
            elif table:
                rows[table] += 1
            elif line.startswith(b"COPY "):
                table = line.split()[1].decode().rpartition(".")[2]
                rows[table] = 0
    if reading.returncode or table:
        raise BackupFailed("the copy is damaged: pg_restore cannot read it back")
    return rows


def _run(program: str, *arguments: str, password: str | None) -> None:
    environ = os.environ | ({"PGPASSWORD": password} if password else {})
    done = subprocess.run(  # noqa: S603 - no shell; what it gets comes from the settings
        [_program(program), *arguments], capture_output=True, text=True, check=False, env=environ
    )
    if done.returncode:
        raise BackupFailed(f"{program}: {done.stderr.strip()}")


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise BackupFailed(f"the program {name} of PostgreSQL is not on this machine")
    return path


def _without_password(url: URL) -> str:
    """Return the address for PostgreSQL's own programs. Others can see what a program was started with."""
    return url._replace(drivername="postgresql", password=None).render_as_string()


def _to_disk(path: Path) -> str:
    """Wait until file and name are on the disk, and return the SHA-256."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return digest
