"""The BSNs under new keys: every sealed one opens, so that seal and digest can both be made anew."""

from collections.abc import Callable, Iterator
from uuid import UUID

from sqlalchemy import Column, bindparam, func, select, update

from keyservice.database import db, table_of
from keyservice.kernel.seal import ID_IN_BLOB, SealBroken
from keyservice.kernel.secret import Secret
from keyservice.portaal import bsn
from keyservice.portaal.models import Inburgeraar

_TABLE = table_of(Inburgeraar)
_BATCH = 1000
_ID_IN_MAC = (1, ID_IN_BLOB[1])


def seal_anew(newest: bytes) -> tuple[int, int]:
    """Seal with the newest key what another one sealed; return how many were, and how many do not open."""
    return _made_anew(_TABLE.c.bsn, ID_IN_BLOB, newest, bsn.seal)


def digest_anew(newest: bytes) -> tuple[int, int]:
    """Digest with the newest key what another one digested; return as `seal_anew` does."""
    return _made_anew(_TABLE.c.bsn_digest, _ID_IN_MAC, newest, lambda number, _row: bsn.digest(number))


def _made_anew(
    column: Column[bytes], id_at: tuple[int, int], newest: bytes, make: Callable[[Secret, UUID], bytes]
) -> tuple[int, int]:
    done = broken = 0
    statement = update(_TABLE).where(_TABLE.c.id == bindparam("row")).values({column: bindparam("fresh")})
    for rows in _of_other_keys(column, id_at, newest):
        fresh = []
        for row, sealed in rows:
            try:
                fresh.append({"row": row, "fresh": make(bsn.unseal(sealed, row), row)})
            except SealBroken:
                broken += 1
        if fresh:
            db.session.execute(statement, fresh)
        done += len(fresh)
    return done, broken


def _of_other_keys(column: Column[bytes], id_at: tuple[int, int], newest: bytes) -> Iterator[list[tuple[UUID, bytes]]]:
    """Give id and sealed BSN of the rows that another key made, in batches by id."""
    other = func.substr(column, *id_at) != newest
    query = select(_TABLE.c.id, _TABLE.c.bsn).where(other).order_by(_TABLE.c.id).limit(_BATCH)
    last: UUID | None = None
    while rows := db.session.execute(query if last is None else query.where(_TABLE.c.id > last)).all():
        yield [(row.id, row.bsn) for row in rows]
        last = rows[-1].id
