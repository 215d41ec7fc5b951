"""Sealing of secrets at rest: AES-256-GCM-SIV (RFC 8452) with key rings that live outside the database.

A blob is `version (1 byte) | key id (4) | nonce (12) | ciphertext and tag`. Associated data binds it to the version,
table, column and row, so that a blob moved elsewhere does not open. A ring is a JSON file with its newest key first.

The keys of the sealing rings live as `rotation` says; those of the lasting rings stay until an operator replaces them.
"""

import base64
import fcntl
import hmac
import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from json.encoder import encode_basestring_ascii
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from keyservice.kernel import clock, rotation

VERSION = 1
_ID_BYTES = 4
_NONCE_BYTES = 12
ID_IN_BLOB = (2, _ID_BYTES)
"""Where the key id stands in a blob: first byte and length, as `substr` of SQL counts."""
SEALED: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "zip": (("issuance", "zip"),),
        "password": (("issuance", "password"), ("contact_challenge", "practice_password"), ("letter", "pdf")),
        "outbox": (("outbox_message", "content"), ("outbox_message", "final")),
    }
)
"""Table and column of all that is sealed with a ring that rotates. Here a key is looked for before it is destroyed, so
nothing is sealed for any other place."""
PASSING = ("login_session", "parked")
"""A form that waits inside a session, with the ring `outbox`. It lives shorter than a key is kept: not looked for."""
SEALING_RINGS = tuple(SEALED)
LASTING_RINGS = ("mac", "session", "totp", "checkpoint", "bsn", "bsn_index")


class SealBroken(Exception):
    """The blob was changed or moved, or its ring key is gone."""


@dataclass(frozen=True)
class RingKey:
    """One 256-bit key of a ring and when it was made."""

    id: bytes
    key: bytes = field(repr=False)
    made_at: datetime


@dataclass(frozen=True)
class Place:
    """Where a sealed value stands: the associated data of its seal."""

    table: str
    column: str
    row: UUID

    def encode(self) -> bytes:
        """Return the place as bytes, as JSON so that no two places share an encoding."""
        return json.dumps([VERSION, self.table, self.column, str(self.row)]).encode()


