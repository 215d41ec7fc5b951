"""Inviting somebody to a role: a link in a mail plus a code said aloud.

A gemeentebeheerder invites alone. What DUO gives (its own roles, and the first people of a gemeente) takes two people
and, for a gemeente, a call to the number in the register.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update

from keyservice import audit, settings
from keyservice.accounts import events, people_messages, people_queries, queries
from keyservice.accounts.models import Invitation
from keyservice.database import db, execute_count, transaction
from keyservice.gemeenten.queries import gemeente as gemeente_by_code
from keyservice.gemeenten.queries import phone_set_by
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI, DUO_ROLES, GEMEENTE_ROLES, Actor, Role
from keyservice.kernel.errors import Conflict, Invalid, Refused
from keyservice.kernel.ids import link_token, new_id, readable_code, token_digest
from keyservice.kernel.mailbox import parse_email
from keyservice.kernel.secret import Secret
from keyservice.kernel.text import clean
from keyservice.outbox.service import cancel, enqueue

LIVES = timedelta(hours=72)
CODE_LENGTH = 8
# The first person of a gemeente may be aanvrager too, and cannot give that role to himself.
FIRST_ROLES = frozenset({Role.GEMEENTEBEHEERDER, Role.AANVRAGER})
MAC = "invitation-code"
DUO_PEOPLE_NEEDED = 2


def invite(
    actor: Actor, *, name: str, email: str, role: Role, gemeente: str | None = None, until: datetime | None = None
) -> Secret | None:
    """Invite somebody; return the code to say aloud, or None when a second DUO person must confirm first.

    Nothing tells whether the address has an account. Raises Refused (role, oneself), Invalid (address), Conflict
    (invited or given already, no number to call).
    """
    with transaction() as session:
        second_needed = _second_needed(actor, role, gemeente)
        invitation = _new(actor, clean(name), email, role, gemeente)
        invitation.second_needed, invitation.grant_until = second_needed, until
        session.add(invitation)
        session.flush()
        audit.record(
            events.INVITED,
            actor,
            subject=invitation.id,
            gemeente=gemeente,
            role=role,
            until=until,
            second_needed=second_needed,
            name=invitation.name,
            email=invitation.email,
        )
        if second_needed:
            number_to_call(gemeente, actor.person)
            return None
        return _send(actor, invitation)


def _second_needed(actor: Actor, role: Role, gemeente: str | None) -> bool:
    if actor.has(Role.GEMEENTEBEHEERDER) and role in GEMEENTE_ROLES and gemeente == actor.gemeente:
        return False
    if actor.has(*people_queries.DUO_INVITERS) and role in (FIRST_ROLES if gemeente else DUO_ROLES):
        return True
    raise Refused("role")


def _new(actor: Actor, name: str, email: str, role: Role, gemeente: str | None) -> Invitation:
    try:
        address = parse_email(email).lower()
    except ValueError as error:
        raise Invalid("invitation-address") from error
    inviter = queries.account(actor.person) if actor.person else None
    if inviter and inviter.email == address:
        raise Refused("grant-to-oneself")
    if people_queries.held_already(address, role, gemeente):
        raise Conflict("grant-already")
    if people_queries.invited_already(address, role, gemeente):
        raise Conflict("invited-already")
    return Invitation(
        id=new_id(),
        name=name,
        email=address,
        role=role,
        gemeente=gemeente,
        invited_by=actor.person,
        invited_at=clock.now(),
        tries=0,
    )


def number_to_call(gemeente: str | None, proposer: UUID | None) -> str | None:
    """Return the registered number (E.164) of a gemeente, None for DUO itself.

    Raises Conflict when there is none, or when it is the proposer who put it into the register: then the call of the
    second person would reach whomever the first one wants, and one person could make a puppet gemeente.
    """
    if gemeente is None:
        return None
    register = gemeente_by_code(gemeente)
    if register is None or register.phone is None:
        raise Conflict("no-number-to-call")
    if proposer and phone_set_by(gemeente) == proposer:
        raise Conflict("number-of-proposer")
    return register.phone


def confirm(actor: Actor, invitation_id: UUID, number: str | None) -> Secret:
    """Confirm, as a second DUO person who called `number` (E.164; None for DUO's own), and return the code to say.

    Raises NotFound, Refused (the one who proposed it, the one invited) or Conflict (confirmed already, other number).
    """
    with transaction():
        invitation = people_queries.invitation_for(actor, invitation_id)
        _be_another(actor, invitation)
        if number != number_to_call(invitation.gemeente, invitation.invited_by):
            raise Conflict("not-registered-number")
        confirmed = execute_count(
            update(Invitation)
            .where(Invitation.id == invitation_id, Invitation.second_by.is_(None), Invitation.ended_at.is_(None))
            .values(second_by=actor.person, called_number=number)
        )
        if not confirmed:
            raise Conflict("confirmed-already")
        invitation = people_queries.invitation_for(actor, invitation_id)
        audit.record(
            events.INVITATION_CONFIRMED,
            actor,
            subject=invitation.id,
            gemeente=invitation.gemeente,
            role=invitation.role,
            called=number,
        )
        return _send(actor, invitation)


def _be_another(actor: Actor, invitation: Invitation) -> None:
    if actor.person is None or actor.person == invitation.invited_by:
        raise Refused("own-proposal")
    person = queries.account(actor.person)
    if person and person.email == invitation.email:
        raise Refused("grant-to-oneself")


def send_again(actor: Actor, invitation_id: UUID) -> Secret:
    """Send a new link, and return the new code to say aloud; the old ones end.

    What takes two DUO people is sent again by the second one only: whoever proposed it must never learn the code.
    Raises NotFound, Refused or Conflict.
    """
    with transaction():
        invitation = people_queries.invitation_for(actor, invitation_id)
        if invitation.second_needed and invitation.second_by is None:
            raise Conflict("not-confirmed-yet")
        if invitation.second_needed and invitation.second_by != actor.person:
            raise Refused("code-of-another")
        return _send(actor, invitation)


def withdraw(actor: Actor, invitation_id: UUID) -> None:
    """Withdraw an invitation; its link and code are worth nothing any more. Raises NotFound."""
    with transaction():
        invitation = people_queries.invitation_for(actor, invitation_id)
        invitation.ended_at, invitation.code_mac, invitation.token_digest = clock.now(), None, None
        cancel(people_messages.invitation_prefix(invitation))
        record(events.INVITATION_WITHDRAWN, actor, invitation)


def first_beheerder(name: str, email: str) -> tuple[Secret, Secret]:
    """Invite a beheerder while fewer than two people of DUO can invite; return link and code, for nobody sends them.

    One alone can invite nobody: that takes two. Asked again for the same person the earlier link and code end. Raises
    Conflict when two can, and Invalid for an address that cannot be right.
    """
    with transaction() as session:
        able = {holder.id for role in people_queries.DUO_INVITERS for holder in queries.holders(role)}
        if len(able) >= DUO_PEOPLE_NEEDED:
            raise Conflict("not-empty")
        invitation = people_queries.invited_by_nobody(email) or _new(CLI, clean(name), email, Role.BEHEERDER, None)
        invitation.second_needed = False
        session.add(invitation)
        link, code = _renew(invitation)
        record(events.INVITATION_SENT, CLI, invitation)
    return link, code


def _send(actor: Actor, invitation: Invitation) -> Secret:
    link, code = _renew(invitation)
    register = gemeente_by_code(invitation.gemeente) if invitation.gemeente else None
    cancel(people_messages.invitation_prefix(invitation))
    enqueue(people_messages.invitation(invitation, link, register.name if register else None))
    record(events.INVITATION_SENT, actor, invitation)
    return code


def _renew(invitation: Invitation) -> tuple[Secret, Secret]:
    """Give an invitation a new link and code; return both."""
    token, code = link_token(), Secret(readable_code(CODE_LENGTH))
    invitation.token_digest = token_digest(token)
    invitation.code_mac = settings.rings().mac(MAC, str(invitation.id), code.reveal())
    invitation.tries, invitation.expires_at = 0, clock.now() + LIVES
    db.session.flush()
    return Secret(f"{settings.current().base_url}{people_messages.LINK_PATH}{token}"), code


def record(event: audit.EventType, actor: Actor, invitation: Invitation) -> None:
    """Write an event about an invitation."""
    audit.record(event, actor, subject=invitation.id, gemeente=invitation.gemeente, role=invitation.role)
