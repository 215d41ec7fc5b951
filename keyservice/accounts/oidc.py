"""What a provider's word means here: who may enter, which account it belongs to, and when it proves somebody again.

An account is found by issuer and subject only, never by mail address; the two are bound inside an opened invitation.
Logging in this way counts as two factors, because the level (`acr`) is checked.
"""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import cast
from urllib.parse import urlsplit
from uuid import UUID

from flask import Flask, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, user_logged_out
from flask_security.signals import user_authenticated
from flask_security.utils import login_user
from sqlalchemy import delete, select

from keyservice import audit, settings
from keyservice.accounts import events, joining, oidc_client, proof, queries
from keyservice.accounts.models import Account, Audience, OidcIdentity
from keyservice.accounts.oidc_client import Identity, OidcFailed
from keyservice.accounts.sessions import end_sessions
from keyservice.database import db, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import DUO_ROLES
from keyservice.kernel.ids import new_id
from keyservice.kernel.seal import Place, SealBroken
from keyservice.kernel.text import holds_secret
from keyservice.settings_oidc import OidcProvider
from keyservice.web import access
from keyservice.web.kept import kept_address, kept_fields

# How long ago the provider may have asked for the factors again when it says that it just did.
FRESH = timedelta(seconds=60)
LONGEST_PARKED = 64 * 1024
LONGEST_PATH = 2000
# In the session: logged in by a provider; it cannot tell when; the parked form.
VIA, CANNOT_TELL, PARKED = "oidc", "oidc_cannot_tell", "oidc_parked"


def provider(audience: str) -> OidcProvider | None:
    """Return the provider of an audience, if it has one."""
    return next((one for one in settings.current().oidc if one.audience == audience), None)


def own_provider() -> OidcProvider | None:
    """Return the provider of whoever is logged in."""
    return provider(_me().audience)


def logged_in_by_oidc() -> bool:
    """Tell whether this session began at a provider, which then has asked for two factors."""
    return bool(_me().is_authenticated and session.get(VIA))


def account_of(issuer: str, subject: str) -> Account | None:
    """Return the account that a subject of an issuer is bound to."""
    query = select(Account).join(OidcIdentity, OidcIdentity.account_id == Account.id)
    return db.session.scalar(query.where(OidcIdentity.issuer == issuer, OidcIdentity.subject == subject))


def begin_login(chosen: OidcProvider, after: str) -> str:
    """Return the provider's address for logging in; `after` is where to go then. Raises OidcFailed."""
    return _begin(chosen, "login", after=local_path(after))


def begin_bind(chosen: OidcProvider) -> str:
    """Return the provider's address for accepting the invitation that this session opened. Raises OidcFailed."""
    return _begin(chosen, "bind", invitation=session[joining.OPENED])


def begin_step_up(chosen: OidcProvider) -> str:
    """Return the provider's address for proving again who one is. Raises OidcFailed."""
    return _begin(chosen, "step-up", anew=True, person=str(access.person()))


def _begin(chosen: OidcProvider, purpose: str, *, anew: bool = False, **kept: str) -> str:
    # From the settings and not from the request, whose Host header anybody may write.
    back = settings.current().base_url + url_for("accounts.oidc_return", audience=chosen.audience)
    return oidc_client.begin(chosen, back, {"purpose": purpose, **kept}, anew=anew)


def local_path(address: str) -> str:
    """Return an address when it is a path of this service, else the front page: no redirect to elsewhere."""
    odd = "\\" in address or not address.isprintable() or len(address) > LONGEST_PATH or holds_secret(address)
    if odd or not address.startswith("/") or address.startswith("//") or urlsplit(address).netloc:
        return "/"
    return address


def come_back(chosen: OidcProvider) -> str:
    """Finish the round trip of this request and return where to go. Raises OidcFailed."""
    kept = oidc_client.kept_for_return(chosen)
    identity = oidc_client.finish(chosen)
    ends: dict[str, Callable[[OidcProvider, Identity, dict[str, str]], str]] = {
        "login": _log_in,
        "bind": _accept,
        "step-up": _confirm,
    }
    return ends[kept["purpose"]](chosen, identity, kept)


def _log_in(chosen: OidcProvider, identity: Identity, kept: dict[str, str]) -> str:
    account = account_of(identity.issuer, identity.subject)
    if account is None:
        raise OidcFailed("unknown")
    if not account.active:
        raise OidcFailed("unknown", account.id)
    if account.audience != chosen.audience:
        raise OidcFailed("audience", account.id)
    _enter(account, identity)
    return kept["after"]


