"""The second step of logging in: a code of the app, a recovery code, or a passkey instead of everything."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from keyservice.accounts import factors, recovery
from keyservice.accounts.blueprint import bp
from keyservice.accounts.factor_forms import CODE_WRONG, RECOVERY_CODE_WRONG, CodeForm, RecoveryForm
from keyservice.accounts.models import Account
from keyservice.web import access


def _to_login() -> ResponseReturnValue:
    return redirect(url_for("security.login"), 303)


def _code_page(form: CodeForm, account: Account) -> str:
    question = factors.passkey_question() if account.webauthn else None
    return render_template(
        "accounts/factor_code.html",
        form=form,
        question=question,
        by_app=bool(account.tf_totp_secret),
        by_recovery_code=recovery.left(account) > 0,
    )


@bp.get("/inloggen/code")
@access.public
def second_step() -> ResponseReturnValue:
    """Ask for the second factor of who gave the right password."""
    account = factors.half_logged_in()
    return _code_page(CodeForm(), account) if account else _to_login()


@bp.post("/inloggen/code")
@access.public
def verify_code() -> ResponseReturnValue:
    """Log in by a code of the app."""
    account, form = factors.half_logged_in(), CodeForm()
    if account is None:
        return _to_login()
    if form.validate_on_submit():
        if factors.code_fits(account, form.code.data or ""):
            return factors.complete(account, "password", "totp")
        form.code.errors = [CODE_WRONG]
    return _code_page(form, account), 422


@bp.get("/inloggen/herstelcode")
@access.public
def recovery_step() -> ResponseReturnValue:
    """Ask for a recovery code of who gave the right password."""
    return _recovery_page(RecoveryForm()) if factors.half_logged_in() else _to_login()


@bp.post("/inloggen/herstelcode")
@access.public
def verify_recovery_code() -> ResponseReturnValue:
    """Log in by a recovery code."""
    account, form = factors.half_logged_in(), RecoveryForm()
    if account is None:
        return _to_login()
    if form.validate_on_submit():
        if factors.recovery_code_fits(account, form.herstelcode.data or ""):
            return factors.complete(account, "password", "recovery-code")
        form.herstelcode.errors = [RECOVERY_CODE_WRONG]
    return _recovery_page(form), 422


def _recovery_page(form: RecoveryForm) -> str:
    return render_template("accounts/factor_recovery_step.html", form=form)


@bp.post("/inloggen/passkey")
@access.public
def log_in_by_passkey() -> ResponseReturnValue:
    """Log in by a passkey alone, or as the second step."""
    if access.actor().person:
        return redirect(url_for("front.home"), 303)
    account = factors.passkey_owner(request.form.get("antwoord", ""))
    if account is None:
        return render_template("accounts/factor_passkey_refused.html", question=factors.passkey_question()), 422
    if request.form.get("next"):
        factors.remember_target(request.form["next"])
    return factors.complete(account, "passkey")
