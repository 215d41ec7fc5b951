"""Rows `audit-append` and `audit-verify`: what an event costs its act, and what checking all of them costs."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select

from benchmarks.harness import ROUNDS, SLICE_SECONDS, Case, measure
from benchmarks.report import Figure, figure
from benchmarks.stage import databases, stage
from keyservice import audit, settings
from keyservice.aanvragen.events import NOTED
from keyservice.accounts.models import Account
from keyservice.audit import rows, verifier
from keyservice.audit.append import MAC_PURPOSE, canonical_bytes
from keyservice.audit.models import AuditEvent, AuditPrivate
from keyservice.audit.sealer import BATCH, seal
from keyservice.database import db, table_of, transaction
from keyservice.demo.people import person_id
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.ids import new_id
from tests.factories.aanvragen import actor

EVENTS = 1_000_000
_TEXT = "Gebeld met de gemeente."
PER_DOSSIER = 20
APPEND_GOAL, VERIFY_GOAL = 1.3, 3.0
"""P10: an event adds at most 30 % to an act of one ORM update; P9: at most 3 times hashing what is stored."""


def run_append(rounds: int = ROUNDS, slice_seconds: float = SLICE_SECONDS) -> list[Figure]:
    """Measure one ORM update in a transaction of its own, with and without its event."""
    figures = []
    for database in databases():
        with stage(database) as app, app.app_context():
            own, peer = f"act with its event, {database}", f"the act alone, {database}"
            anna, rik = person_id("anna"), actor("rik")
            cases = {
                own: Case(partial(_act, anna, rik), _dossiers),
                peer: Case(partial(_act, anna, None), _dossiers),
            }
            samples = measure(cases, rounds=rounds, slice_seconds=slice_seconds)
        how = "one ORM update, committed; the event with its number in the dossier, MAC and one private text"
        figures.append(figure(samples, own, peer, APPEND_GOAL, how))
    return figures


def _dossiers(count: int) -> list[UUID]:
    return [new_id() for _ in range(count)]


def _act(account: UUID, of: Actor | None, dossier: UUID) -> None:
    """Change a row and commit; `of` is who does it when it is to be an event."""
    with transaction() as session:
        session.get_one(Account, account).name = f"Anna {dossier}"
        if of:
            audit.record(NOTED, of, dossier=dossier, text=_TEXT)
    db.session.remove()


def run_verify(rounds: int = 3, slice_seconds: float = SLICE_SECONDS, events: int = EVENTS) -> list[Figure]:
    """Measure a verify of the whole trail beside reading and hashing the content of every event."""
    figures = []
    for database in databases():
        with stage(database) as app, app.app_context():
            filled = _fill(events)
            own, peer = f"verify, {database}", f"one SHA-256 a row, {database}"
            works: dict[str, Callable[[], object]] = {own: _verify, peer: _hash_all}
            cases = {name: Case(partial(_call, work), operations=filled) for name, work in works.items()}
            samples = measure(cases, rounds=rounds, slice_seconds=slice_seconds)
        how = f"{filled} events, sealed, one process; per event"
        figures.append(figure(samples, own, peer, VERIFY_GOAL, how))
    return figures


def _call(work: Callable[[], object], _value: object) -> None:
    work()


def _fill(events: int) -> int:
    """Write and seal events of dossiers of 20, each as `audit.record` writes it but many to a statement."""
    with transaction():
        like = audit.record(NOTED, actor("rik"), dossier=new_id(), text=_TEXT)
        content = json.loads(db.session.scalars(select(AuditEvent.canonical).where(AuditEvent.id == like)).one())
    for start in range(0, events, BATCH):
        with transaction() as session:
            written, texts = zip(*_events(content, min(BATCH, events - start)), strict=True)
            session.connection().execute(insert(table_of(AuditEvent)), written)
            session.connection().execute(insert(table_of(AuditPrivate)), texts)
        seal()
    db.session.remove()
    return db.session.scalar(select(func.count()).select_from(AuditEvent)) or 0


def _events(content: dict[str, Any], count: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the rows of an event that says the same, and of its erasable text."""
    rings, person = settings.rings(), UUID(content["person"])
    for number in range(count):
        if number % PER_DOSSIER == 0:
            dossier = new_id()
        event, at, salt = new_id(), clock.now(), os.urandom(16)
        index = {"id": event, "at": at, "dossier": dossier, "person": person, "gemeente": content["gemeente"]}
        digest = hashlib.sha256(salt + _TEXT.encode()).hexdigest()
        new = {"number": number % PER_DOSSIER + 1, "subject": dossier, "private": {"text": digest}}
        canonical = canonical_bytes(content | index | new)
        row = index | {"code": content["event"], "dossier_number": new["number"], "canonical": canonical}
        yield (
            row | {"mac": rings.mac(MAC_PURPOSE, canonical.decode())},
            {"event": event, "name": "text", "salt": salt, "value": _TEXT},
        )


def _verify() -> None:
    report = verifier.verify()
    if report.faults.count:
        raise AssertionError(report.faults)


def _hash_all() -> None:
    with rows.snapshot() as connection:
        for (canonical,) in rows.stream(connection, select(AuditEvent.canonical).order_by(AuditEvent.row)):
            hashlib.sha256(canonical).digest()
