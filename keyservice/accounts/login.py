"""Logging in through Flask-Security, and turning who is logged in into the actor of the request."""

from dataclasses import replace
from http import HTTPStatus
from typing import Any, cast

from flask import Flask, Response, abort, after_this_request, g, request, session
from flask_login import current_user, user_logged_out
from flask_security.core import RoleMixin, Security
from flask_security.datastore import SQLAlchemyUserDatastore
from flask_security.forms import LoginForm
from flask_security.signals import user_authenticated
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired

from keyservice import audit
from keyservice.accounts import devices, events, factors, guessing, passwords, proof, queries
from keyservice.accounts.models import Account, Audience, Passkey
from keyservice.database import db, transaction
from keyservice.kernel.actor import DUO_ROLES, Actor
from keyservice.kernel.text import clean, holds_secret
from keyservice.settings import Mode, Settings
from keyservice.web import access, machine
from keyservice.web.forms import refuse_secret

REFUSED = "E-mailadres of wachtwoord klopt niet. Controleer allebei en probeer het opnieuw."


class DutchLoginForm(LoginForm):
    """The login form: the same answer for a known and an unknown person."""

    email = EmailField(
        "E-mailadres",
        filters=[lambda value: clean(value) if value else value],
        validators=[refuse_secret, InputRequired("Vul uw e-mailadres in")],
    )
    password = PasswordField("Wachtwoord", validators=[InputRequired("Vul uw wachtwoord in")])
    remember = None  # type: ignore[assignment]  # no such field: a login lasts as long as its session

    def __init__(self, *positional: Any, **options: Any) -> None:
        super().__init__(*positional, **options)
        # Where to go next stands in the page too, and an address may hold what was pasted into it.
        if holds_secret(self.next.data or ""):
            self.next.data = ""

    def validate(self, **options: Any) -> bool:  # type: ignore[override]  # WTForms names the option, Flask-Security does not
        """Check the two; a refusal is recorded, and says nothing about which of them was wrong. Raises TooOften."""
        # Past the check of LoginForm itself, whose work and errors differ for known and unknown people.
        if super(LoginForm, self).validate(**options) and self._fits():
            return True
        after_this_request(_unprocessable)  # Flask-Security renders the page, with 200
        return False

    def _fits(self) -> bool:
        visitor, email = visiting(), str(self.email.data)
        account = queries.by_mailbox(email)
        account_id, stored = (account.id, account.password) if account and account.active else (None, None)
        guess = guessing.attempt(guessing.Kind.LOGIN, email, devices.source_for(account_id, visitor.source))
        if passwords.fits(stored, str(self.password.data)):
            guess.right()
            self.user, self.user_authenticated = account, True
            return True
        if account:
            with transaction():
                audit.record(events.LOGIN_REFUSED, visitor, result=audit.Result.REFUSED, account=account.id)
        else:
            audit.record_refusal(visitor, "security.login", "login")
        self.email.errors, self.password.errors = [REFUSED], []
        return False


def _unprocessable(response: Response) -> Response:
    response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    return response


class Datastore(SQLAlchemyUserDatastore):
    """Flask-Security's way to the accounts; its commits end in our one transaction."""

    def commit(self) -> None:
        """Commit what a view of Flask-Security changed, if anything."""
        changed = list(db.session.dirty)
        if not changed:
            return
        states = [(row, {a.key: a.value for a in db.inspect(row).attrs if a.history.has_changes()}) for row in changed]
        db.session.rollback()
        with transaction():
            for row, values in states:
                for name, value in values.items():
                    setattr(row, name, value)


