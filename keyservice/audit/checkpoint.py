"""A checkpoint: the size and the root of the tree, signed. The form is that of C2SP (tlog-checkpoint, signed-note).

Three lines: the origin (which log), how many leaves, the root in base64; an empty line; and a line with a dash, the
origin, and in base64 the id of a key (4 bytes) with its Ed25519 signature over the three lines.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from keyservice.audit.tree import HASH_BYTES

_ED25519 = b"\1"  # the kind of key in C2SP signed-note
_ID_BYTES = 4
_LINE_CHARACTERS = 20  # of base32, 5 bits each: 100 bits of the root
_FORM = re.compile(
    r"(?P<body>(?P<origin>[^\n]+)\n(?P<size>0|[1-9][0-9]*)\n(?P<root>[A-Za-z0-9+/=]+)\n)"
    r"\n\u2014 (?P<name>[^ \n]+) (?P<signature>[A-Za-z0-9+/=]+)\n"
)
# A size of at most 18 digits: a database holds no larger number.
_CONTROL_LINE = re.compile(r"(?P<size>0|[1-9][0-9]{0,17})-(?P<root>[a-z2-7]{20})")


class CheckpointBroken(Exception):
    """No checkpoint, or not one of this log."""


@dataclass(frozen=True)
class Checkpoint:
    """A tree of `size` leaves has this root; `text` says so, signed."""

    origin: str
    size: int
    root: bytes
    text: str

    @property
    def control_line(self) -> str:
        """Return what stands in mails and letters, e.g. `42-vtu4b2…`: size and 20 base32 characters of the root."""
        return control_line(self.size, self.root)


def control_line(size: int, root: bytes) -> str:
    """Return size and first 100 bits of a root in base32 (RFC 4648), lower case."""
    return f"{size}-{base64.b32encode(root).decode()[:_LINE_CHARACTERS].lower()}"


def parse_control_line(typed: str) -> tuple[int, str]:
    """Return the size, and the characters of the root, of a control line; spaces and case do not count.

    Raises CheckpointBroken.
    """
    found = _CONTROL_LINE.fullmatch("".join(typed.split()).lower())
    if found is None:
        raise CheckpointBroken("not a control line")
    return int(found["size"]), found["root"]


def sign(origin: str, size: int, root: bytes, key: Ed25519PrivateKey) -> Checkpoint:
    """Return the signed checkpoint of a tree."""
    return Checkpoint(origin, size, root, note(origin, f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n", key))


def read(text: str, *keys: Ed25519PublicKey) -> Checkpoint:
    """Return a checkpoint that one of these keys has signed. Raises CheckpointBroken."""
    found = _match(text)
    require_signed(found["origin"], found["body"], found["signature"], *keys)
    return parse(text)


def parse(text: str) -> Checkpoint:
    """Return what a text says that was found to be signed before. Raises CheckpointBroken."""
    found = _match(text)
    return Checkpoint(found["origin"], int(found["size"]), parse_root(found["root"]), text)


def _match(text: str) -> re.Match[str]:
    found = _FORM.fullmatch(text)
    if found is None or found["name"] != found["origin"]:
        raise CheckpointBroken("not in the form of a checkpoint")
    return found


def note(origin: str, body: str, key: Ed25519PrivateKey) -> str:
    """Return a text of whole lines with its signature (C2SP signed-note)."""
    signed = key_id(origin, key.public_key()) + key.sign(body.encode())
    return f"{body}\n\u2014 {origin} {base64.b64encode(signed).decode()}\n"


def require_signed(origin: str, body: str, signature: str, *keys: Ed25519PublicKey) -> None:
    """Raise CheckpointBroken unless one of these keys has signed the text."""
    signed = _bytes(signature)
    for key in keys:
        if key_id(origin, key) == signed[:_ID_BYTES] and _signed(key, signed[_ID_BYTES:], body):
            return
    raise CheckpointBroken("not signed by a key of this log")


def parse_root(text: str) -> bytes:
    """Return a root from its base64. Raises CheckpointBroken."""
    root = _bytes(text)
    if len(root) != HASH_BYTES:
        raise CheckpointBroken("the root is not 32 bytes long")
    return root


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise CheckpointBroken("not in base64") from None


def key_id(origin: str, key: Ed25519PublicKey) -> bytes:
    """Return the 4 bytes by which a signature names its key (C2SP signed-note)."""
    return hashlib.sha256(origin.encode() + b"\n" + _ED25519 + key.public_bytes_raw()).digest()[:_ID_BYTES]


def verifier_key(origin: str, key: Ed25519PublicKey) -> str:
    """Return the public key in the form of C2SP signed-note: `origin+key id+base64`."""
    raw = base64.b64encode(_ED25519 + key.public_bytes_raw()).decode()
    return f"{origin}+{key_id(origin, key).hex()}+{raw}"


def _signed(key: Ed25519PublicKey, signature: bytes, body: str) -> bool:
    try:
        key.verify(signature, body.encode())
    except InvalidSignature:
        return False
    return True
