"""The pages of DUO: who waits for the berichtenboek, who has it in which version, and what to do with one copy."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from keyservice.accounts.queries import names, portfolio
from keyservice.berichtenboek import queries, service
from keyservice.berichtenboek.blueprint import bp
from keyservice.berichtenboek.editions import CURRENT
from keyservice.berichtenboek.forms import RefuseForm
from keyservice.berichtenboek.messages import DUO_PATH
from keyservice.berichtenboek.models import Copy
from keyservice.berichtenboek.queries import PAGE
from keyservice.berichtenboek.workflow import LINK_LIVES
from keyservice.gemeenten.queries import names as gemeente_names
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.web import access

_COPY = f"{DUO_PATH}/<uuid:copy_id>"


@bp.get(DUO_PATH)
@access.allow(Role.RELATIEBEHEERDER, Role.AUDITOR)
def copies() -> ResponseReturnValue:
    """Show who waits, own portfolio first, and who has which version."""
    own, after = portfolio(access.person()), request.args.get("na", type=UUID)
    waiting, found = queries.waiting(own), queries.decided(after, PAGE + 1)
    return render_template(
        "berichtenboek/copies.html",
        waiting=waiting,
        copies=found[:PAGE],
        gemeenten=gemeente_names(copy.gemeente for copy in (*waiting, *found)),
        portfolio=own,
        current=CURRENT,
        next_url=url_for("berichtenboek.copies", na=found[PAGE - 1].id) if len(found) > PAGE else None,
        first=after is None,
    )


@bp.get(_COPY)
@access.allow(Role.RELATIEBEHEERDER, Role.AUDITOR)
def copy(copy_id: UUID) -> ResponseReturnValue:
    """Show everything about a copy, and what can be done with it."""
    return _page(queries.copy_for(access.actor(), copy_id), RefuseForm())


@bp.post(f"{_COPY}/uitreiken")
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def hand_out(copy_id: UUID) -> ResponseReturnValue:
    """Hand a copy out."""
    service.hand_out(access.actor(), copy_id)
    return _done(copy_id, "Het berichtenboek is uitgereikt. De ontvanger krijgt een e-mail.")


@bp.post(f"{_COPY}/weigeren")
@access.allow(Role.RELATIEBEHEERDER)
def refuse(copy_id: UUID) -> ResponseReturnValue:
    """Refuse a copy, with the reason."""
    form = RefuseForm()
    if not form.validate_on_submit():
        return _page(queries.copy_for(access.actor(), copy_id), form), 422
    service.refuse(access.actor(), copy_id, form.reden.data or "")
    return _done(copy_id, "Het berichtenboek is geweigerd. De gemeente krijgt een e-mail met uw uitleg.")


@bp.post(f"{_COPY}/nieuwe-link")
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def renew_link(copy_id: UUID) -> ResponseReturnValue:
    """Send a supplier a new link."""
    service.renew_link(access.actor(), copy_id)
    return _done(copy_id, "De leverancier krijgt een nieuwe link. De oude link werkt niet meer.")


@bp.post(f"{_COPY}/toegang-stoppen")
@access.allow(Role.RELATIEBEHEERDER)
def end(copy_id: UUID) -> ResponseReturnValue:
    """Take a copy back. It only takes, so it asks for no fresh factor."""
    service.stop(access.actor(), copy_id)
    return _done(copy_id, "De toegang is gestopt. De gemeente krijgt een e-mail.")


def _done(copy_id: UUID, what: str) -> ResponseReturnValue:
    flash(what, "gelukt")
    return redirect(url_for("berichtenboek.copy", copy_id=copy_id), 303)


def _page(copy: Copy, form: RefuseForm) -> str:
    gemeente = gemeente_names([copy.gemeente]).get(copy.gemeente, copy.gemeente)
    page = url_for("berichtenboek.copy", copy_id=copy.id)
    return render_template(
        "berichtenboek/copy.html",
        copy=copy,
        gemeente=gemeente,
        names=names([copy.asked_by, copy.decided_by]),
        form=form,
        form_errors=form.errors,
        may_act=access.actor().has(Role.RELATIEBEHEERDER),
        now=clock.now(),
        link_days=LINK_LIVES.days,
        breadcrumbs=[("Berichtenboeken", url_for("berichtenboek.copies")), (gemeente, page)],
    )
