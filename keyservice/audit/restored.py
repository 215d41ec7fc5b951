"""The line in the file outside that says: two people accepted an older database, and the history goes on from there.

A note signed as checkpoints are (C2SP signed-note). Its lines: the origin with `/restored`, size and root of the file
until then, size and root of the database that was put back. No checkpoint has this form, and the other way round.
"""

import base64
import re
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from keyservice.audit.checkpoint import CheckpointBroken, note, parse_root, require_signed

_FORM = re.compile(
    r"(?P<body>(?P<origin>[^\n]+)/restored\n(?P<old_size>[1-9][0-9]*)\n(?P<old_root>[A-Za-z0-9+/=]+)\n"
    r"(?P<size>[1-9][0-9]*)\n(?P<root>[A-Za-z0-9+/=]+)\n)\n\u2014 (?P<name>[^ \n]+) (?P<signature>[A-Za-z0-9+/=]+)\n"
)


@dataclass(frozen=True)
class Restored:
    """From a tree of `old_size` leaves back to one of `size`, and what their roots were."""

    old_size: int
    old_root: bytes
    size: int
    root: bytes


def sign(origin: str, restored: Restored, key: Ed25519PrivateKey) -> str:
    """Return the signed text."""
    old_root, root = (base64.b64encode(root).decode() for root in (restored.old_root, restored.root))
    return note(origin, f"{origin}/restored\n{restored.old_size}\n{old_root}\n{restored.size}\n{root}\n", key)


def read(text: str, *keys: Ed25519PublicKey) -> Restored:
    """Return what a text says that one of these keys has signed. Raises CheckpointBroken."""
    found = _FORM.fullmatch(text)
    if found is None or found["name"] != found["origin"]:
        raise CheckpointBroken("not in the form of an accepted restore")
    require_signed(found["origin"], found["body"], found["signature"], *keys)
    roots = parse_root(found["old_root"]), parse_root(found["root"])
    return Restored(int(found["old_size"]), roots[0], int(found["size"]), roots[1])
