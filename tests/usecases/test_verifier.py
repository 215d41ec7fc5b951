"""The verifier (I4): whatever is done to the trail is found, and the row is named. Each test is one row of that table.

Whoever did it may do everything to the database: the triggers are taken away first.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.orm import DeclarativeBase

from keyservice import audit, settings
from keyservice.audit import event_check, sealer
from keyservice.audit.faults import MOST_KEPT, Kind
from keyservice.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf, AuditPrivate
from keyservice.audit.queries import search
from keyservice.audit.sealer import seal
from keyservice.audit.tree import leaf_hash
from keyservice.database import db
from keyservice.kernel import clock
from keyservice.kernel.ids import new_id
from keyservice.kernel.seal import Rings
from tests.factories.trail import act, grown, run, told, unlock, verified

pytestmark = pytest.mark.usefixtures("context")


def test_i4_a_trail_that_nobody_touched_is_intact_and_what_waits_is_counted() -> None:
    grown()
    act(3)
    report = verified()
    assert told(report) == []
    assert (report.events, report.waiting) == (report.size + 3, 3)
    assert report.root == sealer.newest().root  # type: ignore[union-attr]  # it was sealed


BETWEEN, AT_THE_END = "aanvraag:approve", "aanvraag:issue"


def middle(code: str = BETWEEN) -> tuple[int, int, UUID]:
    """Return row, place in the tree, and id of an event, between others of its checkpoint or the last of it."""
    query = select(AuditEvent.row, AuditLeaf.position, AuditEvent.id).join(AuditLeaf, AuditLeaf.event == AuditEvent.id)
    wanted = query.where(AuditEvent.code == code).order_by(AuditEvent.row).limit(1)
    row, position, event_id = db.session.execute(wanted).one()
    return row, position, event_id


def other(value: Any) -> Any:
    """Return another value of the same kind."""
    match value:
        case bytes():
            return value[:-1] + bytes([value[-1] ^ 1])
        case datetime():
            return value + timedelta(minutes=1)
        case UUID():
            return new_id()
        case bool() | int():
            return value + 1000
    return f"{value}x"


def changed(model: type[DeclarativeBase], column: str, *where: Any) -> None:
    attribute = getattr(model, column)
    value = db.session.scalar(select(attribute).where(*where))
    run(update(model).where(*where).values({column: other(value)}))


def columns_of(*models: type[DeclarativeBase]) -> list[Any]:
    return [
        pytest.param(model, c.key, id=f"{model.__tablename__}.{c.key}") for model in models for c in model.__table__.c
    ]


@pytest.mark.parametrize(("model", "column"), columns_of(AuditEvent))
def test_i4_another_value_in_a_column_of_an_event(model: type[DeclarativeBase], column: str) -> None:
    grown()
    row, position, _id = middle()
    unlock()
    changed(model, column, AuditEvent.row == row)
    found = told(verified())
    assert found
    # The row itself is what can no longer be found by its row or its id; then the leaf says which it was.
    names = {"row": f"event row {row + 1000}", "id": f"leaf {position}"}
    assert names.get(column, f"event row {row} ") in found[0], found


@pytest.mark.parametrize(("model", "column"), columns_of(AuditLeaf))
def test_i4_another_value_in_a_column_of_a_leaf(model: type[DeclarativeBase], column: str) -> None:
    grown()
    row, position, _id = middle()
    unlock()
    changed(model, column, AuditLeaf.position == position)
    found = told(verified())
    named = {"hash": f"event row {row} ", "event": f"leaf {position}", "position": f"leaves {position} to"}
    assert any(named[column] in one for one in found[:2]), found


@pytest.mark.parametrize(("model", "column"), columns_of(AuditCheckpoint))
def test_i4_another_value_in_a_column_of_a_checkpoint(model: type[DeclarativeBase], column: str) -> None:
    grown()
    sizes = list(db.session.scalars(select(AuditCheckpoint.size).order_by(AuditCheckpoint.size)))
    unlock()
    changed(model, column, AuditCheckpoint.size == sizes[1])
    found = told(verified())
    assert f"checkpoint {sizes[1]}" in " ".join(found) or f"checkpoint {sizes[1] + 1000}" in found[0], found


@pytest.mark.parametrize(("model", "column"), columns_of(AuditPrivate))
def test_i4_another_value_in_a_column_of_an_erasable_text(model: type[DeclarativeBase], column: str) -> None:
    grown()
    event_id = db.session.scalar(select(AuditEvent.id).where(AuditEvent.code == "issuance:cancel"))
    where = (AuditPrivate.event == event_id, AuditPrivate.name == "reason")
    changed(model, column, *where)
    (found,) = told(verified())
    assert {"event": "there is no such event", "name": "no such text"}.get(column, "differs") in found
    assert "text 'reason" in found


def test_i4_erased_texts_are_no_fault_and_a_text_that_somebody_added_is() -> None:
    grown()
    run(delete(AuditPrivate))
    assert told(verified()) == []
    row, _position, event_id = middle()
    run(insert(AuditPrivate).values(event=event_id, name="reason", salt=b"0" * 16, value="Anders"))
    assert told(verified())[0].startswith(f"inserted: text 'reason' of event row {row} ")


def drop_event(row: int, _position: int, event_id: UUID) -> None:
    run(delete(AuditEvent).where(AuditEvent.row == row))


def drop_event_and_leaf(row: int, position: int, event_id: UUID) -> None:
    run(delete(AuditEvent).where(AuditEvent.row == row), delete(AuditLeaf).where(AuditLeaf.position == position))


def drop_leaf(_row: int, position: int, _event_id: UUID) -> None:
    run(delete(AuditLeaf).where(AuditLeaf.position == position))


def close_up(row: int, position: int, _event_id: UUID) -> None:
    """Take an event out and let the leaves after it move up."""
    drop_event_and_leaf(row, position, _event_id)
    for at in db.session.scalars(select(AuditLeaf.position).where(AuditLeaf.position > position)).all():
        run(update(AuditLeaf).where(AuditLeaf.position == at).values(position=at - 1))


def write_back_elsewhere(row: int, _position: int, _event_id: UUID) -> None:
    """Take an event out and put the same one back at the end, as a careless restore of one row does."""
    values = dict(db.session.execute(select(*AuditEvent.__table__.c).where(AuditEvent.row == row)).one()._mapping)
    last = db.session.scalar(select(func.max(AuditEvent.row))) or 0
    run(delete(AuditEvent).where(AuditEvent.row == row), insert(AuditEvent).values(**values | {"row": last + 1}))


def swap_contents(row: int, _position: int, _event_id: UUID) -> None:
    pair = [row, row + 1]
    query = select(AuditEvent.canonical, AuditEvent.mac).where(AuditEvent.row.in_(pair)).order_by(AuditEvent.row)
    one, two = (tuple(found) for found in db.session.execute(query))
    for at, (canonical, mac) in zip(pair, (two, one), strict=True):
        run(update(AuditEvent).where(AuditEvent.row == at).values(canonical=canonical, mac=mac))


def swap_rows(row: int, _position: int, _event_id: UUID) -> None:
    run(*(update(AuditEvent).where(AuditEvent.row == at).values(row=to) for at, to in _round(row)))


def swap_leaves(_row: int, position: int, _event_id: UUID) -> None:
    run(*(update(AuditLeaf).where(AuditLeaf.position == at).values(position=to) for at, to in _round(position)))


def _round(one: int) -> list[tuple[int, int]]:
    return [(one, 99_999), (one + 1, one), (99_999, one + 1)]


ACTS: list[tuple[Callable[[int, int, UUID], None], Kind, Kind, str]] = [
    # what was done, as what it is found (the event between others, the last one of its checkpoint), what is named
    (drop_event, Kind.REMOVED, Kind.REMOVED, "leaf {position}: its event (id {id}) is gone"),
    (drop_event_and_leaf, Kind.REMOVED, Kind.REMOVED, "leaves {position} to {position}: they are gone"),
    (drop_leaf, Kind.REMOVED, Kind.REMOVED, "leaves {position} to {position}: they are gone"),
    (close_up, Kind.REBUILT, Kind.REBUILT, "do not lead to its root"),
    (write_back_elsewhere, Kind.MOVED, Kind.CHANGED, "event row {last}"),
    (swap_contents, Kind.CHANGED, Kind.CHANGED, "event row {row} "),
    (swap_rows, Kind.MOVED, Kind.CHANGED, "event row {next}"),
    (swap_leaves, Kind.MOVED, Kind.REBUILT, "event row"),
]


@pytest.mark.parametrize("code", [BETWEEN, AT_THE_END])
@pytest.mark.parametrize(("act", "between", "at_the_end", "named"), ACTS, ids=[row[0].__name__ for row in ACTS])
def test_i4_removed_moved_or_swapped(
    act: Callable[[int, int, UUID], None], between: Kind, at_the_end: Kind, named: str, code: str
) -> None:
    grown()
    row, position, event_id = middle(code)
    last = (db.session.scalar(select(func.max(AuditEvent.row))) or 0) + 1
    unlock()
    act(row, position, event_id)
    found = told(verified())
    wanted = named.format(row=row, next=row + 1, position=position, id=event_id.hex, last=last)
    kind = between if code == BETWEEN else at_the_end
    assert any(one.startswith(f"{kind}: ") and wanted in one for one in found), found


def test_i4_swapped_contents_say_whose_they_are() -> None:
    grown()
    row, _position, event_id = middle()
    unlock()
    swap_contents(row, 0, event_id)
    assert any(one.startswith(f"moved: event row {row + 1} ") and event_id.hex in one for one in told(verified()))


def forged(number: int | None = None, **more: Any) -> dict[str, Any]:
    """Return an event as somebody without the rings would write it."""
    row, _position, _id = middle()
    found = db.session.execute(select(*AuditEvent.__table__.c).where(AuditEvent.row == row)).one()
    last = db.session.scalar(select(func.max(AuditEvent.row))) or 0
    values = {**found._mapping, "row": last + 1, "id": new_id(), "dossier": None, "dossier_number": number}
    at = clock.now()
    content = {**event_check._decode(found.canonical.decode())[0], "id": str(values["id"]), "dossier": None}
    content |= {"number": number, "at": at.isoformat(timespec="microseconds"), **more}
    return {**values, "at": at, "canonical": audit.append.canonical_bytes(content)}


def test_i4_an_event_that_somebody_inserted_is_not_of_this_program() -> None:
    grown()
    values = forged()
    run(insert(AuditEvent).values(**values))
    (found,) = told(verified())
    assert found.startswith(f"inserted: event row {values['row']} ")
    assert found.endswith("the MAC is not of this program")


def test_i4_an_inserted_event_is_still_told_from_ours_after_the_program_sealed_it() -> None:
    grown()
    values = forged()
    run(insert(AuditEvent).values(**values))
    seal()
    (found,) = told(verified())
    assert found.startswith(f"changed: event row {values['row']} ")


def test_i4_an_inserted_event_with_a_leaf_of_its_own_is_in_no_checkpoint() -> None:
    grown()
    values = forged()
    size = verified().size
    digest = leaf_hash(values["canonical"])
    run(
        insert(AuditEvent).values(**values),
        insert(AuditLeaf).values(position=size, event=values["id"], hash=digest),
    )
    assert f"inserted: leaves {size} to {size}: no checkpoint covers them" in told(verified())


def test_i4_what_is_older_than_an_hour_and_not_in_the_tree_is_told() -> None:
    grown()
    act()
    with time_machine.travel(clock.now() + timedelta(hours=2)):
        (found,) = told(verified())
    assert found.startswith("unsealed: event row ")


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_i4_the_last_events_were_cut_off(count: int) -> None:
    """Cut off: the events, their leaves, and the checkpoints that covered them."""
    grown()
    whole = verified().size
    unlock()
    keep = whole - count
    gone = select(AuditLeaf.event).where(AuditLeaf.position >= keep)
    run(
        delete(AuditEvent).where(AuditEvent.id.in_(gone)),
        delete(AuditLeaf).where(AuditLeaf.position >= keep),
        delete(AuditCheckpoint).where(AuditCheckpoint.size > keep),
    )
    report = verified()
    assert f"behind: the tree of {report.size} events: the file outside knows {whole} events" in " ".join(told(report))


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_i4_the_last_leaves_alone_were_cut_off(count: int) -> None:
    grown()
    whole = verified().size
    unlock()
    run(delete(AuditLeaf).where(AuditLeaf.position >= whole - count))
    found = told(verified())
    assert found[0].startswith("cut: checkpoint ")
    assert found[0].endswith(f"the tree has {whole - count} leaves only")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_i4_the_last_checkpoints_alone_were_cut_off(count: int) -> None:
    grown()
    sizes = list(db.session.scalars(select(AuditCheckpoint.size).order_by(AuditCheckpoint.size)))
    unlock()
    run(delete(AuditCheckpoint).where(AuditCheckpoint.size.in_(sizes[-count:])))
    found = told(verified())
    assert any(one.startswith("behind: ") and f"knows {sizes[-1]} events" in one for one in found)
    assert any("no checkpoint covers them" in one for one in found)


def forget_tree() -> None:
    unlock()
    run(delete(AuditLeaf), delete(AuditCheckpoint))


def test_i4_a_tree_made_anew_without_the_signing_key_is_forged(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Also when the file outside was written anew with it."""
    grown()
    row, _position, _id = middle()
    forget_tree()
    run(delete(AuditEvent).where(AuditEvent.row == row))
    settings.current().checkpoints.unlink()
    own = Rings.create(tmp_path / "rings")
    with monkeypatch.context() as patch:
        patch.setattr(settings, "rings", lambda: own)
        seal()
    found = told(verified())
    assert any(one.startswith("forged: checkpoint") for one in found)
    assert any(one.startswith("forged: line ") for one in found)


