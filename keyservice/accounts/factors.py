"""The second step of logging in: who must take it, who has taken it, and who has yet to set one up.

Flask-Security checks the password and keeps who is half logged in; its own pages for second factors stay closed.
"""

from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from flask import Flask, current_app, redirect, session, url_for
from flask.typing import ResponseReturnValue, ResponseValue
from flask_login import current_user
from flask_security.core import UserMixin
from flask_security.tf_plugin import TfPluginBase, tf_check_state, tf_clean_session
from flask_security.utils import login_user

from keyservice import audit
from keyservice.accounts import events, guessing, oidc, passkeys, proof, recovery, totp
from keyservice.accounts.models import Account
from keyservice.database import transaction
from keyservice.kernel.ids import link_token
from keyservice.kernel.seal import Rings
from keyservice.settings import Settings
from keyservice.web import access

_NEXT = "tf_next"


class SecondStep(TfPluginBase):
    """Where Flask-Security sends who gave the right password: to one page for app, passkey and recovery code."""

    def create_blueprint(self, app: Flask, bp: object, state: object) -> None:
        """Add no pages: ours hang in the blueprint of this slice."""

    def get_setup_methods(self, user: UserMixin) -> list[tuple[str, str]]:
        """Return one method for who has a second factor, whatever it is; nothing for who has to set one up."""
        return [("second-step", "")] if has_factor(cast("Account", user)) else []

    def tf_login(self, user: UserMixin, json_payload: dict[str, Any], next_loc: str | None) -> ResponseValue:  # noqa: ARG002 - Flask-Security calls it so
        """Remember that the password was right, and ask for the rest."""
        session["tf_state"] = "ready"
        remember_target(next_loc)
        return redirect(url_for("accounts.second_step"), 303)


def config(settings: Settings) -> dict[str, object]:
    """Return the settings of Flask-Security for second factors."""
    return {
        "SECURITY_TWO_FACTOR": True,
        "SECURITY_TWO_FACTOR_ENABLED_METHODS": [totp.METHOD],
        "SECURITY_TWO_FACTOR_IMPLEMENTATIONS": {"code": f"{__name__}.{SecondStep.__name__}"},
        "SECURITY_TOTP_ISSUER": totp.ISSUER,
        # Flask-Security will not start without; the secrets of people are sealed by the same ring, to their row.
        "SECURITY_TOTP_SECRETS": {key.id.hex(): key.key.hex() for key in Rings(settings.rings).keys(totp.RING)},
        # The one text of Flask-Security that its login form shows and ours does not replace.
        "SECURITY_MSG_INVALID_REDIRECT": ("Deze link klopt niet. Begin opnieuw met inloggen.", "error"),
    }


def register(app: Flask) -> None:
    """Tell the guard of all pages who has to set up a second factor first, and let the login page ask for a passkey."""
    app.extensions["keyservice.enrolment"] = to_enrolment
    app.extensions["security"].login_context_processor(lambda: {"question": passkey_question()})


def has_factor(account: Account) -> bool:
    """Tell whether a person can take a second step. Recovery codes alone are none: they run out."""
    return bool(account.tf_totp_secret or account.webauthn)


def to_enrolment() -> ResponseReturnValue | None:
    """Send somebody without a second factor to the page to set one up; None for everybody else."""
    if has_factor(cast("Account", current_user)) or oidc.logged_in_by_oidc():
        return None
    return redirect(url_for("accounts.enrol"), 303)


def half_logged_in() -> Account | None:
    """Return who gave the right password and has yet to take the second step, in this browser."""
    account = cast("Account | None", tf_check_state(["ready"]))
    return account if account and account.active else None


def code_fits(account: Account, typed: str) -> bool:
    """Tell whether a code of the app is right, and use it up. Raises TooOften."""
    guess = guessing.attempt(guessing.Kind.FACTOR, account.email, access.actor().source)
    return _judged(account, guess, "totp", fits=totp.verify(account.id, typed))


def recovery_code_fits(account: Account, typed: str) -> bool:
    """Tell whether a recovery code is right, and use it up. Raises TooOften."""
    guess = guessing.attempt(guessing.Kind.FACTOR, account.email, access.actor().source)
    return _judged(account, guess, "recovery-code", fits=recovery.use(access.actor(), account.id, typed))


def _judged(account: Account, guess: guessing.Guess, factor: str, *, fits: bool) -> bool:
    if fits:
        guess.right()
    else:
        _refused(account, factor)
    return fits


def _refused(account: Account | None, factor: str) -> None:
    if account is None:
        audit.record_refusal(access.actor(), "accounts.log_in_by_passkey", factor)
        return
    with transaction():
        refused = audit.Result.REFUSED
        audit.record(
            events.FACTOR_REFUSED,
            access.actor(),
            subject=account.id,
            result=refused,
            account=account.id,
            factor=factor,
        )


def complete(account: Account, *via: str) -> ResponseReturnValue:
    """Log in who has taken all steps, and go where the person wanted to go."""
    target = session.pop(_NEXT, None)
    tf_clean_session()  # type: ignore[no-untyped-call]  # Flask-Security forgot its type
    login_user(account, authn_via=list(via))
    return redirect(target or url_for("front.home"), 303)


def remember_target(address: str | None) -> None:
    """Keep where somebody wanted to go, when that is a page of this site and not the login page itself."""
    parts = address_parts(address or "") or urlsplit("")
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    if oidc.local_path(path) == path != url_for("security.login"):
        session[_NEXT] = path
    else:
        session.pop(_NEXT, None)


def address_parts(address: str) -> SplitResult | None:
    """Return the parts of an address; None for what is none, such as `//[`."""
    try:
        return urlsplit(address)
    except ValueError:
        return None


def challenge(purpose: str) -> str:
    """Return the challenge for a passkey of this session, for `create` or `get`; it is good for one answer."""
    return str(session.setdefault(f"passkey_{purpose}", link_token()))


def answered_challenge(purpose: str) -> str:
    """Return the challenge that a passkey should have answered, and forget it."""
    return str(session.pop(f"passkey_{purpose}", None) or link_token())


def passkey_question() -> str:
    """Return the question to the browser to sign in with a passkey, for a page."""
    return passkeys.request_options(challenge("get"))


def own_passkey_question() -> str | None:
    """Return the same question when the person logged in has a passkey at all."""
    return passkey_question() if cast("Account", current_user).webauthn else None


def confirm_by_passkey(answer: str) -> bool:
    """Check a passkey of the person logged in; when right, the next ten minutes count as fresh."""
    right = passkeys.owner(answer, answered_challenge("get")) == access.actor().person
    proof.tried("passkey", right=right)
    return right


def passkey_owner(answer: str) -> Account | None:
    """Return whose passkey answered the question of this session, if anybody's."""
    account_id = passkeys.owner(answer, answered_challenge("get"))
    account = current_app.extensions["security"].datastore.find_user(id=account_id) if account_id else None
    if account is None:
        _refused(half_logged_in(), "passkey")
    return cast("Account | None", account)
