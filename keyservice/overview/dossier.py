"""Everything about one aanvraag, for relatiebeheerders and auditors, and what this person may do with it now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from keyservice.aanvragen.content import Section, content_hash
from keyservice.aanvragen.models import Aanvraag, Approval, Note
from keyservice.aanvragen.queries import current_content, notes, valid_approval
from keyservice.aanvragen.review import lacking, names_equal
from keyservice.aanvragen.review_forms import ACTS, LACKING, Act
from keyservice.aanvragen.summary import sections
from keyservice.aanvragen.workflow import OPEN, Status, Step, possible
from keyservice.accounts.queries import names
from keyservice.audit.queries import EventView
from keyservice.audit.queries import of_dossier as events_of
from keyservice.contacts.models import Contact
from keyservice.gemeenten.queries import gemeente
from keyservice.issuance import overlap
from keyservice.issuance.eligibility import may_renew, replaced
from keyservice.issuance.leaver_queries import Leaver, keys_of_leavers
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.queries import letters_of, of_aanvraag
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.outbox.models import Letter, OutboxMessage
from keyservice.outbox.queries import of_dossier as messages_of
from keyservice.overview.key_buttons import KeyActs, key_acts
from keyservice.overview.remedies import undelivered


@dataclass(frozen=True)
class Acts:
    """What this person may do now. `review` are acts by the last part of their address; `letter` is one to handle."""

    review: tuple[tuple[str, Act], ...] = ()
    approve: bool = False
    issue: bool = False
    stop_four_eyes: bool = False
    resend: bool = False
    release: bool = False
    cancel: bool = False
    reissue: bool = False
    letter: UUID | None = None
    renew: bool = False
    note: bool = False
    download: bool = False

    @property
    def any(self) -> bool:
        """Tell whether there is a button about the aanvraag itself."""
        return bool(self.review or self.approve or self.issue or self.stop_four_eyes)


@dataclass(frozen=True)
class Dossier:
    """What the dossier page shows. `changed` says that the content is no longer what was approved."""

    aanvraag: Aanvraag
    rows: Sequence[tuple[str, str, None, None]]
    contacts: Sequence[tuple[str, Contact, bool]]
    lacking: Sequence[str]
    names_equal: bool
    phone: str | None
    postal_address: str | None
    approval: Approval | None
    changed: bool
    acts: Acts
    issuances: Sequence[Issuance]
    letters: Mapping[UUID, Letter]
    notes: Sequence[Note]
    messages: Sequence[OutboxMessage]
    undelivered: Sequence[OutboxMessage]
    events: Sequence[EventView]
    names: Mapping[UUID, str]
    keys: Mapping[UUID, KeyActs]
    ends: Mapping[UUID, datetime]
    leavers: Sequence[Leaver]


def read(actor: Actor, aanvraag: Aanvraag) -> Dossier:
    """Return everything about an aanvraag that the actor may see."""
    registered, approval, issuances = gemeente(aanvraag.gemeente), valid_approval(aanvraag.id), of_aanvraag(aanvraag.id)
    phone = registered.phone if registered else None
    # Also of a key that works: whoever wants to renew it must first see the contacts checked again.
    erased = aanvraag.erased_at is not None
    lacks = lacking(aanvraag) if aanvraag.status in OPEN | {Status.ISSUED} and not erased else ()
    content = current_content(aanvraag)
    changed = approval is not None and not erased and approval.content_hash != content_hash(content)
    letters = letters_of(issuance.id for issuance in issuances)
    written, events, messages = notes(aanvraag.id), events_of(aanvraag.id), messages_of(aanvraag.id)
    return Dossier(
        aanvraag=aanvraag,
        rows=_rows(aanvraag),
        contacts=_contacts(aanvraag, lacks),
        lacking=[LACKING[code] for code in lacks],
        names_equal=names_equal(aanvraag),
        phone=phone,
        postal_address=registered.postal_address if registered else None,
        approval=approval,
        changed=changed,
        acts=_acts(actor, aanvraag, approval, issuances, letters, ready=not lacks, changed=changed, phone=phone),
        issuances=issuances,
        letters=letters,
        notes=written,
        messages=messages,
        undelivered=undelivered(messages, clock.now()),
        events=events,
        names=_names(aanvraag, approval, issuances, written, events, letters=letters.values()),
        keys={issuance.id: key_acts(actor, issuance, clock.now()) for issuance in issuances},
        ends=overlap.ends_of([issuance.sleutel_id for issuance in issuances]),
        leavers=keys_of_leavers(aanvraag=aanvraag.id),
    )


def _rows(aanvraag: Aanvraag) -> list[tuple[str, str, None, None]]:
    """Return what was filled in; the contacts stand apart, with their proof."""
    filled = (rows for section, rows in sections(aanvraag).items() if section is not Section.CONTACTPERSONEN)
    return [(label, value, None, None) for rows in filled for label, value in rows]


def _contacts(aanvraag: Aanvraag, lacks: tuple[str, ...]) -> list[tuple[str, Contact, bool]]:
    """Return each contact with its title, and whether somebody must still vouch for it."""
    pairs = (
        ("Contactpersoon voor de sleutel", aanvraag.key_contact, "key-vouched"),
        ("Contactpersoon voor het wachtwoord", aanvraag.password_contact, "password-vouched"),
    )
    return [(title, contact, code in lacks) for title, contact, code in pairs if contact]


def _acts(
    actor: Actor,
    aanvraag: Aanvraag,
    approval: Approval | None,
    issuances: Sequence[Issuance],
    letters: Mapping[UUID, Letter],
    *,
    ready: bool,
    changed: bool,
    phone: str | None,
) -> Acts:
    if not actor.has(Role.RELATIEBEHEERDER) or aanvraag.erased_at is not None:
        return Acts(download=actor.has(Role.AUDITOR))
    steps = possible(aanvraag.standing, actor)
    newest = issuances[-1] if issuances else None
    underway = newest if newest and newest.ended_at is None else None
    stopped = newest is not None and newest.end_reason in {End.LAPSED, End.CANCELLED}
    waits = underway is not None and underway.password_sent_at is None
    own_approval = approval is not None and approval.four_eyes and approval.approved_by == actor.person
    may_issue = Step.ISSUE in steps and ready and not changed
    renew = newest is not None and may_renew(actor, aanvraag.id)
    again = ready and not changed and not own_approval and not replaced(aanvraag)
    handed_over = underway is not None and (underway.received_at or underway.released_at)
    return Acts(
        review=tuple((slug, act) for slug, act in ACTS.items() if act.step in steps),
        approve=Step.APPROVE in steps and ready,
        issue=may_issue and not own_approval,
        stop_four_eyes=may_issue and own_approval,
        resend=waits,
        release=underway is not None and not handed_over and underway.issued_by != actor.person and phone is not None,
        cancel=underway is not None,
        reissue=stopped and again and not renew,
        renew=renew,
        letter=letters[underway.id].id if underway and underway.id in letters else None,
        note=True,
    )


def _names(
    aanvraag: Aanvraag,
    approval: Approval | None,
    issuances: Sequence[Issuance],
    written: Sequence[Note],
    events: Sequence[EventView],
    *,
    letters: Iterable[Letter],
) -> dict[UUID, str]:
    """Return the names of everybody the page speaks of, in one query."""
    contacts = [contact for contact in aanvraag.contacts if contact]
    return names(
        (
            aanvraag.created_by,
            aanvraag.submitted_by,
            aanvraag.claimed_by,
            approval.approved_by if approval else None,
            *(contact.vouched_by for contact in contacts),
            *(contact.proposed_by for contact in contacts),
            *(person for issuance in issuances for person in (issuance.issued_by, issuance.released_by)),
            *(person for letter in letters for person in (letter.opened_by, letter.posted_by)),
            *(note.author for note in written),
            *(event.person for event in events),
        )
    )
