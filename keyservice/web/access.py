"""Who may open a page. Every route declares it; a route that does not is closed to all."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from flask import Flask, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from keyservice import audit
from keyservice.kernel import clock
from keyservice.kernel.actor import ANONYMOUS, Actor, Role
from keyservice.kernel.errors import Conflict
from keyservice.web.kept import kept_address

# ASVS 5.0 7.5.3: acts that give ask for a fresh factor.
STEP_UP_AGE = timedelta(minutes=10)
View = TypeVar("View", bound=Callable[..., ResponseReturnValue])


class LoginNeeded(Exception):
    """A form was sent by somebody who is not, or no longer, logged in."""


@dataclass(frozen=True)
class Access:
    """What a route asks: nothing (`public`), somebody logged in, one of `roles`; and whether a fresh factor.

    Who has logged in and has no second factor yet comes only where `enrolling` says so. `scheme` names how a machine
    proves itself: no login opens such a route.
    """

    public: bool = False
    roles: frozenset[Role] = frozenset()
    step_up: bool = False
    enrolling: bool = False
    scheme: str | None = None


def _declare(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]  # functions take attributes; their type does not say so
        return view

    return mark


def public(view: View) -> View:
    """Mark a view that anybody may open."""
    return _declare(Access(public=True))(view)


def signed_in(view: View) -> View:
    """Mark a view for everybody who is logged in, whatever the role."""
    return _declare(Access())(view)


def enrolling(*, step_up: bool = False) -> Callable[[View], View]:
    """Mark a view for everybody who is logged in, also before there is a second factor: it is set up there."""
    return _declare(Access(step_up=step_up, enrolling=True))


def own_account(view: View) -> View:
    """Mark a view that changes how one logs in: for everybody who is logged in, with a fresh factor."""
    return _declare(Access(step_up=True))(view)


def allow(*roles: Role, step_up: bool = False) -> Callable[[View], View]:
    """Mark a view for people with one of these roles; `step_up` asks a fresh factor for its POST."""
    return _declare(Access(roles=frozenset(roles), step_up=step_up))


def machine(scheme: str) -> Callable[[View], View]:
    """Mark a view for machines that prove themselves by a scheme of the extension `keyservice.schemes`."""
    return _declare(Access(scheme=scheme))


def declared(app: Flask, endpoint: str) -> Access | None:
    """Return what a route declares, or None when it declares nothing."""
    listed: dict[str, Access] = app.extensions.get("keyservice.access", {})
    if endpoint in listed:
        return listed[endpoint]
    access: Access | None = getattr(app.view_functions[endpoint], "access", None)
    return access


def declare_endpoint(app: Flask, endpoint: str, access: Access) -> None:
    """Declare access for a view of a library, which cannot be marked."""
    app.extensions.setdefault("keyservice.access", {})[endpoint] = access


def actor() -> Actor:
    """Return who acts in this request."""
    found: Actor = g.get("actor", ANONYMOUS)
    return found


def person() -> UUID:
    """Return who is logged in, in a view that is not public."""
    found = actor().person
    if found is None:
        abort(403)
    return found


def guard() -> ResponseReturnValue | None:
    """Let a request through, send it to the login page or the step-up page, or refuse it."""
    if request.endpoint is None:
        return None
    access = declared(current_app, request.endpoint)
    if access is None:
        current_app.logger.error("route %s declares no access", request.endpoint)
        abort(403)
    if access.scheme:
        prove: Callable[[], Actor] = current_app.extensions["keyservice.schemes"][access.scheme]
        g.actor = prove()
        return None
    who = actor()
    to_enrolment = _enrolment(access, who)
    if to_enrolment or access.public:
        return to_enrolment
    if who.person is None:
        return _to_login()
    if access.roles:
        _require_role(access, who)
    if access.step_up and request.method == "POST" and not fresh(who):
        confirm: Callable[[], ResponseReturnValue | None] = current_app.extensions["keyservice.step_up"]
        return confirm()
    return None


def register(app: Flask) -> None:
    """Guard every route, and let each form say which gemeente its page was about."""
    app.before_request(guard)
    app.jinja_env.globals["acts_for"] = acts_for


def acts_for() -> str:
    """Return the gemeente that who is logged in acts for, as each form of a page says it, or an empty text."""
    return actor().gemeente or ""


def _require_role(access: Access, who: Actor) -> None:
    """Refuse who has none of the roles, and a form of a page about another gemeente than the one acted for by now.

    Somebody works for several, with a tab for each, or logged in again and acts for the first one of them. In a page
    that keeps what was typed the page of then comes last.
    """
    of_page = request.form.getlist("namens")
    if of_page and who.gemeente not in {None, of_page[-1]}:
        raise Conflict("other-gemeente")
    if not who.has(*access.roles):
        audit.record_refusal(who, request.endpoint or "", "role")
        g.missing_roles = access.roles
        abort(403)


def _enrolment(access: Access, who: Actor) -> ResponseReturnValue | None:
    """Return where somebody who has logged in must first set up a second factor, if that is so."""
    if who.person is None or access.enrolling:
        return None
    ask: Callable[[], ResponseReturnValue | None] = current_app.extensions["keyservice.enrolment"]
    return ask()


def fresh(who: Actor) -> bool:
    """Tell whether the person proved to be himself recently enough for an act that gives."""
    return who.factor_at is not None and clock.now() - who.factor_at < STEP_UP_AGE


def _to_login() -> ResponseReturnValue:
    # A POST does not survive a redirect: its page keeps what was typed until the person has logged in.
    if request.method not in {"GET", "HEAD"}:
        raise LoginNeeded
    return redirect(url_for("security.login", next=kept_address()), 303)
