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
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise BackupFailed(f"{part}: {error.strerror}") from error
    try:
        (_copy_sqlite if sqlite else _copy_postgresql)(part)
        rows = verified_rows(part, sqlite=sqlite)
        os.link(part, path)  # and not a rename, which would overwrite
    except OSError as error:
        raise BackupFailed(f"{path}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise BackupFailed(f"SQLite: {error}") from error
    finally:
        part.unlink()
    return Backup(path, path.stat().st_size, _to_disk(path), rows)


def verified_rows(copy: Path, *, sqlite: bool) -> Counter[str]:
    """Read a whole copy back and return how many rows each table has. Raises BackupFailed when something is wrong."""
    rows = _rows_of_sqlite(copy) if sqlite else _rows_of_postgresql(copy)
    if rows[MARKER] != 1:
        raise BackupFailed("the copy is not a whole database of the program; was it migrated?")
    return rows


def _copy_sqlite(part: Path) -> None:
    with closing(db.engine.raw_connection()) as connection:  # VACUUM does not run inside a transaction
        connection.cursor().execute("VACUUM INTO ?", (str(part),))


def _copy_postgresql(part: Path) -> None:
    url = db.engine.url
    # Without owners and rights: it is restored by, and for, whoever runs the program there.
    arguments = ["--format=custom", "--no-owner", "--no-acl", f"--file={part}", f"--dbname={without_password(url)}"]
    environ = os.environ | ({"PGPASSWORD": url.password} if url.password else {})
    dumping = [_program("pg_dump"), *arguments]
    done = subprocess.run(dumping, capture_output=True, text=True, check=False, env=environ)  # noqa: S603 - no shell, our own settings
    if done.returncode:
        raise BackupFailed(done.stderr.strip())


def _rows_of_sqlite(copy: Path) -> Counter[str]:
    try:
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?immutable=1", uri=True)) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchall()
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            count = 'SELECT count(*) FROM "{}"'
            rows = {table: connection.execute(count.format(table)).fetchone()[0] for table in tables}
    except sqlite3.DatabaseError as error:
        raise BackupFailed(f"the copy is damaged: {error}") from error
    if verdict != [("ok",)]:
        raise BackupFailed("the copy is damaged: PRAGMA integrity_check")
    return Counter(rows)


def _rows_of_postgresql(copy: Path) -> Counter[str]:
    """Read the whole copy back as text, and count what stands between `COPY table (…) FROM stdin;` and its end."""
    rows: Counter[str] = Counter()
    table = ""
    with subprocess.Popen([_program("pg_restore"), "--file=-", copy], stdout=subprocess.PIPE) as reading:  # noqa: S603 - no shell, our own file
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


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise BackupFailed(f"the program {name} of PostgreSQL is not on this machine")
    return path


def without_password(url: URL) -> str:
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
