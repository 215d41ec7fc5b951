"""The sealer: every event gets its place in the tree once, signed in the database and in the file outside."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, text

from keyservice import audit, settings
from keyservice.audit import outside, sealer
from keyservice.audit.checkpoint import read
from keyservice.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf
from keyservice.audit.proofs import span_root
from keyservice.audit.sealer import NEARLY_EVERY_ACT, TrailBroken, seal
from keyservice.audit.tree import (
    check_consistency,
    check_inclusion,
    consistency_proof,
    consistency_spans,
    inclusion_proof,
    inclusion_spans,
    leaf_hash,
    root_of,
)
from keyservice.database import db, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI
from tests.factories.trail import EVENT, act, forget_the_tree, leaves


@pytest.fixture
def sealing(context: Flask) -> Flask:
    """Give an application without a file outside."""
    path().unlink(missing_ok=True)
    return context


def path() -> Path:
    return settings.current().checkpoints


def unsealed() -> int:
    events, sealed = (db.session.scalar(select(func.count()).select_from(t)) or 0 for t in (AuditEvent, AuditLeaf))
    return events - sealed


@pytest.mark.usefixtures("sealing")
def test_i4_every_event_gets_one_leaf_over_its_stored_bytes_and_a_second_time_changes_nothing() -> None:
    act(5)
    checkpoint = seal()
    assert checkpoint
    assert unsealed() == 0
    for event, leaf in db.session.execute(
        select(AuditEvent, AuditLeaf).join(AuditLeaf, AuditLeaf.event == AuditEvent.id)
    ):
        assert leaf.hash == leaf_hash(event.canonical)
    assert checkpoint.root == root_of(leaves())
    assert checkpoint.size == len(leaves())
    assert seal() == checkpoint
    assert len(outside.lines(path())) == 1


@pytest.mark.usefixtures("sealing")
def test_i4_each_checkpoint_extends_the_one_before_and_proves_its_events() -> None:
    published = []
    for count in (1, 3, 4):
        act(count)
        published.append(seal())
    newest = published[-1]
    assert newest
    for older in published:
        assert older
        check_consistency(older.size, older.root, newest.size, newest.root, consistency_proof(leaves(), older.size))
    for at, leaf in enumerate(leaves()):
        check_inclusion(leaf, at, newest.size, inclusion_proof(leaves(), at), newest.root)


@pytest.mark.usefixtures("sealing")
def test_i4_proofs_from_the_frontiers_of_checkpoints_are_those_from_all_leaves() -> None:
    for count in (1, 3, 4, 8, 1, 13, 2):
        act(count)
        newest = seal()
    assert newest
    for at in range(newest.size):
        assert [*map(span_root, inclusion_spans(at, newest.size))] == inclusion_proof(leaves(), at)
    for older in range(1, newest.size):
        assert [*map(span_root, consistency_spans(older, newest.size))] == consistency_proof(leaves(), older)


@pytest.mark.usefixtures("sealing")
def test_the_file_outside_holds_what_was_signed_and_only_its_user_reads_it() -> None:
    act()
    first = seal()
    act()
    second = seal()
    texts = [line["checkpoint"] for line in outside.lines(path())]
    assert [read(text, *sealer.public_keys()) for text in texts] == [first, second]
    assert path().stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("sealing")
def test_i16_a_revoked_key_stands_in_the_file_outside_before_the_checkpoint_that_covers_it() -> None:
    revoked = audit.catalogue()[sealer.REVOKED]
    with transaction():
        audit.record(revoked, CLI, subject=UUID(int=7), number="SL-2026-00007", reason="leak", text=None)
    seal()
    first, second = outside.lines(path())
    assert first["revoked"] == str(UUID(int=7))
    assert "checkpoint" in second


@pytest.mark.usefixtures("sealing")
def test_a_file_that_a_crash_left_behind_is_brought_up_with_what_was_revoked_meanwhile() -> None:
    act()
    seal()
    kept = path().read_bytes()
    with transaction():
        audit.record(
            audit.catalogue()[sealer.REVOKED],
            CLI,
            subject=UUID(int=7),
            number="SL-2026-00007",
            reason="leak",
            text=None,
        )
    newest = seal()
    path().write_bytes(kept + b'{"checkpoint": "half a li')
    assert seal() == newest
    assert [sorted(line) for line in outside.lines(path())] == [
        ["at", "checkpoint"],
        ["event", "revoked"],
        ["at", "checkpoint"],
    ]


@pytest.mark.usefixtures("sealing")
def test_i4_a_database_behind_the_file_is_not_sealed() -> None:
    act(3)
    seal()
    forget_the_tree()
    with pytest.raises(TrailBroken, match="has 0 events in the tree and the file outside"):
        seal()


@pytest.mark.usefixtures("sealing")
def test_i4_a_database_with_another_history_of_the_same_size_is_not_sealed() -> None:
    act(3)
    seal()
    kept = path().read_bytes()
    forget_the_tree()
    path().unlink()
    db.session.execute(text("UPDATE audit_event SET canonical = :b WHERE row = 1"), {"b": b"another"})
    db.session.commit()
    seal()
    path().write_bytes(kept)
    with pytest.raises(TrailBroken, match="other roots"):
        seal()


@pytest.mark.usefixtures("sealing")
@pytest.mark.parametrize("content", [b"no json\n", b"[1]\n", b'{"checkpoint": "x"}\n', b'{"other": 1}\n'])
def test_a_file_that_somebody_wrote_into_is_not_extended(content: bytes) -> None:
    act()
    seal()
    path().write_bytes(path().read_bytes() + content if content != b'{"other": 1}\n' else content)
    act()
    with pytest.raises(TrailBroken, match="the file of checkpoints"):
        seal()
    assert unsealed() == 1


def test_i4_many_sealers_at_once_give_every_event_one_place(sealing: Flask) -> None:
    def work(n: int) -> None:
        with sealing.app_context():
            act(3) if n % 2 else seal()
            db.session.remove()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    checkpoint = seal()
    assert checkpoint
    assert unsealed() == 0
    assert [n for (n,) in db.session.execute(select(AuditLeaf.position).order_by(AuditLeaf.position))] == list(
        range(checkpoint.size)
    )
    assert checkpoint.root == root_of(leaves())


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_i4_an_event_of_a_slow_transaction_is_not_skipped(sealing: Flask) -> None:
    with transaction():
        audit.record(EVENT, CLI, what="slow")
        with ThreadPoolExecutor(1) as pool:

            def meanwhile() -> None:
                with sealing.app_context():
                    act(2)
                    seal()
                    db.session.remove()

            pool.submit(meanwhile).result()
    assert unsealed() == 1
    seal()
    assert unsealed() == 0


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_i4_a_short_look_leaves_an_event_of_a_very_slow_transaction_to_the_next_longer_one(sealing: Flask) -> None:
    very_slow_act(sealing)
    seal(act=NEARLY_EVERY_ACT)
    assert unsealed() == 1
    seal()
    assert unsealed() == 0


def very_slow_act(app: Flask) -> None:
    """Write an event that becomes visible when others have been written and sealed above it for 40 seconds."""

    def meanwhile() -> None:
        with app.app_context():
            for seconds in (0, 20, 40):
                with time_machine.travel(clock.now() + timedelta(seconds=seconds), tick=False):
                    act()
                    seal(act=NEARLY_EVERY_ACT)
                    db.session.remove()

    with transaction():
        audit.record(EVENT, CLI, what="slow")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(meanwhile).result()


@pytest.mark.usefixtures("sealing")
def test_i4_leaves_and_checkpoints_are_insert_only() -> None:
    act()
    seal()
    for table, column in (("audit_leaf", "hash"), ("audit_checkpoint", "text")):
        for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with pytest.raises(Exception, match="insert-only"):
                db.session.execute(text(statement))
            db.session.rollback()


def test_the_newest_checkpoint_of_the_database_is_the_one_in_the_file(sealing: Flask) -> None:
    act()
    checkpoint = seal()
    row = sealer.newest()
    assert isinstance(row, AuditCheckpoint)
    assert checkpoint
    assert json.loads(path().read_text())["checkpoint"] == row.text == checkpoint.text
