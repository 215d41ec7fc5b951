"""Pages of somebody invited. Opening the link changes nothing: only the code that was said aloud does."""

from uuid import UUID

from flask import redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_security.utils import login_user

from keyservice.accounts import joining, queries
from keyservice.accounts.blueprint import bp
from keyservice.accounts.models import Account, Invitation
from keyservice.accounts.people_forms import CodeForm, NewAccountForm
from keyservice.accounts.people_messages import LINK_PATH
from keyservice.accounts.words import ROLES
from keyservice.database import db
from keyservice.gemeenten.queries import names
from keyservice.kernel.errors import Invalid
from keyservice.kernel.secret import Secret
from keyservice.web import access
from keyservice.web.forms import Form

# Uniform: the page must not tell which links exist.
WRONG = "Deze code klopt niet, of de uitnodiging werkt niet meer. Vraag om een nieuwe uitnodiging als dit zo blijft."


@bp.route(f"{LINK_PATH}<token>", methods=["GET", "POST"])
@access.public
def open_invitation(token: str) -> ResponseReturnValue:
    """Ask for the code that belongs to a link; the same page for every link."""
    form = CodeForm()
    if form.validate_on_submit():
        try:
            session[joining.OPENED] = str(joining.open_by_code(access.actor(), token, form.code.data or ""))
        except Invalid:
            form.code.errors = [WRONG]
        else:
            return redirect(url_for("accounts.accept_invitation"), 303)
    page = render_template("accounts/invitation_code.html", form=form, form_errors=form.errors)
    return page, 422 if form.errors else 200


@bp.route("/uitnodiging", methods=["GET", "POST"])
@access.public
def accept_invitation() -> ResponseReturnValue:
    """Accept the invitation that this session opened: with a new account, or with the one that is logged in."""
    invitation = joining.opened(session.get(joining.OPENED))
    if invitation is None:
        return render_template("accounts/invitation_gone.html")
    account = queries.by_mailbox(invitation.email)
    if access.actor().person:
        return _existing_account(invitation, account)
    if account is None:
        return _new_account(invitation)
    return redirect(url_for("security.login", next=url_for("accounts.accept_invitation")), 303)


def _new_account(invitation: Invitation) -> ResponseReturnValue:
    form = NewAccountForm(invitation.name, [invitation.email, _where(invitation)])
    if form.validate_on_submit():
        name, password = str(form.naam.data), Secret(str(form.wachtwoord.data))
        return _log_in(joining.join_as_new(access.actor(), invitation.id, name=name, password=password))
    page = render_template(
        "accounts/invitation_account.html", form=form, form_errors=form.errors, **_values(invitation)
    )
    return page, 422 if form.errors else 200


def _log_in(account_id: UUID) -> ResponseReturnValue:
    # The person proved the mailbox by the link and himself by the code; a second factor comes next, before anything.
    session.pop(joining.OPENED, None)
    login_user(db.session.get_one(Account, account_id), remember=False, authn_via=["invitation"])
    return redirect(url_for("front.home"), 303)


def _existing_account(invitation: Invitation, account: Account | None) -> ResponseReturnValue:
    mine = account is not None and access.actor().person == account.id
    if mine and Form().validate_on_submit():
        joining.join(access.actor(), invitation.id)
        session.pop(joining.OPENED, None)
        if invitation.gemeente:
            session["gemeente"] = invitation.gemeente
        return redirect(url_for("front.home"), 303)
    return render_template("accounts/invitation_join.html", mine=mine, **_values(invitation)), 200 if mine else 403


def _values(invitation: Invitation) -> dict[str, object]:
    return {"invitation": invitation, "role": ROLES[invitation.role], "where": _where(invitation)}


def _where(invitation: Invitation) -> str:
    if invitation.gemeente is None:
        return "DUO"
    return f"gemeente {names([invitation.gemeente]).get(invitation.gemeente, invitation.gemeente)}"