def test_i4_a_tree_made_anew_with_the_signing_key_differs_from_the_file_outside() -> None:
    grown()
    row, _position, _id = middle()
    kept = settings.current().checkpoints.read_bytes()
    sizes = list(db.session.scalars(select(AuditCheckpoint.size).order_by(AuditCheckpoint.size)))
    forget_tree()
    run(text(f"UPDATE audit_event SET gemeente = '9999' WHERE row = {row}"))
    content = db.session.scalar(select(AuditEvent.canonical).where(AuditEvent.row == row)) or b""
    other_content = content.replace(b'"gemeente":"9998"', b'"gemeente":"9999"')
    mac = settings.rings().mac("audit-event", other_content.decode())
    run(update(AuditEvent).where(AuditEvent.row == row).values(canonical=other_content, mac=mac))
    settings.current().checkpoints.unlink()
    seal()
    settings.current().checkpoints.write_bytes(kept)
    found = told(verified())
    assert any(one.startswith(f"rebuilt: checkpoint {sizes[-1]}: line ") for one in found), found
    with pytest.raises(sealer.TrailBroken):
        seal()


def test_i4_a_content_changed_with_leaf_and_mac_is_found_between_its_checkpoints_and_nowhere_else() -> None:
    """Somebody with the rings, who did not make the checkpoints anew."""
    grown()
    row, position, _id = middle()
    unlock()
    content = db.session.scalar(select(AuditEvent.canonical).where(AuditEvent.row == row)) or b""
    changed_content = content.replace(b'"origin":"web"', b'"origin":"api"')
    mac = settings.rings().mac("audit-event", changed_content.decode())
    run(
        update(AuditEvent).where(AuditEvent.row == row).values(canonical=changed_content, mac=mac),
        update(AuditLeaf).where(AuditLeaf.position == position).values(hash=leaf_hash(changed_content)),
    )
    (found,) = told(verified())
    assert found.startswith("rebuilt: checkpoint ")
    first, last = (int(word) for word in found.split("(event rows ")[1].split(")")[0].split(" to "))
    assert first <= row <= last


