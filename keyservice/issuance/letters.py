"""What relatiebeheerders do with the letter that carries a password: open once, post, report what went wrong."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from keyservice import audit
from keyservice.accounts.queries import names
from keyservice.database import db, transaction
from keyservice.issuance import events, queries, steps
from keyservice.issuance.messages import Told
from keyservice.issuance.models import End, Issuance
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, NotFound, Refused
from keyservice.kernel.seal import SealBroken
from keyservice.outbox import letters
from keyservice.outbox.models import Letter, LetterStatus
from keyservice.web.dates import datumtijd

# From where each can be reported, and its event. Who forgot to say that a letter was posted can still get it back.
FAILURES: Mapping[LetterStatus, tuple[frozenset[LetterStatus], audit.EventType]] = MappingProxyType(
    {
        LetterStatus.FAILED: (frozenset({LetterStatus.WAITING, LetterStatus.OPENED}), events.LETTER_FAILED),
        LetterStatus.RETURNED: (frozenset({LetterStatus.OPENED, LetterStatus.POSTED}), events.LETTER_RETURNED),
    }
)


def open_letter(actor: Actor, letter_id: UUID) -> bytes:
    """Return the PDF of a letter to who prints it, this once (I7); from now on nobody can see it any more.

    Raises NotFound, Refused (role, the issuer himself) or Conflict (ended, opened already: says who and when; its ring
    key destroyed).
    """
    with transaction():
        letter, issuance = _to_handle(actor, letter_id)
        if clock.now() >= issuance.deadline:
            raise Conflict("issuance-ended", back=_page(letter_id))
        if actor.person == letter.maker:
            raise Refused("own-letter", back=_page(letter_id))
        if letter.status is not LetterStatus.WAITING:
            raise _opened(letter)
        steps.require_independent(issuance)
        try:
            pdf = letters.unsealed(letter)
        except SealBroken:
            raise Conflict("letter-broken", back=_page(letter_id)) from None
        _move(letter, LetterStatus.OPENED, opened_at=clock.now(), opened_by=actor.person)
        _record(events.LETTER_OPENED, actor, letter_id, issuance)
        return pdf


def mark_posted(actor: Actor, letter_id: UUID) -> None:
    """Note that a printed letter went to the post; both contacts are told. Raises NotFound, Refused or Conflict."""
    with transaction():
        letter, issuance = _to_handle(actor, letter_id)
        if letter.status is not LetterStatus.OPENED:
            raise Conflict("letter-not-open", back=_page(letter_id))
        _move(letter, LetterStatus.POSTED, posted_at=clock.now(), posted_by=actor.person)
        _record(events.LETTER_POSTED, actor, letter_id, issuance)
        steps.tell(Told.POSTED, issuance)


def fail(actor: Actor, letter_id: UUID, how: LetterStatus, reason: str) -> UUID:
    """End a delivery whose letter failed in printing or came back, and return its aanvraag.

    The key is revoked, both contacts are told. Raises NotFound, Refused or Conflict.
    """
    possible, event = FAILURES[how]
    with transaction():
        letter, issuance = _to_handle(actor, letter_id)
        if letter.status not in possible:
            raise Conflict("letter-not-open", back=_page(letter_id))
        _move(letter, how)
        steps.end(actor, issuance, End.CANCELLED)
        _record(event, actor, letter_id, issuance, reason=reason)
        steps.tell(Told.LETTER_FAILED, issuance)
        return issuance.aanvraag_id


def _to_handle(actor: Actor, letter_id: UUID) -> tuple[Letter, Issuance]:
    """Return a letter whose delivery has not ended, both locked. Raises NotFound, Refused or Conflict."""
    actor.require(Role.RELATIEBEHEERDER)
    letter = queries.letter(letter_id)
    if letter is None:
        raise NotFound("letter")
    # The delivery first, as every act that ends it does.
    issuance = queries.issuance_for(actor, letter.subject, lock=True)
    db.session.refresh(letter, with_for_update=True)
    if issuance.ended_at is not None:
        raise Conflict("issuance-ended", back=_page(letter_id))
    return letter, issuance


def _opened(letter: Letter) -> Conflict:
    who = names([letter.opened_by]).get(letter.opened_by or letter.id, "")
    return Conflict("letter-opened", who=who, when=datumtijd(letter.opened_at), back=_page(letter.id))


def _move(letter: Letter, status: LetterStatus, **values: object) -> None:
    if not letters.change(letter.id, Letter.status == letter.status, status, **values):
        raise Conflict("changed-meanwhile", back=_page(letter.id))


def _page(letter_id: UUID) -> str:
    return f"/brieven/{letter_id}"


def _record(event: audit.EventType, actor: Actor, letter_id: UUID, issuance: Issuance, **values: Any) -> None:
    aanvraag = issuance.aanvraag
    audit.record(event, actor, dossier=aanvraag.id, subject=letter_id, gemeente=aanvraag.gemeente, **values)
