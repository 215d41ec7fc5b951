"""Pages of one's own account about sessions and the password."""

from typing import cast

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from keyservice.accounts import passwords, sessions
from keyservice.accounts.blueprint import bp
from keyservice.accounts.login import confirm_identity
from keyservice.accounts.models import Account
from keyservice.accounts.password_forms import PasswordForm
from keyservice.accounts.sessions import BrowserSession
from keyservice.kernel.ids import token_digest
from keyservice.kernel.secret import Secret
from keyservice.web import access


def _current() -> BrowserSession:
    return cast("BrowserSession", session)


@bp.get("/mijn-account/sessies")
@access.signed_in
def own_sessions() -> ResponseReturnValue:
    """Show where this person is logged in."""
    here = token_digest(str(_current().token))
    return render_template("accounts/sessions.html", rows=sessions.own(access.person()), here=here)


@bp.post("/mijn-account/sessies/beeindigen")
@access.signed_in
def end_session() -> ResponseReturnValue:
    """End one session."""
    try:
        key = bytes.fromhex(request.form.get("sessie", ""))
    except ValueError:
        key = b""
    sessions.end_own(access.actor(), access.person(), key)
    flash("De sessie is beëindigd.", "gelukt")
    return redirect(url_for("accounts.own_sessions"), 303)


@bp.post("/mijn-account/sessies/andere-beeindigen")
@access.signed_in
def end_other_sessions() -> ResponseReturnValue:
    """End all sessions but this one."""
    sessions.end_others(access.actor(), access.person(), _current().token)
    flash("Alle andere sessies zijn beëindigd.", "gelukt")
    return redirect(url_for("accounts.own_sessions"), 303)


@bp.get("/mijn-account/sessie")
@access.signed_in
def stay() -> ResponseReturnValue:
    """Keep the session going, as every page does, and tell how long it lasts, in seconds."""
    return {"idle": _current().idle_seconds, "longest": _current().longest_seconds}


@bp.route("/mijn-account/wachtwoord", methods=["GET", "POST"])
@access.signed_in
def change_password() -> ResponseReturnValue:
    """Change the password; the old one is asked."""
    account, form = cast("Account", current_user), PasswordForm()
    if not account.password:
        return render_template("accounts/password_none.html")
    if form.validate_on_submit() and _passwords_right(account, form):
        passwords.change_password(access.actor(), account.id, Secret(str(form.new_password.data)), _current().token)
        flash("Uw wachtwoord is veranderd. Op andere apparaten bent u uitgelogd.", "gelukt")
        return redirect(url_for("accounts.own_account"), 303)
    page = render_template("accounts/password.html", form=form, form_errors=form.errors, shortest=passwords.SHORTEST)
    return page, 422 if form.errors else 200


def _passwords_right(account: Account, form: PasswordForm) -> bool:
    """Check both, so that all faults are told at once."""
    form.new_password.errors = passwords.check_password(str(form.new_password.data), passwords.context_of(account))
    if not confirm_identity(str(form.password.data)):
        form.password.errors = ["Dit is niet uw wachtwoord van nu"]
    return not form.errors