def test_i4_a_number_of_a_dossier_that_lacks_is_named() -> None:
    grown()
    row, _position, _id = middle()
    dossier, number = db.session.execute(
        select(AuditEvent.dossier, AuditEvent.dossier_number).where(AuditEvent.row == row)
    ).one()
    assert dossier
    unlock()
    run(delete(AuditEvent).where(AuditEvent.row == row))
    assert f"removed: dossier {dossier.hex}: event no. {number} is missing" in told(verified())


def test_the_faults_are_counted_and_the_first_ones_kept() -> None:
    grown()
    act(2 * MOST_KEPT)
    unlock()
    run(update(AuditEvent).values(gemeente="0000"))
    report = verified()
    assert len(report.faults.kept) == MOST_KEPT < report.faults.count
    assert report.faults.kept[0].where.startswith("event row 1 ")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("column", ["id", "at", "code", "dossier", "person", "canonical", "mac"])
@pytest.mark.parametrize("value", ["7", "'x'", "x'ff'"])
def test_i4_on_sqlite_any_kind_of_value_in_any_column_names_its_row(column: str, value: str) -> None:
    grown()
    row, position, _id = middle()
    unlock()
    run(text(f"UPDATE audit_event SET {column} = {value} WHERE row = {row}"))
    assert any(f"event row {row} " in one or f"leaf {position}" in one for one in told(verified()))


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_i4_on_postgresql_a_moment_that_python_cannot_hold_names_its_row() -> None:
    grown()
    row, _position, _id = middle()
    unlock()
    run(text(f"UPDATE audit_event SET at = 'infinity' WHERE row = {row}"))
    assert f"event row {row} " in told(verified())[0]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_i4_on_sqlite_a_text_that_is_no_text_is_told_as_unreadable() -> None:
    grown()
    row, _position, _id = middle()
    unlock()
    run(text(f"UPDATE audit_event SET code = CAST(x'ff' AS TEXT) WHERE row = {row}"))
    assert told(verified())[0].startswith("unreadable: what comes after leaf ")


@pytest.mark.parametrize("code", [BETWEEN, "sleutel:revoke"])
@pytest.mark.parametrize(
    "deep", ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000], ids=["list", "object"]
)
def test_i4_an_event_that_is_nested_to_exhaust_its_reader_is_named_and_shown_like_any_other(
    code: str, deep: str
) -> None:
    grown()
    row, _position, event_id = middle()
    unlock()
    run(update(AuditEvent).where(AuditEvent.row == row).values(canonical=deep.encode(), code=code))
    found = told(verified())
    assert any(f"event row {row} " in one and "cannot be read" in one for one in found)
    (shown,) = [view for view in search() if view.id == event_id]
    assert shown.sentence == "De inhoud van deze gebeurtenis is beschadigd."


@pytest.mark.parametrize("at", ["x", "2026-01-01", 5])
def test_i4_an_inserted_event_with_a_moment_that_is_none_stops_no_verify(at: object) -> None:
    grown()
    values = forged(at=at)
    run(insert(AuditEvent).values(**values))
    assert all(f"event row {values['row']} " in one for one in told(verified()))
