"""Reading people, grants and portfolios."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select

from keyservice.accounts.models import Account, Grant, PortfolioEntry
from keyservice.database import db
from keyservice.kernel import clock
from keyservice.kernel.actor import Role


def holds(kind: type[Grant] | type[PortfolioEntry] = Grant) -> ColumnElement[bool]:
    """Return the condition that a grant, or an entry of a portfolio, holds now."""
    now = clock.now()
    return and_(kind.valid_from <= now, or_(kind.valid_until.is_(None), kind.valid_until > now))


def account(account_id: UUID) -> Account | None:
    """Return an account by id."""
    return db.session.get(Account, account_id)


def by_mailbox(mailbox: str) -> Account | None:
    """Return the account that logs in with a mail address, whatever its case."""
    return db.session.scalar(select(Account).where(Account.email == mailbox.lower()))


def any_fictive() -> bool:
    """Tell whether there is an account of the demo, whose password everybody can read."""
    return db.session.scalar(select(Account.id).where(Account.fictive).limit(1)) is not None


def names(people: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return the names of people by id."""
    wanted = {person for person in people if person}
    rows = db.session.execute(select(Account.id, Account.name).where(Account.id.in_(wanted)))
    return dict(rows.all())


def valid_grants(account_id: UUID) -> Sequence[Grant]:
    """Return the grants of a person that hold now, by gemeente."""
    query = select(Grant).where(Grant.account_id == account_id, holds())
    return db.session.scalars(query.order_by(Grant.gemeente, Grant.role)).all()


def holders(role: Role, gemeente: str | None = None) -> Sequence[Account]:
    """Return the active people who hold a role now: for a gemeente, or (DUO's roles) at all."""
    # By id and not DISTINCT: PostgreSQL compares no JSON columns.
    people = select(Grant.account_id).where(
        Grant.role == role,
        Grant.gemeente == gemeente if gemeente else Grant.gemeente.is_(None),
        holds(),
    )
    query = select(Account).where(Account.active, Account.id.in_(people)).order_by(Account.name)
    return db.session.scalars(query).all()


def responsible(gemeente: str) -> Sequence[Account]:
    """Return the relatiebeheerders who look after a gemeente now; all of them when nobody does."""
    everybody = holders(Role.RELATIEBEHEERDER)
    return [reader for reader in everybody if gemeente in portfolio(reader.id)] or everybody


def portfolio(account_id: UUID) -> frozenset[str]:
    """Return the codes of the gemeenten a relatiebeheerder looks after now."""
    query = select(PortfolioEntry.gemeente).where(PortfolioEntry.account_id == account_id, holds(PortfolioEntry))
    return frozenset(db.session.scalars(query))
