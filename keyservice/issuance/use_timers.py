"""Tells people of the first use of a key, of use from another network, and of tries with a key that does not work.

The processes that serve only write down what was shown (`sleutels.usage`); the worker looks for what nobody knows yet.
"""

from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy import select

from keyservice import audit
from keyservice.accounts.queries import holders
from keyservice.database import db, one_by_one, transaction
from keyservice.issuance.models import Issuance
from keyservice.issuance.queries import followers
from keyservice.issuance.use_messages import UseTold, use_told
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER, Role
from keyservice.outbox.service import enqueue
from keyservice.sleutels import events, life
from keyservice.sleutels.life import REPLACED, State
from keyservice.sleutels.models import Sleutel, SleutelUse
from keyservice.sleutels.queries import locked


def tell_uses() -> None:
    """Tell of what was shown and nobody was told of."""
    untold = select(SleutelUse.sleutel_id).where(SleutelUse.told_at.is_(None)).distinct()
    one_by_one(db.session.scalars(untold).all(), _tell)


TIMERS: tuple[Callable[[], object], ...] = (tell_uses,)


def _tell(sleutel_id: UUID) -> None:
    with transaction() as session:
        sleutel = locked(sleutel_id)  # one worker at a time: else two could take two networks for the first
        query = select(SleutelUse).where(SleutelUse.sleutel_id == sleutel_id).order_by(SleutelUse.first_at)
        shown = session.scalars(query.execution_options(populate_existing=True)).all()
        fresh, now = [use for use in shown if use.told_at is None], clock.now()
        worked = [use for use in fresh if use.state is State.ACTIVE]
        networks = sum(use.state is State.ACTIVE for use in shown)
        if worked and len(worked) == networks:
            first = worked.pop(0)
            _report(events.FIRST_USED, sleutel, [first], UseTold.FIRST, first_at=first.first_at)
        if worked:
            _report(events.USED_ELSEWHERE, sleutel, worked, UseTold.ELSEWHERE, networks=networks)
        for state in State:
            tries = [use for use in fresh if use.state is state is not State.ACTIVE]
            if tries:
                _report(events.TRIED, sleutel, tries, _told_of_tries(sleutel, state), state=state)
        for use in fresh:
            use.told_at = now


def _told_of_tries(sleutel: Sleutel, state: State) -> UseTold | None:
    """Return what people are told of tries: what they can mend, so nothing of a key that was blocked or revoked."""
    if state is State.SLEEPING:
        return UseTold.ASLEEP
    ended = state is State.EXPIRED or (state is State.REVOKED and sleutel.reason == REPLACED)
    newer = followers([sleutel.id]).get(sleutel.id) if ended else None
    works = newer is not None and life.state(newer.sleutel.facts, clock.now()) is State.ACTIVE
    return UseTold.REPLACED if works else None


def _report(
    event: audit.EventType, sleutel: Sleutel, uses: Sequence[SleutelUse], told: UseTold | None, **values: object
) -> None:
    issuance = db.session.scalar(select(Issuance).where(Issuance.sleutel_id == sleutel.id))
    audit.record(
        event,
        WORKER,
        dossier=issuance.aanvraag_id if issuance else None,
        subject=sleutel.id,
        gemeente=sleutel.gemeente,
        number=sleutel.number,
        result=audit.Result.OK,
        source=", ".join(use.network for use in uses),
        **values,
    )
    # Of an aanvraag whose people were erased nobody is left to tell.
    if told and issuance and issuance.aanvraag.erased_at is None:
        for message in use_told(told, issuance, uses, holders(Role.GEMEENTEBEHEERDER, sleutel.gemeente)):
            enqueue(message)
