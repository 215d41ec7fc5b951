"""Pages of one's own account: the fresh proof of who one is, and the gemeente one acts for."""

from flask import g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from keyservice import audit
from keyservice.accounts import (  # noqa: F401 - those named views hang their routes into the blueprint
    duo_people_views,
    factor_views,
    factors,
    invitation_views,
    oidc,
    oidc_views,
    people_views,
    portfolio_views,
    second_step_views,
    session_views,
)
from keyservice.accounts.blueprint import bp
from keyservice.accounts.login import confirm_identity
from keyservice.gemeenten.queries import names
from keyservice.web import access
from keyservice.web.kept import kept_address, kept_fields

PASSWORD_FIELD, PASSKEY_FIELD = "_wachtwoord", "_passkey"


def step_up() -> ResponseReturnValue | None:
    """Ask for the password or a passkey before an act that gives, and then do that act: what was typed travels along.

    Returns None when the answer is right, so that the request goes on; else the page that asks for it.
    """
    if oidc.logged_in_by_oidc() and (asked := oidc.step_up()):
        return asked
    typed, answer = request.form.get(PASSWORD_FIELD), request.form.get(PASSKEY_FIELD)
    if (typed is not None and confirm_identity(typed)) or (answer and factors.confirm_by_passkey(answer)):
        return None
    page = render_template(
        "accounts/step_up.html",
        fields=kept_fields(("csrf_token", PASSWORD_FIELD, PASSKEY_FIELD)),
        action=kept_address(),
        password_field=PASSWORD_FIELD,
        passkey_field=PASSKEY_FIELD,
        question=factors.own_passkey_question(),
        wrong=typed is not None,
        passkey_wrong=answer is not None,
    )
    return page, 403 if typed is None and answer is None else 422


@bp.get("/namens")
@access.signed_in
def choose_gemeente() -> ResponseReturnValue:
    """Show the gemeenten this person may act for."""
    return render_template(
        "accounts/choose_gemeente.html", gemeenten=names(g.gemeenten), chosen=access.actor().gemeente
    )


@bp.post("/namens")
@access.signed_in
def act_for_gemeente() -> ResponseReturnValue:
    """Act for another gemeente from now on."""
    code = request.form.get("gemeente", "")
    if code not in g.gemeenten:
        audit.record_refusal(access.actor(), "accounts.act_for_gemeente", "gemeente")
        return redirect(url_for("accounts.choose_gemeente"), 303)
    session["gemeente"] = code
    return redirect(url_for("front.home"), 303)
