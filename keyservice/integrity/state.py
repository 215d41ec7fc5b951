"""The stored rows beside what the events led to (I12): every row and column that no event explains is named.

Not compared, because events do not tell of it: the other answers on the form, digests and hashes of keys and passwords
(a MAC covers those of keys), sessions, portfolios, counters of reminders, and whatever waits to be sent.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, select
from sqlalchemy.orm import DeclarativeBase

from keyservice.aanvragen.content import Held, held
from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.accounts import events as accounts
from keyservice.accounts.models import Account, FactorReset, Grant, Invitation, OidcIdentity, Passkey
from keyservice.audit import EventType, rows
from keyservice.berichtenboek.models import Copy
from keyservice.contacts.models import Contact
from keyservice.database import table_of
from keyservice.gemeenten.models import Gemeente
from keyservice.integrity import told
from keyservice.integrity.facts import Columns, Expected, Salt, explains
from keyservice.integrity.replay import HANDLERS, replay
from keyservice.issuance import events as issuance
from keyservice.issuance.models import Issuance
from keyservice.issuance.wave_models import Wave, WaveItem
from keyservice.issuance.waves import list_digest
from keyservice.outbox.models import Letter, OutboxMessage
from keyservice.portaal.models import Registration
from keyservice.portaal.versions import intact as version_intact
from keyservice.sleutels import events as sleutels
from keyservice.sleutels.asking import intact as system_intact
from keyservice.sleutels.models import AskingSystem, Sleutel
from keyservice.sleutels.service import intact
from keyservice.sleutels.succession_models import Succession

AnyRow = Row[*tuple[Any, ...]]
Fits = Callable[[AnyRow], bool]
WithMac = type[Sleutel | Registration | AskingSystem]
TEXTS = ("name", "function", "mailbox", "phone", "mobile", "email", "identity", "motivation", "reason", "leverancier")


@dataclass(frozen=True)
class Table:
    """How a table is compared: by which columns a row is found, and which one people know it by.

    `otherwise` is what holds for a row of which no event tells; without it an event must have made each row. A row that
    `may_go` can be deleted without an event of its own.
    """

    model: type[DeclarativeBase]
    key: tuple[str, ...] = ("id",)
    number: str | None = None
    where: ColumnElement[bool] | None = None
    may_go: bool = False
    otherwise: Columns | None = None


@dataclass(frozen=True)
class Mismatch:
    """A row that no event explains, and in which columns: `id` when no event made it, or when it is gone."""

    table: str
    key: str
    number: Any
    columns: tuple[str, ...]
    what: str
    gone: bool = False

    @property
    def where(self) -> str:
        """Return which row it is, as people find it again."""
        return f"{self.table} row {self.number or ''} (id {self.key})".replace("  ", " ")


KEYS, GRANTS = Table(Sleutel, number="number"), Table(Grant)
TABLES = (
    Table(Aanvraag, number="number"),
    Table(Approval),
    Table(Issuance),
    KEYS,
    # Who proved nothing yet goes with the last aanvraag that names him.
    Table(Contact, may_go=True),
    Table(Account),
    GRANTS,
    Table(Passkey),
    Table(OidcIdentity, key=("account_id", "issuer")),
    Table(Invitation),
    Table(FactorReset),
    Table(OutboxMessage, otherwise={"sent_at": None}),
    Table(Gemeente, key=("code",), number="name", where=Gemeente.fictive.is_(False)),
    Table(Letter, number="number"),
    Table(Wave),
    Table(Copy),
    Table(AskingSystem, number="name"),
    Table(Registration),
    Table(Succession),
)
GRANT_EVENTS = (accounts.GRANT_GIVEN, accounts.GRANT_ENDED, accounts.GRANT_REVIEWED)
KEY_EVENTS = (
    sleutels.MADE,
    sleutels.ACTIVATED,
    sleutels.SUSPENDED,
    sleutels.RESUME_ASKED,
    sleutels.RESUMED,
    sleutels.REVOKED,
)


def mismatches(
    connection: Connection, tables: Iterable[Table] = TABLES, types: Iterable[EventType] = tuple(HANDLERS)
) -> Iterator[Mismatch]:
    """Give what no event explains; `types` are the events that tell of the tables."""
    expected = replay(told.events(connection, types))
    salts = told.salts(connection, TEXTS) if tables is TABLES else {}

    def salt(event: str, name: str) -> bytes | None:
        return salts.get((event, name))

    for table in tables:
        yield from _of_table(connection, table, expected, salt)


def _of_table(connection: Connection, table: Table, expected: Expected, salt: Salt) -> Iterator[Mismatch]:
    name, wanted = table.model.__tablename__, dict(expected.table(table.model.__tablename__))
    told_of = set(table.otherwise or ()).union(*wanted.values())
    columns = sorted(column for column in told_of if not column.startswith("_"))
    # First what finds the row, then what people call it, then what is compared.
    found_by = (*table.key, table.number or table.key[0])
    query = select(*(rows.plain(getattr(table.model, column)) for column in (*found_by, *columns)))
    for row in rows.stream(connection, query if table.where is None else query.where(table.where)):
        *keys, number = row[: len(found_by)]
        key, stored = " ".join(map(str, keys)), zip(columns, row[len(found_by) :], strict=True)
        row_wanted = wanted.pop(key, table.otherwise)
        if row_wanted is None:
            yield Mismatch(name, key, number, ("id",), "no event made it")
            continue
        wrong = tuple(c for c, value in stored if c in row_wanted and not explains(row_wanted[c], value, salt))
        if wrong:
            yield Mismatch(name, key, number, wrong, f"no event explains {', '.join(wrong)}")
    if table.otherwise is None and not table.may_go:
        for key, gone in wanted.items():
            yield Mismatch(name, key, gone.get("number", key), ("id",), "it is gone, and no event says so", gone=True)


def false_macs(connection: Connection) -> Iterator[Mismatch]:
    """Give the keys whose MAC does not fit their row."""
    return _false(connection, Sleutel, lambda row: intact(Sleutel(**row._asdict())), "number")


def _false(connection: Connection, model: WithMac, fits: Fits, number: str | None = None) -> Iterator[Mismatch]:
    """Give the rows of a table whose MAC does not fit; `number` is the column that people call a row by."""
    table = model.__tablename__
    for key, row in _rows(connection, model):
        if row is None:
            yield Mismatch(table, key, None, ("id",), "the row cannot be read")
        elif not fits(row):
            yield Mismatch(table, key, getattr(row, number or "", None), ("mac",), "its MAC is not of this program")


def _rows(connection: Connection, model: WithMac) -> Iterator[tuple[str, AnyRow | None]]:
    """Give the rows of a table with their ids; None for one that cannot be read."""
    query, done = select(table_of(model)), 0
    try:
        for row in rows.stream(connection, query.order_by(model.id)):
            yield row.id.hex, row
            done += 1
    except (ValueError, TypeError):  # on SQLite anything can stand anywhere: one such row must not hide the others
        key_of = rows.plain(model.id)
        for (key,) in connection.execute(select(key_of).order_by(model.id).offset(done)).all():
            try:
                yield key, connection.execute(query.where(key_of == key)).one()
            except (ValueError, TypeError):
                yield key, None


def false_snapshots(connection: Connection) -> Iterator[Mismatch]:
    """Give the approvals whose content is not the one whose hash they hold."""
    query = select(Approval.id, Approval.snapshot, Approval.content_hash, rows.plain(Aanvraag.erased_at)).join(Aanvraag)
    for approval_id, snapshot, digest, erased_at in rows.stream(connection, query):
        # Whether the people of this aanvraag may be gone, `mismatches` tells.
        if held(snapshot, digest) is not (Held.WHOLE if erased_at is None else Held.ERASED):
            what = "its content is not what was approved"
            yield Mismatch("approval", approval_id.hex, None, ("snapshot",), what)


def false_versions(connection: Connection) -> Iterator[Mismatch]:
    """Give what is registered about inburgeraars and does not fit its MAC."""
    return _false(connection, Registration, lambda row: version_intact(Registration(**row._asdict())))


def false_systems(connection: Connection) -> Iterator[Mismatch]:
    """Give the systems that may ask whose MAC does not fit their row."""
    return _false(connection, AskingSystem, system_intact, "name")


def false_lists(connection: Connection) -> Iterator[Mismatch]:
    """Give the waves whose list is not the one whose hash the event of preparing holds."""
    for prepared in told.events(connection, (issuance.WAVE_PREPARED,)):
        query = select(rows.plain(WaveItem.aanvraag_id)).where(rows.plain(WaveItem.wave_id) == prepared.subject)
        try:
            listed = [UUID(aanvraag) for aanvraag in connection.scalars(query.order_by(WaveItem.position))]
        except ValueError:  # no id: on SQLite anything can stand anywhere
            listed = []
        if list_digest(listed) != prepared.fields["list"]:
            what = "its list is not the one that was prepared"
            yield Mismatch("wave", prepared.subject, None, ("list",), what)


CHECKS: tuple[Callable[[Connection], Iterator[Mismatch]], ...] = (
    mismatches,
    false_macs,
    false_snapshots,
    false_versions,
    false_systems,
    false_lists,
)
