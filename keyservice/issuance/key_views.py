"""The pages on which a key that was handed over is suspended, resumed and revoked, by the gemeente or by DUO."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask.typing import ResponseReturnValue

from keyservice.issuance import key_acts, queries
from keyservice.issuance.blueprint import bp
from keyservice.issuance.forms import ResumeForm, RevokeForm, SuspendForm
from keyservice.issuance.key_acts import Why
from keyservice.issuance.models import End
from keyservice.issuance.pages import done, page
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import Conflict
from keyservice.sleutels.life import Blocker, State, resume_asked, state
from keyservice.web import access
from keyservice.web.forms import Form

_WHO = (Role.AANVRAGER, Role.GEMEENTEBEHEERDER, Role.RELATIEBEHEERDER)
_ISSUANCE = "/uitgiften/<uuid:issuance_id>"
_CONFIRM = "Een tweede relatiebeheerder moet dit bevestigen. Uw collega's krijgen een e-mail."


@bp.route(f"{_ISSUANCE}/blokkeren", methods=["GET", "POST"])
@access.allow(*_WHO)
def suspend(issuance_id: UUID) -> ResponseReturnValue:
    """Ask why, and block the key at once. It only takes, so it asks for no fresh factor."""
    form = SuspendForm()
    if form.validate_on_submit():
        key_acts.suspend(access.actor(), issuance_id, form.reden.data or "")
        return _back(issuance_id, "De sleutel is geblokkeerd en werkt nu niet.")
    return _page("suspend", "Sleutel blokkeren", issuance_id, form, _lives)


@bp.route(f"{_ISSUANCE}/deblokkeren", methods=["GET", "POST"])
@access.allow(*_WHO, step_up=True)
def resume(issuance_id: UUID) -> ResponseReturnValue:
    """Ask why, and let the key work again; what DUO or the program blocked takes two relatiebeheerders."""
    form = ResumeForm()
    if form.validate_on_submit():
        works = key_acts.resume(access.actor(), issuance_id, form.reden.data or "")
        return _back(issuance_id, "De sleutel is niet meer geblokkeerd." if works else _CONFIRM)
    return _page("resume", "Sleutel deblokkeren", issuance_id, form, _is_suspended)


@bp.route(f"{_ISSUANCE}/intrekken", methods=["GET", "POST"])
@access.allow(*_WHO, step_up=True)
def revoke(issuance_id: UUID) -> ResponseReturnValue:
    """Ask why, and end the key for good."""
    form = RevokeForm()
    if form.validate_on_submit():
        key_acts.revoke(access.actor(), issuance_id, Why(form.waarom.data), form.reden.data or "")
        return _back(issuance_id, "De sleutel is ingetrokken.")
    return _page("revoke", "Sleutel intrekken", issuance_id, form, _lives)


def _page(name: str, label: str, issuance_id: UUID, form: Form, check: Callable[[State], None]) -> ResponseReturnValue:
    """Return the page of an act. Raises NotFound, or Conflict when the key is no longer in a state for it."""
    issuance = queries.issuance_for(access.actor(), issuance_id)
    if issuance.end_reason is not End.DONE:
        raise Conflict("issuance-underway" if issuance.ended_at is None else "issuance-ended")
    facts, now = issuance.sleutel.facts, clock.now()
    check(state(facts, now))
    asked_by = resume_asked(facts, now)
    more: dict[str, Any] = {
        "sleutel": issuance.sleutel,
        "duo": access.actor().has(Role.RELATIEBEHEERDER),
        "two": facts.blocker in {Blocker.DUO, Blocker.PROGRAM},
        "asked": asked_by is not None,
        "own": asked_by == access.actor().person,
    }
    return page(name, label, issuance.aanvraag, form, **more)


def _lives(found: State) -> None:
    if found in {State.REVOKED, State.EXPIRED}:
        raise Conflict("sleutel-over")


def _is_suspended(found: State) -> None:
    if found is not State.SUSPENDED:
        raise Conflict("sleutel-not-suspended")


def _back(issuance_id: UUID, text: str) -> ResponseReturnValue:
    return done(queries.issuance_for(access.actor(), issuance_id).aanvraag_id, text)