def _accept(chosen: OidcProvider, identity: Identity, kept: dict[str, str]) -> str:
    """Accept the invitation that this session opened, as who somebody is at the provider.

    Whoever has an account already must have logged in just now: a link and a code do not open somebody's account, and
    neither does a session that was left open.
    """
    actor, invitation = access.actor(), joining.opened(UUID(kept["invitation"]))
    if invitation is None or session.get(joining.OPENED) != kept["invitation"]:
        raise OidcFailed("invitation")
    if chosen.audience != (Audience.DUO if invitation.role in DUO_ROLES else Audience.GEMEENTE):
        raise OidcFailed("invitation")
    if queries.by_mailbox(invitation.email) and not access.fresh(actor):
        raise OidcFailed("log-in-first")
    with transaction():
        if actor.person:
            account_id = actor.person
            joining.join(actor, invitation.id)
        else:
            account_id = joining.join_as_new(actor, invitation.id, name=invitation.name, password=None)
        bind(account_id, identity.issuer, identity.subject)
        end_sessions(account_id, getattr(session, "token", None))
    session.pop(joining.OPENED)
    if actor.person is None:
        _enter(db.session.get_one(Account, account_id), identity)
    return "/"


def _enter(account: Account, identity: Identity) -> None:
    """Log in; the proof is as old as the provider says, and counts for no act that gives when it does not say."""
    login_user(account, remember=False, authn_via=["oidc"])
    proof.keep(identity.auth_time)


def bind(account_id: UUID, issuer: str, subject: str) -> None:
    """Let a person log in by this subject from now on, instead of an earlier one of the same issuer.

    Called while an invitation is accepted, and only then. Raises OidcFailed when it belongs to somebody else.
    """
    held = account_of(issuer, subject)
    if held and held.id != account_id:
        raise OidcFailed("taken", held.id)
    with transaction() as database:
        database.execute(
            delete(OidcIdentity).where(OidcIdentity.account_id == account_id, OidcIdentity.issuer == issuer)
        )
        database.add(
            OidcIdentity(id=new_id(), account_id=account_id, issuer=issuer, subject=subject, bound_at=clock.now())
        )
        audit.record(
            events.OIDC_BOUND,
            access.actor(),
            subject=account_id,
            account=account_id,
            issuer=issuer,
            identity=subject,
        )


def _confirm(_chosen: OidcProvider, identity: Identity, kept: dict[str, str]) -> str:
    """Count the proof of somebody who is logged in: the same subject, asked for its factors a moment ago."""
    actor = access.actor()
    if str(actor.person) != kept["person"]:
        raise OidcFailed("ended")
    account = account_of(identity.issuer, identity.subject)
    if account is None or account.id != actor.person:
        raise OidcFailed("other-subject")
    if identity.auth_time is None:
        session[CANNOT_TELL] = True
        raise OidcFailed("no-auth-time" if _has_local_factor() else "no-factor")
    if clock.now() - identity.auth_time >= FRESH:
        raise OidcFailed("auth-time")
    proof.tried("oidc", right=True, at=identity.auth_time)
    return url_for("accounts.oidc_go_on")


def step_up() -> ResponseReturnValue | None:
    """Ask somebody who came through a provider to prove himself there; the form that was sent is parked meanwhile.

    Returns None when the provider cannot and the account has a password or passkey: then that is asked for. Raises
    OidcFailed when it has neither.
    """
    chosen = own_provider()
    if chosen is None or session.get(CANNOT_TELL):
        if not _has_local_factor():
            raise OidcFailed("no-factor")
        return None
    # A name that begins with an underscore belongs to a step-up, and holds a password or the answer of a passkey.
    fields = [(name, value) for name, value in kept_fields(("csrf_token",)) if not name.startswith("_")]
    parked = park(kept_address(), fields)
    return render_template("accounts/oidc_step_up.html", provider=chosen, fields=[] if parked else fields), 403


def park(action: str, fields: list[tuple[str, str]]) -> bool:
    """Keep a form in the session until its person has come back; False when it is too long for that.

    Sealed, for it may hold an activation code, with the ring that is in no backup.
    """
    clear = json.dumps([action, fields]).encode()
    if len(clear) > LONGEST_PARKED:
        session.pop(PARKED, None)
        return False
    session[PARKED] = base64.b64encode(settings.rings().seal("outbox", clear, _place())).decode()
    return True


def parked() -> tuple[str, list[tuple[str, str]]] | None:
    """Return the action and the fields of the parked form of whoever is logged in, if there is one."""
    if PARKED not in session:
        return None
    try:
        action, fields = json.loads(settings.rings().unseal("outbox", base64.b64decode(session[PARKED]), _place()))
    except SealBroken:
        return None
    return action, [(name, value) for name, value in fields]


def forget_parked() -> None:
    """Drop the parked form when it is sent at last."""
    found = parked() if request.method == "POST" and PARKED in session else None
    if found and found[0] == kept_address():
        session.pop(PARKED)


def _has_local_factor() -> bool:
    return bool(_me().password or _me().webauthn)


def _me() -> Account:
    return cast("Account", current_user)


def _place() -> Place:
    return Place("login_session", "parked", access.person())


@user_authenticated.connect
def _logged_in(_app: Flask, authn_via: list[str] | None = None, **_rest: object) -> None:
    session[VIA] = authn_via == ["oidc"]
    session.pop(CANNOT_TELL, None)


@user_logged_out.connect
def _logged_out(_app: Flask, **_rest: object) -> None:
    # The rest of a session outlives logging out; none of this may.
    for key in (VIA, CANNOT_TELL, PARKED, joining.OPENED):
        session.pop(key, None)
