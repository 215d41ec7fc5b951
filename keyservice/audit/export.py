"""The events for somebody else's tools: as JSON lines, or as the rows of a table."""

import json
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import select

from keyservice.audit import rows
from keyservice.audit.models import AuditEvent, AuditPrivate

# Those of the content of an event, after its row and before its own fields and its erasable texts.
_CONTENT = ("at", "event", "result", "person", "gemeente", "origin", "dossier", "number", "subject", "id")
COLUMNS = ("row", *_CONTENT, "roles", "fields", "texts")


def json_lines(*, texts: bool) -> Iterator[str]:
    """Give each event as one line of JSON: its content byte for byte as it is stored, as it stands in the tree.

    With `texts` a line is `{"content": that line, "texts": {name: {"salt": hex, "value": text}}}`.
    """
    for _row, content, found in _events(texts=texts):
        if texts:
            by_name = {name: {"salt": salt.hex(), "value": value} for name, salt, value in found}
            yield json.dumps({"content": content, "texts": by_name}, ensure_ascii=False)
        else:
            yield content


def table(*, texts: bool) -> Iterator[list[str]]:
    """Give each event as the values of `COLUMNS`, all of them text."""
    for row, content, found in _events(texts=texts):
        event = json.loads(content)
        values = [event[name] for name in _CONTENT]
        rest = [json.dumps(event["fields"], ensure_ascii=False), _pairs(found)]
        yield ["" if value is None else str(value) for value in (row, *values, ", ".join(event["roles"]), *rest)]


def _pairs(found: list[tuple[str, bytes, str]]) -> str:
    return json.dumps({name: value for name, _salt, value in found}, ensure_ascii=False) if found else ""


def _events(*, texts: bool) -> Iterator[tuple[int, str, list[tuple[str, bytes, str]]]]:
    """Give row, content and erasable texts (name, salt, value) of the events, in the order of their rows."""
    query = select(AuditEvent.row, AuditEvent.canonical).order_by(AuditEvent.row)
    joined = query.add_columns(AuditPrivate.name, AuditPrivate.salt, AuditPrivate.value).outerjoin(
        AuditPrivate, AuditPrivate.event == AuditEvent.id
    )
    with rows.snapshot() as connection:
        found: Iterator[Any] = rows.stream(connection, joined.order_by(AuditPrivate.name) if texts else query)
        for row, group in groupby(found, itemgetter(0)):
            parts = list(group)
            named = [(name, salt, value) for _row, _content, name, salt, value in parts if name] if texts else []
            yield row, parts[0][1].decode(errors="replace"), named
