"""Sealing of secrets at rest: AES-256-GCM-SIV (RFC 8452) with key rings that live outside the database.

A blob is `version (1 byte) | key id (4) | nonce (12) | ciphertext and tag`. Associated data binds it to the version,
table, column and row, so that a blob moved elsewhere does not open. A ring is a JSON file with its newest key first.
"""

import base64
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from keyservice.kernel import clock

VERSION = 1
_ID_BYTES = 4
_NONCE_BYTES = 12
SEALING_RINGS = ("zip", "password", "outbox")
LASTING_RINGS = ("mac", "session", "totp", "checkpoint")


class SealBroken(Exception):
    """The blob was changed or moved, or its ring key is gone."""


@dataclass(frozen=True)
class RingKey:
    """One 256-bit key of a ring and when it was made."""

    id: bytes
    key: bytes
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
    """The folder of key rings, one JSON file each, readable by the service's user only."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; nothing is read yet."""
        self.folder = folder
        self._rings: dict[str, list[RingKey]] = {}

    @classmethod
    def create(cls, folder: Path) -> "Rings":
        """Make every ring that is not there yet with one fresh key, and return the folder's rings."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        rings = cls(folder)
        for name in (*SEALING_RINGS, *LASTING_RINGS):
            if not rings.path(name).exists():
                rings.add_key(name)
        return rings

    def path(self, name: str) -> Path:
        """Return the file of a ring."""
        return self.folder / f"{name}.json"

    def keys(self, name: str) -> list[RingKey]:
        """Return a ring's keys, newest first. Raises FileNotFoundError when the ring is missing."""
        if name not in self._rings:
            self._rings[name] = self._read(name)
        return self._rings[name]

    def key(self, name: str, key_id: bytes) -> RingKey:
        """Return a key by id; reads the file again when another process may have added it. Raises SealBroken."""
        for attempt in (self.keys, self._read):
            keys = attempt(name)
            for key in keys:
                if key.id == key_id:
                    self._rings[name] = keys
                    return key
        message = f"ring {name} has no key {key_id.hex()}"
        raise SealBroken(message)

    def add_key(self, name: str) -> None:
        """Put a fresh key at the head of a ring: from now on it seals, older ones only open."""
        existing = self._read(name) if self.path(name).exists() else []
        fresh = RingKey(secrets.token_bytes(_ID_BYTES), secrets.token_bytes(32), clock.now())
        self._write(name, [fresh, *existing])

    def _read(self, name: str) -> list[RingKey]:
        entries: list[Mapping[str, str]] = json.loads(self.path(name).read_text())
        return [
            RingKey(bytes.fromhex(e["id"]), base64.b64decode(e["key"]), datetime.fromisoformat(e["made_at"]))
            for e in entries
        ]

    def _write(self, name: str, keys: list[RingKey]) -> None:
        text = json.dumps(
            [
                {"id": k.id.hex(), "key": base64.b64encode(k.key).decode(), "made_at": k.made_at.isoformat()}
                for k in keys
            ],
            indent=1,
        )
        # Written beside and renamed: a crash leaves the old ring or the new one, never half a file.
        beside = self.folder / f".{name}.{secrets.token_hex(4)}"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path(name))
        self._rings[name] = keys

    def seal(self, ring: str, clear: bytes, place: Place) -> bytes:
        """Return `clear` sealed with the newest key of a ring, bound to its place."""
        key = self.keys(ring)[0]
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return bytes([VERSION]) + key.id + nonce + AESGCMSIV(key.key).encrypt(nonce, clear, place.encode())

    def unseal(self, ring: str, blob: bytes, place: Place) -> bytes:
        """Return the clear bytes of a blob. Raises SealBroken when it was changed, moved, or its key is destroyed."""
        key_id, rest = blob[1 : 1 + _ID_BYTES], blob[1 + _ID_BYTES :]
        if blob[:1] != bytes([VERSION]):
            message = "unknown version of a seal"
            raise SealBroken(message)
        key = self.key(ring, key_id)
        try:
            return AESGCMSIV(key.key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: cut off, shorter than nonce and tag
            message = "the seal does not fit"
            raise SealBroken(message) from error

    def mac(self, purpose: str, *parts: str) -> bytes:
        """Return `key id (4 bytes) | HMAC-SHA-256` over purpose and parts, each length-prefixed by JSON."""
        key = self.keys("mac")[0]
        return key.id + _hmac(key, purpose, parts)

    def mac_fits(self, mac: bytes, purpose: str, *parts: str) -> bool:
        """Tell, in constant time, whether a MAC made by `mac` belongs to these parts."""
        key = self.key("mac", mac[:_ID_BYTES])
        return hmac.compare_digest(mac[_ID_BYTES:], _hmac(key, purpose, parts))


def _hmac(key: RingKey, purpose: str, parts: tuple[str, ...]) -> bytes:
    return hmac.digest(key.key, json.dumps([purpose, *parts]).encode(), "sha256")
