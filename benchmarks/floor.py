"""The sum of the parts of an issued key that nothing can leave out: what the program itself adds is not in it.

The same rows are written by the same statements, recorded once from the program and replayed on the driver itself, with
as few commits as the promises allow: one per act, one per claim of a batch with its final bytes, one per checkpoint,
one per mail accepted. No checks are made, nothing is read but the events that are sealed, no text is rendered, and the
mails go over one raw socket that stays open.
"""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID, uuid4

from Cryptodome.Cipher import AES
from Cryptodome.Hash import HMAC, SHA1
from Cryptodome.Util import Counter
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from sqlalchemy import event

from benchmarks.mail import RawMail
from keyservice import settings
from keyservice.audit import outside
from keyservice.audit.checkpoint import sign
from keyservice.audit.sealer import RING as SEALER_RING
from keyservice.audit.sealer import origin
from keyservice.audit.tree import Frontier, leaf_hash
from keyservice.database import db
from keyservice.kernel import clock
from keyservice.kernel.zips import CONTENT_SIZE

_KEY, _NONCE, _PLACE, _CONTENT = os.urandom(32), os.urandom(12), b"table, column, row", b"k" * CONTENT_SIZE
_SEAL = AESGCMSIV(_KEY)
_SEALED = 2  # zip and password; the values and bytes of the mails are sealed where they are sent
_SIGNED = 8  # events, key, activation code
_HASHED = 6  # key, token, content, and the private fields of the events
_ID, _IN_A_KEY = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-")
_NUMBERED = ("SL-", "Z-")

Fresh = dict[Any, Any]
"""The value of its own that each id, number and digest of the example has got, everywhere the same."""


class Statement:
    """A statement that writes, as it reached the driver, and which of its values must be new each time."""

    def __init__(self, text: str, parameters: Any, kept: Collection[object]) -> None:
        """Take text and parameters (a tuple or a mapping); `kept` are the ids that stay: those of people."""
        self.text, self.returns = text, "RETURNING" in text
        named = isinstance(parameters, Mapping)
        pairs = {p: _hashable(v) for p, v in (parameters.items() if named else enumerate(parameters))}
        self._parameters: Any = pairs if named else list(pairs.values())
        self._fresh = [(p, v, make) for p, v in pairs.items() if v not in kept and (make := _maker(v))]

    def values(self, fresh: Fresh) -> Any:
        """Return the parameters, with the new values."""
        filled = self._parameters.copy()
        for place, value, make in self._fresh:
            if value not in fresh:
                fresh[value] = make()
            filled[place] = fresh[value]
        return filled


def _hashable(value: object) -> object:
    return getattr(value, "obj", value)  # the bytes in a memoryview or in psycopg's Binary


def _maker(value: object) -> Callable[[], object] | None:
    """Return what makes another value of the same kind, or None for one that need not be unique."""
    if isinstance(value, UUID):
        return uuid4
    if isinstance(value, bytes) and len(value) == hashlib.sha256().digest_size:
        return lambda: os.urandom(32)
    if isinstance(value, str):
        if _ID.fullmatch(value):
            return lambda: uuid4().hex
        if _IN_A_KEY.search(value) and len(value) < 100:  # noqa: PLR2004 - a key of a message, no canonical content
            return lambda: str(uuid4())
        if value.startswith(_NUMBERED):
            return lambda: value[:3] + os.urandom(5).hex()
    return None


@dataclass(frozen=True)
class Example:
    """What the program writes for one key, act by act, and the mails that it sends."""

    id: UUID
    approve: Sequence[Statement]
    issue: Sequence[Statement]
    claim: Sequence[Statement]
    sent: Sequence[Sequence[Statement]]
    mails: Sequence[bytes]


@contextmanager
def writes(kept: Collection[object]) -> Iterator[list[Statement]]:
    """Record every statement that writes."""
    recorded: list[Statement] = []

    def note(*call: Any) -> None:
        _connection, _cursor, text, parameters, _context, many = call
        if text.startswith(("INSERT", "UPDATE")):
            recorded.extend(Statement(text, one, kept) for one in (parameters if many else [parameters]))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield recorded
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


