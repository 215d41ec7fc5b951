"""The front page of each role: its template, and what waits for this person."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import request

from keyservice.aanvragen.workflow import OPEN, Status
from keyservice.accounts.queries import holders, names, portfolio
from keyservice.berichtenboek.queries import count_waiting
from keyservice.berichtenboek.queries import own as own_copy
from keyservice.berichtenboek.words import standing
from keyservice.issuance.leaver_queries import keys_of_leavers
from keyservice.issuance.queries import count_letters_at_duo, waiting_for
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.outbox.queries import count_failed
from keyservice.overview import auditor, queries, status
from keyservice.overview.remedies import RECENT
from keyservice.overview.todo import Todo
from keyservice.overview.worklist import Filter, page
from keyservice.portaal.queries import ROLES as ROLES_OF_PORTAAL
from keyservice.sleutels.succession import predecessors
from keyservice.sleutels.succession import waiting as waiting_successions

Values = Mapping[str, Any]
_URGENT = frozenset({"warning", "error"})
_FOR_DUO = frozenset({Status.SUBMITTED, Status.IN_REVIEW})


def front_page(actor: Actor) -> tuple[str, Values]:
    """Return the template of a person's front page and its values."""
    if actor.person is None:
        return "overview/start.html", {}
    return next((template, read(actor)) for roles, template, read in _PAGES if not roles or actor.has(*roles))


def _gemeente(actor: Actor) -> Values:
    code = actor.gemeente or ""
    aanvragen = queries.running(code)
    issuances = queries.newest_issuances(aanvraag.id for aanvraag in aanvragen)
    for_you = waiting_for(actor)
    told = {issuance.aanvraag_id for issuance, _ in for_you}
    todos: list[tuple[Any, Todo]] = [(a, status.todo_of(a, issuances.get(a.id))) for a in aanvragen]
    return {
        "todos": todos,
        "urgent": [
            (a, box) for a, box in todos if box.tone in _URGENT and a.status is not Status.DRAFT and a.id not in told
        ],
        "drafts": [a for a in aanvragen if a.status is Status.DRAFT and actor.has(Role.AANVRAGER)],
        "for_you": for_you,
        "sleutels": queries.sleutels(code),
        "may_start": actor.has(Role.AANVRAGER),
        "berichtenboek": standing(own_copy(code)),
        "may_register": actor.has(*ROLES_OF_PORTAAL),
        "roles_of_portaal": frozenset(ROLES_OF_PORTAAL),
        "leavers": keys_of_leavers(gemeenten=[code], limit=queries.FEW),
        "predecessors": predecessors(code, clock.now()) if actor.has(Role.GEMEENTEBEHEERDER) else (),
    }


def _portaal(actor: Actor) -> Values:
    return {"for_you": waiting_for(actor)}


def _relatiebeheerder(actor: Actor) -> Values:
    own = portfolio(actor.person) if actor.person else frozenset[str]()
    waiting = page(own, Filter(_FOR_DUO), limit=queries.FEW).rows
    approved = page(own, Filter(frozenset({Status.APPROVED})), limit=queries.FEW).rows
    counts = queries.open_counts()
    return {
        "portfolio": own,
        "counts": [(s, counts.get(s, 0)) for s in Status if s in OPEN],
        "waiting": [row for row in waiting if row.gemeente in own],
        "approved": approved,
        "deliveries": queries.deliveries(),
        "stopped": queries.stopped(),
        "dead": count_failed(clock.now() - RECENT),
        "letters": count_letters_at_duo(),
        "berichtenboeken": count_waiting(),
        "leavers": keys_of_leavers(gemeenten=own, limit=queries.FEW) if own else (),
        "successions": len(waiting_successions()),
        **_four_eyes(),
        "names": names(row.claimed_by for row in (*waiting, *approved)),
    }


def _auditor(_actor: Actor) -> Values:
    return {**auditor.front(request.args.get("dagen")), **_four_eyes()}


def _beheerder(_actor: Actor) -> Values:
    return {"without_phone": queries.without_phone(), "without_address": queries.without_address(), **_four_eyes()}


def _four_eyes() -> Values:
    """Return how many people can approve and issue: with fewer than two no key passes four eyes."""
    return {"relatiebeheerders": len(holders(Role.RELATIEBEHEERDER))}


def _nothing(_actor: Actor) -> Values:
    return {}


_PAGES: tuple[tuple[tuple[Role, ...], str, Callable[[Actor], Values]], ...] = (
    ((Role.AANVRAGER, Role.GEMEENTEBEHEERDER), "overview/gemeente.html", _gemeente),
    (ROLES_OF_PORTAAL, "overview/portaal.html", _portaal),
    ((Role.RELATIEBEHEERDER,), "overview/relatiebeheerder.html", _relatiebeheerder),
    ((Role.AUDITOR,), "overview/auditor.html", _auditor),
    ((Role.BEHEERDER,), "overview/beheerder.html", _beheerder),
    ((), "overview/no_role.html", _nothing),
)
