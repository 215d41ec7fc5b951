"""Pages of DUO about people: who there is, proposing, and confirming what a colleague proposed."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from keyservice.accounts import invitations, people, people_queries, queries
from keyservice.accounts.blueprint import bp
from keyservice.accounts.people_forms import ConfirmForm, InvitePersonForm, SearchForm
from keyservice.accounts.people_queries import DUO_INVITERS
from keyservice.accounts.people_views import code_page
from keyservice.accounts.words import ROLES
from keyservice.gemeenten.phones import show_phone
from keyservice.gemeenten.queries import names
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import NotFound
from keyservice.web import access
from keyservice.web.forms import Form


@bp.get("/personen")
@access.allow(*DUO_INVITERS)
def persons() -> ResponseReturnValue:
    """Show everybody with an account, searched by name or mail address, and what waits."""
    form = SearchForm(request.args)
    valid = form.validate()
    found = people_queries.search(form.zoek.data or "") if valid else []
    grants = people_queries.valid_grants_of(found)
    page = render_template(
        "accounts/people_persons.html",
        form=form,
        form_errors=form.errors,
        people=[(person, grants[person.id]) for person in found],
        full=len(found) == people_queries.MOST_SHOWN,
        gemeenten=names(grant.gemeente for held in grants.values() for grant in held if grant.gemeente),
        invitations=[row for row in people_queries.open_invitations(None, duo=True) if row.second_by],
        waiting=people_queries.waiting(),
        role_names=ROLES,
        may_review=access.actor().has(Role.BEHEERDER),
    )
    return page, 200 if valid else 422


@bp.get("/personen/<uuid:account_id>")
@access.allow(*DUO_INVITERS)
def person(account_id: UUID) -> ResponseReturnValue:
    """Show one person, the roles, and what can be done."""
    found = queries.account(account_id)
    if found is None:
        raise NotFound("account")
    grants = queries.valid_grants(account_id)
    return render_template(
        "accounts/people_person.html",
        person=found,
        grants=grants,
        gemeenten=names(grant.gemeente for grant in grants if grant.gemeente),
        role_names=ROLES,
        may_end=access.actor().has(Role.BEHEERDER),
        oneself=account_id == access.person(),
    )


@bp.route("/personen/uitnodigen", methods=["GET", "POST"])
@access.allow(*DUO_INVITERS, step_up=True)
def invite_person() -> ResponseReturnValue:
    """Propose somebody for a role; a colleague must confirm."""
    form = InvitePersonForm()
    if form.validate_on_submit():
        invitations.invite(access.actor(), **form.values())
        flash("Uw voorstel is bewaard. Een collega moet het bevestigen. Dan pas gaat de uitnodiging weg.", "gelukt")
        return redirect(url_for("accounts.to_confirm"), 303)
    page = render_template("accounts/people_invite_person.html", form=form, form_errors=form.errors)
    return page, 422 if form.errors else 200


@bp.get("/personen/te-bevestigen")
@access.allow(*DUO_INVITERS)
def to_confirm() -> ResponseReturnValue:
    """Show what one DUO person proposed and another must confirm."""
    waiting = people_queries.waiting()
    return render_template(
        "accounts/people_to_confirm.html",
        waiting=waiting,
        gemeenten=names(row.gemeente for row in waiting.invitations if row.gemeente),
        names=queries.names(
            [row.invited_by for row in waiting.invitations]
            + [who for reset in waiting.resets for who in (reset.account_id, reset.proposed_by)]
        ),
        role_names=ROLES,
        me=access.person(),
    )


@bp.route("/personen/uitnodigingen/<uuid:invitation_id>/bevestigen", methods=["GET", "POST"])
@access.allow(*DUO_INVITERS, step_up=True)
def confirm_invitation(invitation_id: UUID) -> ResponseReturnValue:
    """Show what was proposed and whom to call, confirm it, and show the code."""
    invitation = people_queries.invitation_for(access.actor(), invitation_id)
    form = ConfirmForm(number := invitations.number_to_call(invitation.gemeente, invitation.invited_by))
    if form.validate_on_submit():
        code = invitations.confirm(access.actor(), invitation_id, form.nummer.data or None)
        return code_page(code, invitation.name, invitation.email)
    rows = [("Naam", invitation.name), ("E-mailadres", invitation.email), ("Rol", ROLES[invitation.role])]
    return _confirm_page("Uitnodiging bevestigen", form, number, invitation.gemeente, rows)


def _confirm_page(
    title: str, form: Form, number: str | None, gemeente: str | None, rows: list[tuple[str, str]]
) -> ResponseReturnValue:
    if gemeente:
        rows = [*rows, ("Gemeente", names([gemeente]).get(gemeente, gemeente))]
    page = render_template(
        "accounts/people_confirm.html",
        heading=title,
        form=form,
        form_errors=form.errors,
        rows=[(key, value, None, None) for key, value in rows],
        number=show_phone(number) if number else None,
    )
    return page, 422 if form.errors else 200


@bp.route("/personen/<uuid:account_id>/inlogmiddelen-weghalen", methods=["GET", "POST"])
@access.allow(*DUO_INVITERS, step_up=True)
def propose_reset(account_id: UUID) -> ResponseReturnValue:
    """Propose to take away somebody's second factors."""
    found = queries.account(account_id)
    if found is None:
        raise NotFound("account")
    if Form().validate_on_submit():
        people.propose_reset(access.actor(), account_id)
        flash("Uw voorstel is bewaard. Een collega moet het bevestigen.", "gelukt")
        return redirect(url_for("accounts.to_confirm"), 303)
    return render_template("accounts/people_reset.html", person=found)


@bp.route("/personen/inlogmiddelen/<uuid:reset_id>/bevestigen", methods=["GET", "POST"])
@access.allow(*DUO_INVITERS, step_up=True)
def confirm_reset(reset_id: UUID) -> ResponseReturnValue:
    """Show whose factors will go and whom to call, and take them away."""
    reset = people_queries.reset_for(access.actor(), reset_id)
    gemeente = people_queries.gemeente_to_call(reset.account_id)
    form = ConfirmForm(number := invitations.number_to_call(gemeente, reset.proposed_by))
    if form.validate_on_submit():
        people.confirm_reset(access.actor(), reset_id, form.nummer.data or None)
        flash("De inlogmiddelen zijn weggehaald. De persoon stelt bij het inloggen nieuwe in.", "gelukt")
        return redirect(url_for("accounts.to_confirm"), 303)
    found = queries.account(reset.account_id)
    rows = [("Naam", found.name), ("E-mailadres", found.email)] if found else []
    return _confirm_page("Inlogmiddelen weghalen bevestigen", form, number, gemeente, rows)


@bp.post("/personen/inlogmiddelen/<uuid:reset_id>/intrekken")
@access.allow(*DUO_INVITERS)
def withdraw_reset(reset_id: UUID) -> ResponseReturnValue:
    """End a proposal to take away factors."""
    people.withdraw_reset(access.actor(), reset_id)
    flash("Het voorstel is ingetrokken.", "gelukt")
    return redirect(url_for("accounts.to_confirm"), 303)
