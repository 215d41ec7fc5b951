"""Pages of a gemeentebeheerder: colleagues and their roles, invitations, the yearly review."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from keyservice.accounts import invitations, people, people_queries
from keyservice.accounts.blueprint import bp
from keyservice.accounts.people_forms import InviteForm, RoleForm, answers, end_of, review_form
from keyservice.accounts.words import ROLES
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.kernel.secret import Secret
from keyservice.web import access

GROUP = 4


@bp.get("/collega-s")
@access.allow(Role.GEMEENTEBEHEERDER)
def colleagues() -> ResponseReturnValue:
    """Show who may do what for the gemeente, and who is invited."""
    gemeente = access.actor().gemeente
    return render_template(
        "accounts/people_colleagues.html",
        grants=people_queries.grants_of(gemeente),
        invitations=people_queries.open_invitations(gemeente, duo=False),
        role_names=ROLES,
        now=clock.now(),
        me=access.person(),
    )


@bp.route("/collega-s/uitnodigen", methods=["GET", "POST"])
@access.allow(Role.GEMEENTEBEHEERDER, step_up=True)
def invite_colleague() -> ResponseReturnValue:
    """Invite somebody to a role of the gemeente."""
    form = InviteForm()
    if form.validate_on_submit():
        code = invitations.invite(access.actor(), gemeente=access.actor().gemeente, **form.values())
        return code_page(code, str(form.naam.data), str(form.email.data))
    page = render_template("accounts/people_invite.html", form=form, form_errors=form.errors)
    return page, 422 if form.errors else 200


def code_page(code: Secret | None, name: str, email: str) -> str:
    """Return the page that shows a code to its inviter, once: it is kept nowhere, so there is no page to go back to."""
    shown = code.reveal() if code else ""
    grouped = "-".join(shown[start : start + GROUP] for start in range(0, len(shown), GROUP))
    return render_template("accounts/people_code.html", code=grouped, name=name, email=email, back=_list_url())


def _list_url() -> str:
    duo = access.actor().has(*people_queries.DUO_INVITERS)
    return url_for("accounts.persons" if duo else "accounts.colleagues")


@bp.post("/uitnodigingen/<uuid:invitation_id>/opnieuw")
@access.allow(Role.GEMEENTEBEHEERDER, *people_queries.DUO_INVITERS, step_up=True)
def invite_again(invitation_id: UUID) -> ResponseReturnValue:
    """Send a new link and show a new code."""
    code = invitations.send_again(access.actor(), invitation_id)
    invitation = people_queries.invitation_for(access.actor(), invitation_id)
    return code_page(code, invitation.name, invitation.email)


@bp.post("/uitnodigingen/<uuid:invitation_id>/intrekken")
@access.allow(Role.GEMEENTEBEHEERDER, *people_queries.DUO_INVITERS)
def withdraw_invitation(invitation_id: UUID) -> ResponseReturnValue:
    """Withdraw an invitation."""
    invitations.withdraw(access.actor(), invitation_id)
    flash("De uitnodiging is ingetrokken. De link en de code werken niet meer.", "gelukt")
    return redirect(_list_url(), 303)


@bp.route("/collega-s/<uuid:account_id>/rol", methods=["GET", "POST"])
@access.allow(Role.GEMEENTEBEHEERDER, step_up=True)
def grant_role(account_id: UUID) -> ResponseReturnValue:
    """Give a colleague another role."""
    colleague = people_queries.colleague_for(access.actor(), account_id)
    form = RoleForm()
    if form.validate_on_submit():
        people.grant_role(access.actor(), account_id, Role(form.rol.data), until=end_of(form.tot.data))
        flash("De rol is gegeven. Uw collega logt opnieuw in.", "gelukt")
        return redirect(url_for("accounts.colleagues"), 303)
    page = render_template("accounts/people_role.html", form=form, form_errors=form.errors, colleague=colleague)
    return page, 422 if form.errors else 200


@bp.route("/collega-s/rollen/<uuid:grant_id>/beeindigen", methods=["GET", "POST"])
@access.allow(Role.GEMEENTEBEHEERDER, Role.BEHEERDER)
def end_grant(grant_id: UUID) -> ResponseReturnValue:
    """Ask whether a role must end, and end it."""
    grant = people_queries.grant_for(access.actor(), grant_id)
    if request.method == "POST":
        people.end_grant(access.actor(), grant_id)
        flash("De rol is beëindigd.", "gelukt")
        return redirect(_list_url(), 303)
    return render_template("accounts/people_end.html", grant=grant, role=ROLES[grant.role], back=_list_url())


@bp.route("/collega-s/controle", methods=["GET", "POST"])
@access.allow(Role.GEMEENTEBEHEERDER, step_up=True)
def review_colleagues() -> ResponseReturnValue:
    """Do the yearly review of the gemeente."""
    return _review(access.actor().gemeente)


@bp.route("/personen/controle", methods=["GET", "POST"])
@access.allow(Role.BEHEERDER, step_up=True)
def review_persons() -> ResponseReturnValue:
    """Do the yearly review of the roles at DUO."""
    return _review(None)


def _review(gemeente: str | None) -> ResponseReturnValue:
    grants = people_queries.grants_of(gemeente)
    form = review_form(grants)
    if form.validate_on_submit():
        people.review(access.actor(), answers(form, grants))
        flash("De controle is bewaard.", "gelukt")
        return redirect(_list_url(), 303)
    pairs = list(zip(grants, [field for field in form if field.type == "RadioField"], strict=True))
    page = render_template("accounts/people_review.html", form=form, form_errors=form.errors, pairs=pairs)
    return page, 422 if form.errors else 200
