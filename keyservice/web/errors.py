"""Every failure becomes a page, or for a machine a problem, that says what to do; never a stack trace."""

import secrets
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType

from flask import Flask, Response, current_app, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from werkzeug.exceptions import HTTPException, SecurityError

from keyservice import audit
from keyservice.database import AWAY, db
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused, TooOften, UseCaseError
from keyservice.web import access, machine
from keyservice.web.error_texts import text_of
from keyservice.web.kept import from_elsewhere, kept_address, kept_fields

STATUS: dict[type[UseCaseError], int] = {NotFound: 404, Refused: 403, Conflict: 409, Invalid: 422}
PAGES = frozenset({400, 403, 404, 405, 413, 429, 500, 503})
RETRY_AFTER_SECONDS = "30"
# Not sent back to the browser after a stale session: what must not be repeated or shown.
_NOT_KEPT = ("csrf_token", "password", "wachtwoord", "code", "activatiecode", "bsn")


def register(app: Flask) -> None:
    """Hang the error pages into the application."""
    app.register_error_handler(UseCaseError, use_case_error)
    app.register_error_handler(TooOften, too_often)
    app.register_error_handler(CSRFError, stale_form)
    app.register_error_handler(access.LoginNeeded, stale_form)
    app.register_error_handler(HTTPException, http_error)
    for away in AWAY:
        app.register_error_handler(away, database_away)
    app.register_error_handler(IntegrityError, lost_race)
    app.register_error_handler(Exception, unexpected)
    app.log_exception = _log_exception  # type: ignore[method-assign]  # Flask's own tells the whole address


def _log_exception(exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None]) -> None:
    """Log what failed before or after a view by its route: an address may hold the token of a link."""
    current_app.logger.error("failure at %s", request.url_rule, exc_info=exc_info)


def use_case_error(error: UseCaseError) -> ResponseReturnValue:
    """Show the Dutch text of a use case's error, and record the refusal of a known person (I11)."""
    db.session.rollback()
    if not isinstance(error, Invalid):
        audit.record_refusal(access.actor(), request.endpoint or "", error.code)
    return _explained(error)


def _explained(error: UseCaseError) -> ResponseReturnValue:
    title, happened = text_of(error)
    return page(STATUS[type(error)], title=title, happened=happened, back_url=_back(error), error=error)


def _back(error: UseCaseError) -> str:
    """Return where somebody sees how things stand now: what the error names, dossier, person, or the front page."""
    named = error.data.get("back")
    if isinstance(named, str):
        return named
    parts = request.view_args or {}
    aanvraag_id = parts.get("aanvraag_id")
    if isinstance(error, NotFound) or not {"aanvraag_id", "inburgeraar_id"} & parts.keys():
        return url_for("front.home")
    if aanvraag_id is None:
        return url_for("portaal.person", inburgeraar_id=parts["inburgeraar_id"])
    dossier = access.actor().has(Role.RELATIEBEHEERDER, Role.AUDITOR)
    return url_for("front.dossier" if dossier else "front.status", aanvraag_id=aanvraag_id)


def stale_form(_error: CSRFError | access.LoginNeeded) -> ResponseReturnValue:
    """Give the typed text back in a fresh form: the session had ended or the page was old."""
    if from_elsewhere():
        # With the button it would be one click from a foreign page to an act that a person never asked for.
        return page(400)
    return page(400, fields=kept_fields(_NOT_KEPT), action=kept_address())


def too_often(error: TooOften) -> ResponseReturnValue:
    """Say how long to wait, and keep what was typed for the next try."""
    db.session.rollback()
    audit.record_refusal(access.actor(), request.endpoint or "", error.code)
    seconds = error.data["seconds"]
    answer = page(429, seconds=seconds, fields=kept_fields(_NOT_KEPT), action=kept_address())
    answer.headers["Retry-After"] = str(seconds)
    return answer


def http_error(error: HTTPException) -> ResponseReturnValue:
    """Show the page of an HTTP error that the framework raised."""
    original = getattr(error, "original_exception", None)  # what failed before or after the view itself
    if isinstance(original, AWAY):
        return database_away(original)
    # A foreign host: without a known one no page can name its own address.
    if isinstance(error, SecurityError) and not machine.asks():
        return Response("Dit adres hoort niet bij deze dienst.\n", HTTPStatus.BAD_REQUEST, mimetype="text/plain")
    if error.response is not None:
        return error.response
    status = error.code or 500
    if status < HTTPStatus.BAD_REQUEST:
        return error
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return unexpected(original or error)
    answer = page(status if status in PAGES or machine.asks() else 400)
    answer.status_code = status
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        answer.headers["Retry-After"] = RETRY_AFTER_SECONDS
    answer.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
    return answer


def database_away(error: SQLAlchemyError) -> ResponseReturnValue:
    """Say that the database cannot be reached or is busy, and when to come back."""
    db.session.rollback()
    current_app.logger.error("database away: %s", type(getattr(error, "orig", error)).__name__)
    answer = page(503)
    answer.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return answer


def lost_race(error: IntegrityError) -> ResponseReturnValue:
    """Say that somebody was faster: the database refused what would break a rule."""
    db.session.rollback()
    current_app.logger.warning("refused by the database: %s", type(error.orig).__name__)
    audit.record_refusal(access.actor(), request.endpoint or "", "constraint")
    return _explained(Conflict("changed-meanwhile"))


def unexpected(error: Exception) -> ResponseReturnValue:
    """Log an unforeseen failure under a code, and show the code only."""
    db.session.rollback()
    code = f"{secrets.token_hex(2)}-{secrets.token_hex(1)}".upper()
    # The message of the exception may hold what was typed; type and place are enough to find the fault.
    current_app.logger.error("failure %s: %s", code, type(error).__name__, exc_info=_without_values(error))
    return page(500, code=code)


def _without_values(error: Exception) -> Exception:
    bare = RuntimeError(type(error).__name__)
    return bare.with_traceback(error.__traceback__)


def page(status: int, **values: object) -> Response:
    """Render the page of an error, or for a machine its problem."""
    if machine.asks():
        problem: Callable[..., Response] = current_app.extensions["keyservice.problem"]
        return problem(status, **values)
    values.setdefault("missing_roles", g.get("missing_roles", frozenset()))
    return Response(render_template(f"errors/{status}.html", **values), status, mimetype="text/html")