class Floor:
    """Does for an aanvraag what cannot be left out."""

    def __init__(self, example: Example, mail: RawMail) -> None:
        """Take what the program wrote and sent for the example."""
        self._example, self._mail = example, mail
        self._connection = db.engine.raw_connection()
        self._raw = cast("Any", self._connection.driver_connection)
        self._connection.detach()  # nobody else gets it, and `close` closes it
        self._begin, self._mark = "BEGIN", "%s"
        self._signing = Ed25519PrivateKey.from_private_bytes(settings.rings().keys(SEALER_RING)[0].key)
        if db.engine.dialect.name == "sqlite":
            self._begin, self._mark = "BEGIN IMMEDIATE", "?"
        else:
            self._raw.autocommit = True  # so that the BEGIN and COMMIT below are the only ones

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def issue(self, aanvragen: Sequence[UUID]) -> None:
        """Approve each aanvraag, make its key and send its mails."""
        all_fresh: list[Fresh] = [{self._example.id: one, self._example.id.hex: one.hex} for one in aanvragen]
        for fresh in all_fresh:
            self._commit(self._example.approve, [fresh])
        for fresh in all_fresh:
            _make_secrets()
            self._commit(self._example.issue, [fresh])
        self._commit(self._example.claim, all_fresh)
        self._seal()
        for fresh in all_fresh:
            for final, sent in zip(self._example.mails, self._example.sent, strict=True):
                _SEAL.decrypt(_NONCE, _SEAL.encrypt(_NONCE, final, _PLACE), _PLACE)  # its values
                _SEAL.encrypt(_NONCE, final, _PLACE)  # its final bytes
                self._mail.send("sleuteluitgifte@duo.example", "anna@voorbeeldstad.example", final)
                self._commit(sent, [fresh])

    def _commit(self, statements: Sequence[Statement], all_fresh: Sequence[Fresh]) -> None:
        cursor = self._raw.cursor()
        cursor.execute(self._begin)
        for fresh in all_fresh:
            for statement in statements:
                cursor.execute(statement.text, statement.values(fresh))
                if statement.returns:
                    cursor.fetchall()
        cursor.execute("COMMIT")

    def _seal(self) -> None:
        """Put the new events into the tree, sign it, and write the file outside."""
        cursor, mark = self._raw.cursor(), self._mark
        cursor.execute(self._begin)
        cursor.execute("SELECT size, frontier, through FROM audit_checkpoint ORDER BY size DESC LIMIT 1")
        size, right, through = cursor.fetchone()
        cursor.execute(f'SELECT "row", id, canonical FROM audit_event WHERE "row" > {int(through)} ORDER BY "row"')  # noqa: S608 - a number
        frontier, leaves = Frontier(size, tuple(right[at : at + 32] for at in range(0, len(right), 32))), []
        for through, event_id, canonical in cursor.fetchall():  # noqa: B007 - the last one is what counts
            leaves.append((frontier.size, event_id, leaf := leaf_hash(canonical)))
            frontier = frontier.add(leaf)
        cursor.executemany(f"INSERT INTO audit_leaf (position, event, hash) VALUES ({mark}, {mark}, {mark})", leaves)  # noqa: S608 - marks
        signed = sign(origin(), frontier.size, frontier.root(), self._signing)
        values = (signed.size, clock.now().replace(tzinfo=None), signed.root, b"".join(frontier.hashes), through)
        marks = ", ".join([mark] * 6)
        columns = "size, at, root, frontier, through, text"
        cursor.execute(f"INSERT INTO audit_checkpoint ({columns}) VALUES ({marks})", (*values, signed.text))  # noqa: S608 - marks
        cursor.execute("COMMIT")
        with outside.locked(settings.current().checkpoints) as file:
            outside.append(file, [{"checkpoint": signed.text}])


def _make_secrets() -> None:
    """Encrypt the zip and read it back, seal, sign and hash, on the primitives themselves."""
    for _written_and_read_back in range(2):
        keys = PBKDF2HMAC(hashes.SHA1(), 66, os.urandom(16), 1000).derive(b"password")  # noqa: S303 - the format
        zipped = AES.new(keys[:32], AES.MODE_CTR, counter=Counter.new(128, little_endian=True)).encrypt(_CONTENT)
        HMAC.new(keys[32:64], zipped, SHA1).digest()
    base64.b64encode(zipped)
    for _ in range(_SEALED):
        _SEAL.encrypt(_NONCE, zipped, _PLACE)
    for _ in range(_SIGNED):
        hmac.digest(_KEY, zipped[:400], "sha256")
    for _ in range(_HASHED):
        hashlib.sha256(zipped[:400]).digest()
    os.urandom(96)  # key, code, password and token
