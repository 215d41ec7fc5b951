"""The BSN: sealed to be shown, and digested under a key to be found. It stands in clear nowhere.

Two rings of their own: `bsn` seals; `bsn_index` makes the digest by which a person is found, and the pseudonym by which
the processing log names him. Nine digits are soon guessed by whoever has that ring, so nothing else is made with it.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from keyservice import settings
from keyservice.kernel.seal import Place
from keyservice.kernel.secret import Secret

RING, INDEX_RING = "bsn", "bsn_index"
TABLE, COLUMN = "inburgeraar", "bsn"
_FIND, _PSEUDONYM, _MESSAGE = "inburgeraar", "verwerking", "bericht"


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


def macs_of_message(parts: Iterable[tuple[Secret | None, Sequence[str]]]) -> list[bytes]:
    """Return what may be stored of a message: MACs over each BSN and what is said of him, newest ring key first."""
    texts = [text for number, said in parts for text in (number.reveal() if number else "", *said)]
    return settings.rings().macs(_MESSAGE, *texts, ring=INDEX_RING)
