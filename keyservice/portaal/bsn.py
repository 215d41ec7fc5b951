"""The BSN: sealed to be shown, and digested under a key to be found. It stands in clear nowhere.

Two rings of their own: `bsn` seals; `bsn_index` makes the digest by which a person is found, and the pseudonym by which
the processing log names him. Nine digits are soon guessed by whoever has that ring, so nothing else is made with it.
"""

from uuid import UUID

from keyservice import settings
from keyservice.kernel.seal import Place
from keyservice.kernel.secret import Secret

RING, INDEX_RING = "bsn", "bsn_index"
TABLE, COLUMN = "inburgeraar", "bsn"
_FIND, _PSEUDONYM = "inburgeraar", "verwerking"


def _place(row: UUID) -> Place:
    return Place(TABLE, COLUMN, row)


def seal(bsn: Secret, row: UUID) -> bytes:
    """Return a BSN as the row of its person keeps it."""
    return settings.rings().seal(RING, bsn.reveal().encode(), _place(row))


def unseal(blob: bytes, row: UUID) -> Secret:
    """Return the BSN that was sealed for a row. Raises SealBroken."""
    return Secret(settings.rings().unseal(RING, blob, _place(row)).decode())


def masked(bsn: Secret) -> str:
    """Return the last three digits: enough to compare with a paper in hand."""
    return f"••••••{bsn.reveal()[-3:]}"


def digest(bsn: Secret) -> bytes:
    """Return what is stored to find a BSN by."""
    return settings.rings().mac(_FIND, bsn.reveal(), ring=INDEX_RING)


def digests(bsn: Secret) -> list[bytes]:
    """Return what may be stored for a BSN: one per key of the ring."""
    return settings.rings().macs(_FIND, bsn.reveal(), ring=INDEX_RING)


def pseudonym(bsn: Secret) -> bytes:
    """Return the name of a person in the processing log; it leads to no digest, and no digest to it."""
    return settings.rings().mac(_PSEUDONYM, bsn.reveal(), ring=INDEX_RING)


def pseudonyms(bsn: Secret) -> list[bytes]:
    """Return every name that a person may have in the processing log: one per key of the ring."""
    return settings.rings().macs(_PSEUDONYM, bsn.reveal(), ring=INDEX_RING)