def register(app: Flask, settings: Settings) -> None:
    """Switch on login and logout, and nothing else of Flask-Security."""
    app.config.update(
        SECURITY_LOGIN_URL="/inloggen",
        SECURITY_LOGOUT_URL="/uitloggen",
        SECURITY_LOGOUT_METHODS=["POST"],
        SECURITY_POST_LOGIN_VIEW="/",
        SECURITY_POST_LOGOUT_VIEW="/",
        SECURITY_LOGIN_USER_TEMPLATE="accounts/login.html",
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 - the name of a method
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_SALT=None,
        SECURITY_PASSWORD_SINGLE_HASH=["argon2"],
        SECURITY_RETURN_GENERIC_RESPONSES=False,  # our form answers generically itself, in Dutch
        SECURITY_FLASH_MESSAGES=False,
        SECURITY_SEND_REGISTER_EMAIL=False,
        SECURITY_REDIRECT_ALLOW_SUBDOMAINS=False,
        SECURITY_API_ENABLED_METHODS=["session"],
        SECURITY_JOIN_USER_ROLES=False,
        SECURITY_CLI_USERS_NAME=False,
        SECURITY_CLI_ROLES_NAME=False,
        SECURITY_ANONYMOUS_USER_DISABLED=False,
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False, "test_environment": settings.demo},
    )
    if settings.mode is Mode.TESTING:
        # Tests log in hundreds of times; the strength of the hash is not what they are about.
        app.config["SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS"] = {"argon2__rounds": 1, "argon2__memory_cost": 64}
    # No rows of roles: rights come from grants.
    app.config.update(factors.config(settings))
    security = Security(app, Datastore(db, Account, RoleMixin, Passkey), login_form=DutchLoginForm)
    security.want_json(lambda _request: False)
    security.principal.identity_loaders.clear()  # rights come from grants: nobody asks Flask-Principal for an identity
    factors.register(app)
    access.declare_endpoint(app, "security.login", access.Access(public=True))
    access.declare_endpoint(app, "security.logout", access.Access(public=True, enrolling=True))
    # The session is the only way in: a token in an address or header would outlive it.
    app.login_manager.request_loader(None)  # type: ignore[attr-defined]  # Flask-Login hangs itself there
    user_authenticated.connect(_logged_in, app)
    user_logged_out.connect(_logged_out, app)
    app.before_request(_require_readable_target)
    app.before_request(load_actor)


def _require_readable_target() -> None:
    # Flask-Security takes each address to go to apart, as if it were one.
    wanted = request.values.getlist("next") if request.endpoint == "security.login" else []
    if None in map(factors.address_parts, wanted):
        abort(HTTPStatus.BAD_REQUEST)


def load_actor() -> None:
    """Set `g.actor` from the session: the roles valid now, for the gemeente chosen."""
    user = cast("Account", current_user)
    if machine.asks() or not user.is_authenticated:
        g.actor = visiting()
        return
    grants = queries.valid_grants(user.id)
    gemeenten = sorted({grant.gemeente for grant in grants if grant.gemeente})
    chosen = session.get("gemeente")
    gemeente = chosen if chosen in gemeenten else next(iter(gemeenten), None)
    if user.audience is Audience.DUO:
        roles, gemeente = {grant.role for grant in grants if grant.role in DUO_ROLES}, None
    else:
        roles = {grant.role for grant in grants if grant.gemeente == gemeente and grant.gemeente}
    g.person_name = user.name
    g.gemeenten = gemeenten
    g.actor = Actor(
        person=user.id,
        roles=frozenset(roles),
        gemeente=gemeente,
        origin="web",
        factor_at=proof.given_at(),
        source=request.remote_addr,
        agent=clean(request.user_agent.string)[:200],
        trace=request.headers.get("traceparent"),
    )


def visiting() -> Actor:
    """Return the actor of a request of somebody who is not logged in."""
    agent = clean(request.user_agent.string)[:200]
    origin = "api" if machine.asks() else "web"
    return Actor(None, frozenset(), None, origin, source=request.remote_addr, agent=agent)


def _logged_in(_app: Flask, user: Account, authn_via: list[str], **_rest: object) -> None:
    actor = replace(visiting(), person=user.id)
    try:
        with transaction():
            audit.record(events.LOGGED_IN, actor, subject=user.id, factors=authn_via)
            devices.logged_in(actor, user.id)
    except BaseException:
        # The libraries have opened the session already; it is no part of a transaction and must not outlive this one.
        session.clear()
        g.pop("_login_user", None)
        raise


def _logged_out(_app: Flask, user: Account, **_rest: object) -> None:
    with transaction():
        audit.record(events.LOGGED_OUT, access.actor(), subject=user.id)


def confirm_identity(password: str) -> bool:
    """Check the password of the person logged in; when right, the next ten minutes count as fresh. Raises TooOften."""
    actor, account = access.actor(), cast("Account", current_user)
    stored = account.password
    guess = guessing.attempt(guessing.Kind.STEP_UP, account.email, devices.source_for(account.id, actor.source))
    right = passwords.fits(stored, password)
    proof.tried("password", right=right)
    if right:
        guess.right()
    return right
