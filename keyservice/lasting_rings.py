"""The keys of the lasting rings: an operator adds one, seals anew what can be, and retires an old one (ADR 30).

What was proved with an old key stays proved: a MAC, a seal and a signature each name their key. So an old key goes only
when nothing names it any more. A MAC cannot be made anew without what it is of, and an event is never written again:
the keys of `mac` and `checkpoint` that were used at all stay.
"""

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import func, select, update

from keyservice import audit, settings
from keyservice.accounts import totp
from keyservice.accounts.models import Account
from keyservice.audit import sealer
from keyservice.audit.checkpoint import key_id as signature_id
from keyservice.audit.models import AuditCheckpoint
from keyservice.database import Base, db, execute_count, table_of, transaction
from keyservice.issuance import events, ring_keys
from keyservice.kernel.actor import CLI
from keyservice.kernel.rotation import KEPT_FOR
from keyservice.kernel.seal import ID_IN_BLOB, SEALED, SealBroken, fresh_key
from keyservice.portaal import bsn, bsn_rings
from keyservice.portaal.models import Inburgeraar, MachineMessage, ProcessingLog

MACS = (
    ("audit_event", "mac"),
    ("sleutel", "mac"),
    ("asking_system", "mac"),
    ("issuance", "activation_mac"),
    ("contact_challenge", "code_mac"),
    ("invitation", "code_mac"),
    ("registration", "mac"),
)
"""Table and column of every MAC; recovery codes stand in a list of an account, as hex."""
_ID = slice(ID_IN_BLOB[0] - 1, sum(ID_IN_BLOB) - 1)
_ID_OF_MAC = (1, ID_IN_BLOB[1])


class KeyStays(Exception):
    """A key may not go; the message says why."""


def rotate(ring: str) -> bytes:
    """Give a lasting ring a fresh key, which is used from now on by every process; return its id."""
    rings, key = settings.rings(), fresh_key()
    # The event first: after a crash in between there is one that led to no key, but never a key without its event.
    with transaction():
        audit.record(events.RING_ROTATED, CLI, ring=ring, key=key.id.hex(), previous=rings.keys(ring)[0].id.hex())
    rings.add_key(ring, key)
    return key.id


def reseal(ring: str) -> tuple[int, int]:
    """Make everything of a ring anew with its newest key: secrets of apps, sealed BSNs, digests of BSNs.

    Return how many were, and how many do not open: those were changed in the database, and stay as they are.
    """
    newest = settings.rings().keys(ring)[0].id
    with transaction():
        done, broken = _RESEAL[ring](newest)
        audit.record(events.RING_RESEALED, CLI, ring=ring, key=newest.hex(), values=done)
    return done, broken


def _reseal_apps(newest: bytes) -> tuple[int, int]:
    done = broken = 0
    for account_id, sealed in _apps():
        if base64.b64decode(sealed)[_ID] == newest:
            continue
        try:
            fresh = totp.seal(account_id, totp.reveal(account_id, sealed))
        except SealBroken:
            broken += 1
            continue
        # Somebody may enrol another app at this moment.
        seen = (Account.id == account_id, Account.tf_totp_secret == sealed)
        done += execute_count(update(Account).where(*seen).values(tf_totp_secret=fresh))
    return done, broken


def retire(ring: str, key_id: bytes) -> None:
    """Destroy an old key of a lasting ring, for ever. Raises KeyStays while it may still be needed."""
    rings = settings.rings()
    with rings.alone("destroy"):
        ids = [key.id for key in rings.keys(ring)]
        if key_id not in ids:
            raise KeyStays(f"ring {ring} has no such key")
        if key_id == ids[0]:
            raise KeyStays(f"it is the one that ring {ring} uses: rotate first")
        # As for the sealing rings: an act that used it may not have ended yet, nor a session in which a form waits.
        if key_id not in rings.old_keys(ring):
            raise KeyStays(f"it was replaced less than {KEPT_FOR.days * 24} hours ago")
        if needing := users(ring)[key_id]:
            raise KeyStays(f"{needing} rows need it")
        with transaction():
            audit.record(events.RING_KEY_DESTROYED, CLI, ring=ring, key=key_id.hex(), values=0)
        rings.destroy(ring, [key_id])


def users(ring: str) -> Counter[bytes]:
    """Return how many rows need each key of any ring."""
    return ring_keys.users(ring) if ring in SEALED else _COUNTS[ring]()


def _macs() -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    for table, name in MACS:
        found += ring_keys.count_ids(Base.metadata.tables[table].c[name], _ID_OF_MAC)
    codes = select(Account.mf_recovery_codes).where(Account.mf_recovery_codes.is_not(None))
    for row in db.session.scalars(codes):
        found.update(bytes.fromhex(mac)[: ID_IN_BLOB[1]] for mac in row or ())
    return found


def _apps() -> Sequence[tuple[UUID, str]]:
    rows = db.session.execute(select(Account.id, Account.tf_totp_secret)).all()
    return [(account_id, sealed) for account_id, sealed in rows if sealed]


def _totp() -> Counter[bytes]:
    return Counter(base64.b64decode(sealed)[_ID] for _account, sealed in _apps())


def _checkpoints() -> Counter[bytes]:
    """Count by the first characters of a signature: its key."""
    found: Counter[bytes] = Counter()
    for key, public in zip(settings.rings().keys(sealer.RING), sealer.public_keys(), strict=True):
        # 4 bytes are 32 bits; 5 characters of base64 hold the first 30 of them.
        first = base64.b64encode(signature_id(sealer.origin(), public)).decode()[:5]
        signed = AuditCheckpoint.text.contains(f"\n\N{EM DASH} {sealer.origin()} {first}", autoescape=True)
        found[key.id] = db.session.scalar(select(func.count()).select_from(AuditCheckpoint).where(signed)) or 0
    return found


def _sealed_bsns() -> Counter[bytes]:
    return ring_keys.count_ids(table_of(Inburgeraar).c.bsn, ID_IN_BLOB)


def _digested_bsns() -> Counter[bytes]:
    """Count digests, which can be made anew, and what goes after its term: pseudonyms in the log, and answers.

    Without the key of its answer a message that a machine sends again would look like another one with the same name.
    """
    digests = ring_keys.count_ids(table_of(Inburgeraar).c.bsn_digest, _ID_OF_MAC)
    looks = ring_keys.count_ids(table_of(ProcessingLog).c.data_subject_id, _ID_OF_MAC)
    return digests + looks + ring_keys.count_ids(table_of(MachineMessage).c.mac, _ID_OF_MAC)


def _nobody() -> Counter[bytes]:
    return Counter()  # open forms carry its signature; they do not outlive their session, and no row holds any


_COUNTS: Mapping[str, Callable[[], Counter[bytes]]] = MappingProxyType(
    {
        "mac": _macs,
        "session": _nobody,
        totp.RING: _totp,
        sealer.RING: _checkpoints,
        bsn.RING: _sealed_bsns,
        bsn.INDEX_RING: _digested_bsns,
    }
)
_RESEAL: Mapping[str, Callable[[bytes], tuple[int, int]]] = MappingProxyType(
    {totp.RING: _reseal_apps, bsn.RING: bsn_rings.seal_anew, bsn.INDEX_RING: bsn_rings.digest_anew}
)
RESEALED = tuple(_RESEAL)
"""The rings of which all, or all but what has a term, can be made anew."""
