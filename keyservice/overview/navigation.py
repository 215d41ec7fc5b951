"""What every page shows around its content: who is logged in, and where this person can go."""

from collections.abc import Iterator

from flask import g, request, url_for
from sqlalchemy.exc import OperationalError

from keyservice import settings
from keyservice.accounts.words import ROLES, granters
from keyservice.database import db
from keyservice.gemeenten.queries import names
from keyservice.kernel.actor import GEMEENTE_ROLES, Actor, Role
from keyservice.portaal.queries import ROLES as ROLES_OF_PORTAAL
from keyservice.web import access

_HOME = ("Overzicht", "front.home", frozenset[str]())
_GEMEENTEN = ("Gemeenten", "gemeenten.index", frozenset({"gemeenten"}))
_AANVRAGEN = ("Aanvragen", "aanvragen.index", frozenset({"aanvragen", "contacts", "issuance", "front.status"}))
_OF_DUO = frozenset({"aanvragen", "contacts", "issuance", "front.dossier"})
_CONTACTS = ("Contactpersonen", "contactpersonen.index", frozenset({"contactpersonen"}))
_BERICHTENBOEK = ("Berichtenboek", "berichtenboek.index", frozenset({"berichtenboek"}))
_BERICHTENBOEKEN = ("Berichtenboeken", "berichtenboek.copies", frozenset({"berichtenboek"}))
_KEYS = ("Sleutels", "front.own_keys", frozenset({"issuance.succession"}))
_KEY_LISTS = ("Sleutels", "front.key_lists", frozenset({"front.key_calendar_page", "issuance.succession"}))
_INBURGERING = ("Inburgering", "portaal.index", frozenset({"portaal", "front.terms_page"}))
_WORKLIST = ("Werkvoorraad", "front.worklist", _OF_DUO)
_WAVES = ("Vernieuwingsrondes", "waves.index", frozenset({"waves"}))
_EVENTS = ("Gebeurtenissen", "front.events", frozenset[str]())
_COLLEAGUES = (
    "Collega's",
    "accounts.colleagues",
    frozenset(f"accounts.{page}" for page in ("invite_colleague", "grant_role", "end_grant", "review_colleagues")),
)
_PERSONS = (
    "Personen",
    "accounts.persons",
    frozenset(
        f"accounts.{page}"
        for page in (
            "person",
            "invite_person",
            "to_confirm",
            "confirm_invitation",
            "propose_reset",
            "confirm_reset",
            "end_grant",
            "review_persons",
        )
    ),
)
_PORTFOLIOS = (
    "Portefeuilles",
    "accounts.portfolios",
    frozenset({"accounts.give_portfolio", "accounts.hand_over_portfolio"}),
)
# Label, endpoint, and the blueprints and endpoints whose pages belong under it.
_MENUS = (
    (
        (Role.GEMEENTEBEHEERDER,),
        (_HOME, _AANVRAGEN, _KEYS, _CONTACTS, _INBURGERING, _BERICHTENBOEK, _COLLEAGUES),
    ),
    ((Role.AANVRAGER,), (_HOME, _AANVRAGEN, _KEYS, _CONTACTS, _INBURGERING, _BERICHTENBOEK)),
    (ROLES_OF_PORTAAL, (_HOME, _INBURGERING)),
    (
        (Role.RELATIEBEHEERDER,),
        (
            _HOME,
            _WORKLIST,
            _KEY_LISTS,
            _WAVES,
            ("Brieven", "issuance.letters.index", frozenset({"issuance.letters"})),
            ("Berichten", "front.messages", frozenset[str]()),
            _BERICHTENBOEKEN,
            _GEMEENTEN,
            _PERSONS,
        ),
    ),
    (
        (Role.AUDITOR,),
        (_HOME, _EVENTS, ("Dossiers", "front.worklist", _OF_DUO), _KEY_LISTS, _WAVES, _BERICHTENBOEKEN, _GEMEENTEN),
    ),
    ((Role.BEHEERDER,), (_HOME, _GEMEENTEN, _PERSONS, _PORTFOLIOS)),
)


def page_values() -> dict[str, object]:
    """Return the values that the layout of every page reads; they must be there on an error page too."""
    conf, actor = settings.current(), access.actor()
    return {
        "actor_view": _actor_view(actor) if actor.person else None,
        "navigation": list(_menu(actor)),
        "who_grants": _who_grants,
        "demo": conf.demo,
        "settings_view": conf,
    }


def _actor_view(actor: Actor) -> dict[str, object]:
    return {
        "name": g.get("person_name", ""),
        "gemeente_name": _gemeente_name(actor.gemeente) if actor.gemeente else None,
        "role_names": [name for role, name in ROLES.items() if role in actor.roles],
        "home": url_for("front.home"),
        "several": len(g.get("gemeenten", ())) > 1,
    }


def _who_grants(missing: frozenset[Role]) -> tuple[list[str], str] | None:
    """Return the roles of a gemeente that somebody lacks for a page, and who there can grant them; None for others."""
    actor, wanted = access.actor(), [role for role in ROLES if role in missing & GEMEENTE_ROLES]
    if not wanted or actor.gemeente is None:
        return None
    return [ROLES[role] for role in wanted], granters(actor)


def _gemeente_name(code: str) -> str:
    try:
        return names([code]).get(code, code)
    except OperationalError:  # the page that says so needs a header too
        db.session.rollback()
        return code


def _menu(actor: Actor) -> Iterator[tuple[str, str, bool]]:
    entries = next((menu for roles, menu in _MENUS if actor.has(*roles)), ())
    for label, endpoint, pages in entries:
        if endpoint == _INBURGERING[1] and not actor.has(*ROLES_OF_PORTAAL):
            continue  # the front page says which role that takes
        current = request.endpoint == endpoint or not pages.isdisjoint({request.blueprint, request.endpoint})
        yield label, url_for(endpoint), current
