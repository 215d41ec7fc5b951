"""Pages of one's own account about logging in: the app, passkeys and recovery codes."""

from typing import cast
from uuid import UUID

from flask import flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from keyservice.accounts import factors, passkeys, recovery, totp
from keyservice.accounts.blueprint import bp
from keyservice.accounts.factor_forms import CODE_WRONG, PASSKEY_REFUSED, CodeForm, PasskeyForm
from keyservice.accounts.models import Account
from keyservice.kernel.errors import Invalid
from keyservice.web import access


def _account() -> Account:
    return cast("Account", current_user)


def _token() -> str | None:
    return getattr(session, "token", None)


def _done(text: str) -> ResponseReturnValue:
    """Go on: to the recovery codes when there are none yet, else back to the account."""
    flash(text, "gelukt")
    return redirect(
        url_for("accounts.recovery_codes" if not recovery.left(_account()) else "accounts.own_account"), 303
    )


@bp.get("/mijn-account")
@access.signed_in
def own_account() -> ResponseReturnValue:
    """Show how this person logs in, and where to change that."""
    account = _account()
    return render_template(
        "accounts/factor_account.html", account=account, left=recovery.left(account), few=recovery.FEW
    )


@bp.get("/mijn-account/inloggen-instellen")
@access.enrolling()
def enrol() -> ResponseReturnValue:
    """Ask somebody without a second factor to choose one."""
    if factors.has_factor(_account()):
        return redirect(url_for("accounts.own_account"), 303)
    return render_template("accounts/factor_enrol.html")


def _pending() -> str:
    # Named after the account: a session outlives logging out, and the seal fits one account only.
    return f"totp_pending:{access.person()}"


def _app_page(form: CodeForm) -> str:
    account = _account()
    # Kept in the session until a code proves that the app has it; sealed there too.
    sealed = session.setdefault(_pending(), totp.new_secret(account.id))
    side, path = totp.picture(account.id, sealed, account.email)
    return render_template(
        "accounts/factor_app.html",
        form=form,
        side=side,
        path=path,
        secret=totp.grouped(account.id, sealed),
        account=account,
    )


@bp.get("/mijn-account/authenticator")
@access.enrolling()
def app() -> ResponseReturnValue:
    """Show the secret for an authenticator app."""
    return _app_page(CodeForm())


@bp.post("/mijn-account/authenticator")
@access.enrolling(step_up=True)
def enrol_app() -> ResponseReturnValue:
    """Keep the secret when the app shows the right code."""
    form, sealed = CodeForm(), session.get(_pending())
    if sealed and form.validate_on_submit():
        if totp.enrol(access.actor(), sealed, form.code.data or "", keep_session=_token()):
            session.pop(_pending())
            return _done("Uw authenticator-app is ingesteld.")
        form.code.errors = [CODE_WRONG]
    return _app_page(form), 422


@bp.post("/mijn-account/authenticator/verwijderen")
@access.own_account
def remove_app() -> ResponseReturnValue:
    """Take the app away, when there is a passkey."""
    totp.remove(access.actor(), keep_session=_token())
    return _done("Uw authenticator-app is verwijderd.")


def _passkeys_page(form: PasskeyForm) -> str:
    account = _account()
    question = passkeys.creation_options(account, factors.challenge("create"))
    return render_template("accounts/factor_passkeys.html", form=form, account=account, question=question)


@bp.get("/mijn-account/passkeys")
@access.enrolling()
def own_passkeys() -> ResponseReturnValue:
    """Show the passkeys, and how to add one."""
    return _passkeys_page(PasskeyForm())


@bp.post("/mijn-account/passkeys")
@access.enrolling(step_up=True)
def add_passkey() -> ResponseReturnValue:
    """Keep a new passkey."""
    form = PasskeyForm()
    if form.validate_on_submit():
        answer, name = form.antwoord.data or "", form.naam.data or ""
        try:
            passkeys.add(access.actor(), name, answer, factors.answered_challenge("create"), keep_session=_token())
        except Invalid:
            form.form_errors.append(PASSKEY_REFUSED)
        else:
            return _done("Uw passkey is toegevoegd.")
    form.antwoord.data = ""
    return _passkeys_page(form), 422


@bp.post("/mijn-account/passkeys/<uuid:passkey_id>/verwijderen")
@access.own_account
def remove_passkey(passkey_id: UUID) -> ResponseReturnValue:
    """Take a passkey away, when something else is left."""
    passkeys.remove(access.actor(), passkey_id, keep_session=_token())
    return _done("Uw passkey is verwijderd.")


@bp.get("/mijn-account/herstelcodes")
@access.signed_in
def recovery_codes() -> ResponseReturnValue:
    """Say what recovery codes are for, and how many are left."""
    return render_template("accounts/factor_recovery.html", codes=(), left=recovery.left(_account()), few=recovery.FEW)


@bp.post("/mijn-account/herstelcodes")
@access.own_account
def make_recovery_codes() -> ResponseReturnValue:
    """Make new recovery codes and show them, in the answer itself: they are kept nowhere else."""
    codes = [code.reveal() for code in recovery.renew(access.actor(), keep_session=_token())]
    return render_template("accounts/factor_recovery.html", codes=codes, left=len(codes), few=recovery.FEW)
