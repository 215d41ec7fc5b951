"""Looking after people: granting and ending roles, the yearly review, and taking away lost second factors."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, update

from keyservice import audit
from keyservice.accounts import events, people_messages, people_queries, queries
from keyservice.accounts.invitations import number_to_call
from keyservice.accounts.models import Account, FactorReset, Grant, Passkey
from keyservice.accounts.service import give_role
from keyservice.accounts.sessions import end_sessions
from keyservice.database import db, exclusive, execute_count, transaction
from keyservice.gemeenten.queries import gemeente as gemeente_by_code
from keyservice.kernel import clock
from keyservice.kernel.actor import GEMEENTE_ROLES, WORKER, Actor, Role
from keyservice.kernel.errors import Conflict, NotFound, Refused
from keyservice.kernel.ids import new_id
from keyservice.outbox.service import enqueue

# Without one of them nobody could give the next one a role.
_LAST_ONE_STAYS = frozenset({Role.GEMEENTEBEHEERDER, Role.BEHEERDER})


def grant_role(actor: Actor, account_id: UUID, role: Role, *, until: datetime | None = None) -> None:
    """Give a colleague another role for the gemeente acted for, and tell the other gemeentebeheerders.

    Raises NotFound (no colleague), Refused (role, oneself) or Conflict (held already).
    """
    with transaction():
        if not actor.has(Role.GEMEENTEBEHEERDER) or role not in GEMEENTE_ROLES:
            raise Refused("role")
        colleague = people_queries.colleague_for(actor, account_id)
        grant_id = give_role(actor, colleague.id, role, gemeente=actor.gemeente, until=until)
        tell_beheerders(db.session.get_one(Grant, grant_id), {account_id, actor.person})
        end_sessions(account_id)


def tell_beheerders(grant: Grant, knowing: Collection[UUID | None]) -> None:
    """Tell the gemeentebeheerders of a gemeente that somebody got a role, those who know it left out."""
    if grant.gemeente is None:
        return
    register = gemeente_by_code(grant.gemeente)
    person = db.session.get_one(Account, grant.account_id)
    for reader in queries.holders(Role.GEMEENTEBEHEERDER, grant.gemeente):
        if reader.id not in knowing:
            name = register.name if register else grant.gemeente
            enqueue(people_messages.new_grant(grant, person.name, name, reader))


def end_grant(actor: Actor, grant_id: UUID) -> UUID:
    """End a role and the sessions of its holder, whose id is returned.

    Raises NotFound, or Conflict when nobody else would be gemeentebeheerder (or beheerder at DUO) any more.
    """
    with transaction():
        _one_ending_at_a_time()
        grant = people_queries.grant_for(actor, grant_id)
        account_id, role, gemeente = grant.account_id, grant.role, grant.gemeente
        _keep_one(account_id, role, gemeente)
        grant.valid_until = clock.now()
        audit.record(events.GRANT_ENDED, actor, subject=grant_id, gemeente=gemeente, account=account_id, role=role)
        end_sessions(account_id)
    return account_id


def stop_grant(grant_id: UUID) -> bool:
    """End a role that no event explains, and the sessions of its holder, as the program itself.

    Returns whether there was anything to end. Also the last beheerder: whoever wrote the row is not one.
    """
    with transaction() as session:
        grant = session.get(Grant, grant_id, with_for_update=True, populate_existing=True)
        if grant is None or (grant.valid_until is not None and grant.valid_until <= clock.now()):
            return False
        grant.valid_until = clock.now()
        account_id, role, gemeente = grant.account_id, grant.role, grant.gemeente
        audit.record(events.GRANT_ENDED, WORKER, subject=grant_id, gemeente=gemeente, account=account_id, role=role)
        end_sessions(account_id)
    return True


def _one_ending_at_a_time() -> None:
    # Before any row is locked: two beheerders who end each other's role would else wait for each other for ever.
    exclusive("grants")


def _keep_one(account_id: UUID, role: Role, gemeente: str | None) -> None:
    if role not in _LAST_ONE_STAYS:
        return
    if {holder.id for holder in queries.holders(role, gemeente)} <= {account_id}:
        raise Conflict("last-beheerder")


def review(actor: Actor, answers: Mapping[UUID, bool]) -> None:
    """Record the yearly review (BIO2 5.18.02): per grant whether it is still needed; those that are not, end.

    Raises NotFound for a grant of another gemeente, and Conflict for the last beheerder.
    """
    with transaction():
        _one_ending_at_a_time()
        for grant_id, needed in answers.items():
            if not needed:
                end_grant(actor, grant_id)
                continue
            grant = people_queries.grant_for(actor, grant_id)
            grant.reviewed_at = clock.now()
            audit.record(
                events.GRANT_REVIEWED,
                actor,
                subject=grant.id,
                gemeente=grant.gemeente,
                account=grant.account_id,
                role=grant.role,
            )


def propose_reset(actor: Actor, account_id: UUID) -> None:
    """Propose to take away somebody's second factors. Raises NotFound, Refused (oneself) or Conflict."""
    with transaction() as session:
        person = session.get(Account, account_id, with_for_update=True)
        if person is None or not actor.has(*people_queries.DUO_INVITERS):
            raise NotFound("account")
        if actor.person is None or account_id == actor.person:
            raise Refused("own-factors")
        if account_id in {reset.account_id for reset in people_queries.waiting().resets}:
            raise Conflict("reset-already")
        number_to_call(people_queries.gemeente_to_call(account_id), actor.person)
        reset = FactorReset(id=new_id(), account_id=account_id, proposed_by=actor.person, proposed_at=clock.now())
        session.add(reset)
        audit.record(events.RESET_PROPOSED, actor, subject=reset.id, account=account_id)


def confirm_reset(actor: Actor, reset_id: UUID, number: str | None) -> None:
    """Take away all second factors and sessions of a person, as a second DUO person who called `number` (E.164).

    Raises NotFound, Refused (the one who proposed it, the person himself) or Conflict (another number by now).
    """
    with transaction() as session:
        reset = people_queries.reset_for(actor, reset_id)
        account_id = reset.account_id
        if actor.person in {reset.proposed_by, account_id}:
            raise Refused("own-proposal")
        if number != number_to_call(people_queries.gemeente_to_call(account_id), reset.proposed_by):
            raise Conflict("not-registered-number")
        reset.confirmed_by, reset.confirmed_at, reset.called_number = actor.person, clock.now(), number
        session.flush()
        session.execute(delete(Passkey).where(Passkey.account_id == account_id))
        execute_count(
            update(Account)
            .where(Account.id == account_id)
            .values(tf_primary_method=None, tf_totp_secret=None, tf_last_counter=None, mf_recovery_codes=None)
        )
        end_sessions(account_id)
        enqueue(people_messages.factors_gone(reset, session.get_one(Account, account_id)))
        audit.record(events.RESET_CONFIRMED, actor, subject=reset_id, account=account_id, called=number)


def withdraw_reset(actor: Actor, reset_id: UUID) -> None:
    """End a proposal to take away factors. Raises NotFound."""
    with transaction():
        reset = people_queries.reset_for(actor, reset_id)
        reset.ended_at = clock.now()
        audit.record(events.RESET_WITHDRAWN, actor, subject=reset.id, account=reset.account_id)
