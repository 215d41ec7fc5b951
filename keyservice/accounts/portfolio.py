"""Who looks after which gemeente: given, ended, and handed over as a whole. It sorts and notifies and is no wall."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from keyservice import audit
from keyservice.accounts import events, queries
from keyservice.accounts.models import Account, PortfolioEntry
from keyservice.database import db, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, NotFound, Refused
from keyservice.kernel.ids import new_id


def entries() -> Sequence[PortfolioEntry]:
    """Return every entry that holds now, by person and gemeente."""
    query = select(PortfolioEntry).where(queries.holds(PortfolioEntry))
    return db.session.scalars(query.order_by(PortfolioEntry.account_id, PortfolioEntry.gemeente)).all()


def give_portfolio(actor: Actor, account_id: UUID, gemeente: str, *, until: datetime | None = None) -> None:
    """Put a gemeente into the portfolio of a relatiebeheerder.

    Raises Refused for somebody who is no relatiebeheerder, and Conflict when the gemeente is in it already.
    """
    with transaction():
        _lock(account_id)
        if gemeente in queries.portfolio(account_id):
            raise Conflict("portfolio-already")
        _add(account_id, gemeente, until)
        audit.record(
            events.PORTFOLIO_GIVEN, actor, subject=account_id, gemeente=gemeente, account=account_id, until=until
        )


def end_portfolio(actor: Actor, entry_id: UUID) -> None:
    """Take a gemeente out of a portfolio. Raises NotFound for an entry that does not hold now."""
    with transaction():
        entry = next((entry for entry in entries() if entry.id == entry_id), None)
        if entry is None:
            raise NotFound("portfolio")
        entry.valid_until = clock.now()
        audit.record(events.PORTFOLIO_ENDED, actor, subject=entry.id, gemeente=entry.gemeente, account=entry.account_id)


def hand_over(actor: Actor, giver: UUID, taker: UUID) -> int:
    """Hand a whole portfolio over in one act, and return how many gemeenten it held.

    Raises Refused for a taker who is no relatiebeheerder, and Conflict for an empty portfolio or the same person.
    """
    with transaction():
        _lock(taker)
        moving = [entry for entry in entries() if entry.account_id == giver]
        if not moving or giver == taker:
            raise Conflict("portfolio-empty")
        held = queries.portfolio(taker)
        for entry in moving:
            until, entry.valid_until = entry.valid_until, clock.now()
            if entry.gemeente not in held:
                _add(taker, entry.gemeente, until)
            audit.record(
                events.PORTFOLIO_HANDED_OVER,
                actor,
                subject=entry.id,
                gemeente=entry.gemeente,
                account=taker,
                previous=giver,
            )
    return len(moving)


def _lock(account_id: UUID) -> None:
    """Let acts on one portfolio wait for each other, and see that its person is a relatiebeheerder."""
    person = db.session.get(Account, account_id, with_for_update=True)
    if person is None or Role.RELATIEBEHEERDER not in {grant.role for grant in queries.valid_grants(account_id)}:
        raise Refused("portfolio-of-nobody")


def _add(account_id: UUID, gemeente: str, until: datetime | None) -> None:
    now = clock.now()
    db.session.add(
        PortfolioEntry(id=new_id(), account_id=account_id, gemeente=gemeente, valid_from=now, valid_until=until)
    )