class Rings:
    """The folder of key rings, one JSON file each, readable and writable by the service's user only.

    Several processes, also of machines that share the folder, may use it at once: a ring is replaced as a whole, by
    whoever holds the lock, and read again by everybody when its file is another one.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder; nothing is read yet."""
        self.folder = folder
        # Joined once: that takes three times as long as looking at the file, and each seal and each MAC looks.
        self._paths = {name: folder / f"{name}.json" for name in (*SEALING_RINGS, *LASTING_RINGS)}
        self._rings: dict[str, tuple[_Mark, list[RingKey]]] = {}

    @classmethod
    def create(cls, folder: Path) -> "Rings":
        """Make every ring that is not there yet with one fresh key, and return the folder's rings."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        rings = cls(folder)
        with rings.alone("write"):
            for name in (*SEALING_RINGS, *LASTING_RINGS):
                if not rings.path(name).exists():
                    rings._write(name, [fresh_key()])
        return rings

    def path(self, name: str) -> Path:
        """Return the file of a ring."""
        return self._paths[name]

    def keys(self, name: str) -> list[RingKey]:
        """Return a ring's keys as they are now, newest first. Raises FileNotFoundError when the ring is missing."""
        mark, keys = self._rings.get(name, (None, []))
        return keys if mark == _mark(self.path(name).stat()) else self._read(name)

    def key(self, name: str, key_id: bytes) -> RingKey:
        """Return a key by id. Raises SealBroken when the ring does not have it."""
        # Read again before giving up: a network folder may show another machine's change a minute late, but not to
        # whoever opens the file.
        for attempt in (self.keys, self._read):
            for key in attempt(name):
                if key.id == key_id:
                    return key
        raise SealBroken(f"ring {name} has no key {key_id.hex()}")

    def add_key(self, name: str, key: RingKey | None = None) -> None:
        """Put a key (default: a fresh one) at the head of a ring: from now on it seals, older ones only open."""
        with self.alone("write"):
            self._write(name, [key or fresh_key(), *self._read(name)])

    def rotate(self) -> None:
        """Give each sealing ring a fresh key whose newest one has sealed for a week."""
        for name in SEALING_RINGS:
            self._rotate(name)

    def _rotate(self, name: str) -> None:
        if not rotation.due(self.keys(name)[0].made_at, clock.now()):
            return
        with self.alone("write"):
            keys = self._read(name)  # somebody may have been faster
            if rotation.due(keys[0].made_at, clock.now()):
                self._write(name, [fresh_key(), *keys])

    def old_keys(self, name: str) -> dict[bytes, bool]:
        """Return by id the keys that may be destroyed when nothing needs them, and whether they must be in any case."""
        keys = self._read(name)
        return {keys[n].id: must for n, must in rotation.old([key.made_at for key in keys], clock.now()).items()}

    def destroy(self, name: str, key_ids: Collection[bytes]) -> None:
        """Take keys out of a ring, for ever; the one that seals stays."""
        with self.alone("write"):
            newest, *older = self._read(name)
            self._write(name, [newest, *(key for key in older if key.id not in key_ids)])

    @contextmanager
    def alone(self, purpose: str, *, wait: bool = True) -> Iterator[int]:
        """Let one process at a time do something with the rings; gives the descriptor of the lock's file.

        Raises BlockingIOError when somebody else is at it and `wait` is False.
        """
        descriptor = os.open(self.folder / f".{purpose}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield descriptor
        finally:
            os.close(descriptor)

    def _read(self, name: str) -> list[RingKey]:
        with self.path(name).open() as file:
            mark = _mark(os.fstat(file.fileno()))
            entries: list[Mapping[str, str]] = json.load(file)
        keys = [
            RingKey(bytes.fromhex(e["id"]), base64.b64decode(e["key"]), datetime.fromisoformat(e["made_at"]))
            for e in entries
        ]
        self._rings[name] = mark, keys
        return keys

    def _write(self, name: str, keys: list[RingKey]) -> None:
        text = json.dumps(
            [
                {"id": k.id.hex(), "key": base64.b64encode(k.key).decode(), "made_at": k.made_at.isoformat()}
                for k in keys
            ],
            indent=1,
        )
        # Written beside and renamed: a crash leaves the old ring or the new one, never half a file. The name is fixed:
        # what a crash left there is overwritten before any key in it is destroyed.
        beside = self.folder / f".{name}.new"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path(name))
        # The new name must be on the disk before anything that this key seals is.
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def seal(self, ring: str, clear: bytes, place: Place) -> bytes:
        """Return `clear` sealed with the newest key of a ring, bound to its place; a ring that is due rotates first.

        Raises ValueError for a place of which nobody would know that it needs its key.
        """
        if ring in SEALED:
            if (place.table, place.column) not in (*SEALED[ring], PASSING):
                raise ValueError(f"{place.table}.{place.column} is not among the columns of ring {ring}: see SEALED")
            self._rotate(ring)
        key = self.keys(ring)[0]
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return bytes([VERSION]) + key.id + nonce + AESGCMSIV(key.key).encrypt(nonce, clear, place.encode())

    def unseal(self, ring: str, blob: bytes, place: Place) -> bytes:
        """Return the clear bytes of a blob. Raises SealBroken when it was changed, moved, or its key is destroyed."""
        key_id, rest = blob[1 : 1 + _ID_BYTES], blob[1 + _ID_BYTES :]
        if blob[:1] != bytes([VERSION]):
            raise SealBroken("unknown version of a seal")
        key = self.key(ring, key_id)
        try:
            return AESGCMSIV(key.key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: cut off, shorter than nonce and tag
            raise SealBroken("the seal does not fit") from error

    def mac(self, purpose: str, *parts: str, ring: str = "mac") -> bytes:
        """Return `key id (4 bytes) | HMAC-SHA-256` over purpose and parts, each length-prefixed by JSON."""
        return _mac(self.keys(ring)[0], purpose, parts)

    def macs(self, purpose: str, *parts: str, ring: str) -> list[bytes]:
        """Return the MAC by every key of a ring, newest first: what was stored is found whichever of them made it."""
        return [_mac(key, purpose, parts) for key in self.keys(ring)]

    def mac_fits(self, mac: bytes, purpose: str, *parts: str) -> bool:
        """Tell, in constant time, whether a MAC made by `mac` belongs to these parts."""
        return mac_fits_by(self.key("mac", key_id_of(mac)), mac, purpose, *parts)


def key_id_of(mac: bytes) -> bytes:
    """Return the id of the key that a MAC says it was made with."""
    return mac[:_ID_BYTES]


def mac_fits_by(key: RingKey, mac: bytes, purpose: str, *parts: str) -> bool:
    """Tell what `Rings.mac_fits` tells, with the key in hand: for who checks many."""
    return hmac.compare_digest(mac, _mac(key, purpose, parts))


def _mac(key: RingKey, purpose: str, parts: tuple[str, ...]) -> bytes:
    # The JSON of a list of texts, each quoted by the quicker half of `json.dumps`.
    encoded = f"[{', '.join(map(encode_basestring_ascii, (purpose, *parts)))}]"
    return key.id + hmac.digest(key.key, encoded.encode(), "sha256")


# Inode, moment of change and size of a file: it is another one when any of them is.
_Mark = tuple[int, int, int]


def _mark(stat: os.stat_result) -> _Mark:
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def fresh_key() -> RingKey:
    """Return a new key, which is in no ring yet."""
    return RingKey(secrets.token_bytes(_ID_BYTES), secrets.token_bytes(32), clock.now())
