"""Pages around logging in through a provider: to it, back from it, and on with what was being done."""

from http import HTTPStatus

from flask import abort, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from keyservice import audit, settings
from keyservice.accounts import events, joining, oidc
from keyservice.accounts.blueprint import bp
from keyservice.accounts.oidc_client import OidcFailed
from keyservice.accounts.oidc_texts import text_of
from keyservice.database import db, transaction
from keyservice.settings_oidc import OidcProvider
from keyservice.web import access

RETRY_AFTER_SECONDS = "120"


@bp.get("/inloggen/via/<any(gemeente, duo):audience>")
@access.public
def oidc_login(audience: str) -> ResponseReturnValue:
    """Send a visitor to the provider to log in."""
    if access.actor().person:
        return redirect(url_for("front.home"), 303)
    return redirect(oidc.begin_login(_provider(audience), request.args.get("next", "")), 303)


@bp.get("/uitnodiging/via/<any(gemeente, duo):audience>")
@access.public
def oidc_bind(audience: str) -> ResponseReturnValue:
    """Send somebody who opened an invitation to the provider, to accept it as who he is there."""
    if joining.OPENED not in session:
        raise OidcFailed("invitation")
    return redirect(oidc.begin_bind(_provider(audience)), 303)


@bp.get("/inloggen/bevestigen")
@access.signed_in
def oidc_step_up() -> ResponseReturnValue:
    """Send somebody to the provider to prove again who he is."""
    chosen = oidc.own_provider() if oidc.logged_in_by_oidc() else None
    return redirect(oidc.begin_step_up(chosen), 303) if chosen else abort(404)


@bp.get("/inloggen/via/<any(gemeente, duo):audience>/terug")
@access.public
def oidc_return(audience: str) -> ResponseReturnValue:
    """Take somebody back from the provider."""
    return redirect(oidc.come_back(_provider(audience)), 303)


@bp.get("/inloggen/verder")
@access.signed_in
def oidc_go_on() -> ResponseReturnValue:
    """Show the form that waited while its person was at the provider, ready to be sent."""
    action, fields = oidc.parked() or (None, [])
    return render_template("accounts/oidc_go_on.html", action=action, fields=fields)


@bp.before_app_request
def forget_parked() -> None:
    """Drop a parked form as soon as it is sent."""
    oidc.forget_parked()


@bp.app_context_processor
def providers() -> dict[str, object]:
    """Give the templates the providers, for their buttons."""
    return {"oidc_providers": settings.current().oidc}


@bp.app_errorhandler(OidcFailed)
def oidc_failed(error: OidcFailed) -> ResponseReturnValue:
    """Say what went wrong and what to do, and record the refusal of known people and unknown ones (I11)."""
    db.session.rollback()
    _record(error)
    chosen = _chosen()
    audience = chosen.audience if chosen else "gemeente"
    title, text = text_of(error.code, chosen.name if chosen else "", audience)
    again, label = _again(error)
    page = render_template("accounts/oidc_failed.html", heading=title, text=text, again=again, label=label)
    if error.code == "provider":
        return page, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": RETRY_AFTER_SECONDS}
    return page, HTTPStatus.FORBIDDEN


def _record(error: OidcFailed) -> None:
    actor = access.actor()
    if actor.person or not error.account:
        audit.record_refusal(actor, request.endpoint or "", f"oidc-{error.code}")
        return
    with transaction():
        audit.record(events.LOGIN_REFUSED, actor, result=audit.Result.REFUSED, account=error.account)


def _provider(audience: str) -> OidcProvider:
    return oidc.provider(audience) or abort(404)


def _chosen() -> OidcProvider | None:
    """Return the provider that a failed request was about."""
    audience = (request.view_args or {}).get("audience")
    if audience:
        return oidc.provider(audience)
    return oidc.own_provider() if access.actor().person else None


def _again(error: OidcFailed) -> tuple[str, str]:
    """Return the link of a failed round trip: the same again, or the other way that there is."""
    if error.code == "no-auth-time":
        return url_for("accounts.oidc_go_on"), "Ga verder en bevestig het hier"
    if access.actor().person:
        parked = oidc.parked() and oidc.logged_in_by_oidc() and error.code != "no-factor"
        return (url_for("accounts.oidc_step_up"), "Probeer het opnieuw") if parked else _home()
    audience = (request.view_args or {}).get("audience")
    if joining.OPENED in session and audience and error.code not in {"taken", "invitation"}:
        return url_for("accounts.oidc_bind", audience=audience), "Probeer het opnieuw"
    return url_for("security.login"), "Terug naar inloggen"


def _home() -> tuple[str, str]:
    return url_for("front.home"), "Terug naar de voorpagina"
