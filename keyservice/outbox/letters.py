"""Letters that wait for a person who prints and posts them: stored once, sealed, opened once, wiped."""

from uuid import UUID

from sqlalchemy import ColumnElement, select, update

from keyservice import audit, settings
from keyservice.database import db, exclusive, execute_count, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER
from keyservice.kernel.seal import Place
from keyservice.outbox.events import LETTER_READY
from keyservice.outbox.models import Delivery, Letter, LetterStatus, OutboxMessage

# The letter holds a password: it becomes unreadable with the ring of the passwords.
RING = "password"


def store(message_id: UUID, *, number: str, subject: UUID, maker: UUID, pdf: bytes) -> None:
    """Keep a letter for printing, unless its message was taken back meanwhile; a repeat after a crash does nothing."""
    with transaction() as session:
        message = session.get(OutboxMessage, message_id)
        if message is None or message.dossier is None:
            return
        dossier = message.dossier
        exclusive(str(dossier))  # the lock of its events first, as the acts that end a delivery take it
        session.refresh(message, with_for_update=True)
        stored = session.scalar(select(Letter.id).where(Letter.id == message_id))
        if stored or message.status is not Delivery.SENDING:
            return
        now = clock.now()
        session.add(
            Letter(
                id=message_id,
                subject=subject,
                dossier=dossier,
                number=number,
                maker=maker,
                status=LetterStatus.WAITING,
                status_since=now,
                pdf=settings.rings().seal(RING, pdf, _place(message_id)),
                ready_at=now,
            )
        )
        audit.record(LETTER_READY, WORKER, dossier=dossier, subject=message_id, number=number)


def unsealed(letter: Letter) -> bytes:
    """Return the PDF of a letter that was not opened yet. Raises SealBroken."""
    return settings.rings().unseal(RING, letter.pdf or b"", _place(letter.id))


def change(letter_id: UUID, seen: ColumnElement[bool], status: LetterStatus, **values: object) -> bool:
    """Move a letter by compare-and-swap, in the transaction of an act; from now on nobody can open it any more."""
    moved = {"status": status, "status_since": clock.now(), "reminders": 0, "pdf": None, **values}
    return bool(execute_count(update(Letter).where(Letter.id == letter_id, seen).values(**moved)))


def stop(subject: UUID) -> None:
    """Destroy the letter of a subject that nobody has opened, in the transaction of the act that ends it."""
    waiting = db.session.scalar(
        select(Letter.id).where(Letter.subject == subject, Letter.status == LetterStatus.WAITING)
    )
    if waiting:
        change(waiting, Letter.status == LetterStatus.WAITING, LetterStatus.STOPPED)


def _place(letter_id: UUID) -> Place:
    return Place(Letter.__tablename__, "pdf", letter_id)
