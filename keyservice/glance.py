"""One row by one query, straight through the driver: what each request of a machine asks first.

SQLAlchemy makes the text of the query, knows the types of its columns and keeps the connections. What it does around
an execution costs several times the query itself (`docs/performance.md`), so that is left out here, and only here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Row, Select
from sqlalchemy.engine import result_tuple

from keyservice.database import db


@dataclass(frozen=True)
class _Plan:
    """A query as one kind of driver takes it, and what its row becomes; `order` is that of unnamed values."""

    text: str
    order: Sequence[str] | None
    row: Callable[[Sequence[Any]], Row[*tuple[Any, ...]]]
    convert: Sequence[tuple[int, Callable[[Any], Any]]]


def glance(query: Select[Any], values: Mapping[str, bytes]) -> Row[*tuple[Any, ...]] | None:
    """Return the first row of a query as it is committed at this moment, outside the session and any transaction.

    One message to the server and back, and no lock. `values` are sent as they are. Raises what SQLAlchemy raises.
    """
    with db.engine.connect() as connection:
        dialect = connection.dialect
        try:
            return _ask(connection, _plan(query, dialect), values)
        except dialect.loaded_dbapi.Error as error:
            connection.invalidate(error)
    # Once more in the common way, on another connection: it may go well there, else it fails as everything does.
    with db.engine.connect() as connection:
        return connection.execute(query, values).first()


def _ask(connection: Connection, plan: _Plan, values: Mapping[str, bytes]) -> Row[*tuple[Any, ...]] | None:
    lent, plain = connection.connection, connection.dialect.driver == "psycopg"
    if plain:  # else it would send BEGIN first; SQLite is so by itself (`database.tune`)
        lent.dbapi_connection.autocommit = True  # type: ignore[union-attr]  # there is one, it was just lent
    try:
        cursor = lent.cursor()
        cursor.execute(plan.text, values if plan.order is None else tuple(values[name] for name in plan.order))
        found = cursor.fetchone()
        cursor.close()
    finally:
        if plain:
            lent.dbapi_connection.autocommit = False  # type: ignore[union-attr]  # the same
    if found is None:
        return None
    cells = list(found)
    for place, converted in plan.convert:
        cells[place] = converted(cells[place])
    return plan.row(cells)


@lru_cache(maxsize=16)
def _plan(query: Select[Any], dialect: Dialect) -> _Plan:
    compiled, columns = query.compile(dialect=dialect), list(query.selected_columns)
    order = compiled.positiontup if compiled.positional else None
    processors = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    convert = [(place, processor) for place, processor in enumerate(processors) if processor]
    row = result_tuple([str(column.key) for column in columns])
    return _Plan(str(compiled), order, row, convert)
