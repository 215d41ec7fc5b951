"""Who may open what: every route says so, one that does not is closed, and every form carries its token."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter, Rule, UUIDConverter

from keyservice.app import create_app
from keyservice.audit.models import AnonymousRefusal, AuditEvent
from keyservice.database import Base, db
from keyservice.demo import people
from keyservice.kernel.actor import Role
from keyservice.web import access, machine
from tests.conftest import csrf

Browser = Callable[[str], FlaskClient]
# Routes of Flask-Security that nobody needs: they say nothing and are closed.
CLOSED = {
    "security.static",
    "security.tf_select",
    "security.two_factor_rescue",
    "security.two_factor_setup",
    "security.two_factor_setup_validate",
    "security.two_factor_token_validation",
    "security.verify",
}
# What changes nothing, but is an event.
TAKES_ALONG = {"front.take_bundle", "front.export_events"}
ROLES = {person.login: frozenset(role for role, _ in person.roles) for person in people.PEOPLE}
# Written without an act: sessions, counters and events of refusals, and looks at the data of an inburgeraar (I10).
BOOKKEEPING = {"login_session", "processing_log", "anonymous_refusal", "audit_event", "audit_private"}


def routes(app: Flask, method: str) -> Iterator[tuple[Rule, str]]:
    """Yield every route of a page that takes a method, with an address in which each part is filled with something."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or set()) and rule.endpoint != "static" and not machine.serves(rule.rule):
            parts = {name: something(kind) for name, kind in rule._converters.items()}
            yield rule, adapter.build(rule.endpoint, parts, method=method)


def something(kind: BaseConverter) -> object:
    """Return a value that fits a part of an address."""
    if isinstance(kind, AnyConverter):
        return min(kind.items)
    return {UUIDConverter: UUID(int=0), IntegerConverter: 1}.get(type(kind), "iets")


def tables(app: Flask) -> dict[str, list[tuple[object, ...]]]:
    """Return everything in the database but the bookkeeping."""
    with app.app_context():
        found = {
            name: [tuple(row) for row in db.session.execute(select(table))]
            for name, table in Base.metadata.tables.items()
            if name not in BOOKKEEPING
        }
        db.session.rollback()
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def test_every_route_says_who_may_open_it(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert {name for name in endpoints if access.declared(app, name) is None} <= CLOSED


def test_a_route_that_says_nothing_is_closed_to_all(app: Flask, browser_of: Browser) -> None:
    other = create_app(app.extensions["keyservice.settings"])
    other.add_url_rule("/vergeten", "vergeten", lambda: "open")
    assert other.test_client().get("/vergeten").status_code == 403
    browser = other.test_client()
    cookie = browser_of("rik").get_cookie("sessie")
    assert cookie is not None
    browser.set_cookie("sessie", cookie.value)
    assert browser.get("/vergeten").status_code == 403
    with other.app_context():
        db.engine.dispose()


def test_only_the_routes_meant_for_everybody_are_public(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    public = {name for name in endpoints if (declared := access.declared(app, name)) and declared.public}
    assert public == {
        "accounts.accept_invitation",
        "accounts.oidc_bind",
        "accounts.oidc_login",
        "accounts.oidc_return",
        "accounts.open_invitation",
        "accounts.log_in_by_passkey",
        "accounts.recovery_step",
        "accounts.second_step",
        "accounts.verify_code",
        "accounts.verify_recovery_code",
        "api.gelekte_sleutels",
        "api.openapi",
        "api_pages.docs",
        "api_pages.problem",
        "api_pages.problem_list",
        "berichtenboek.door",
        "berichtenboek.download_by_link",
        "berichtenboek.read_by_link",
        "contacts.confirm",
        "contacts.confirmed",
        "front.checkpoint",
        "front.control",
        "front.proof",
        "front.health",
        "front.home",
        "front.keys",
        "front.metrics",
        "front.verifier",
        "issuance.leak_reported",
        "issuance.receipt",
        "issuance.report_leak",
        "security.login",
        "security.logout",
        "static",
        "web.accessibility",
        "web.contact",
        "web.download_opener",
        "web.open_zip",
        "web.privacy",
        "web.report_vulnerability",
        "web.security_txt",
    }


def test_a_visitor_is_sent_to_the_login_page_and_back(app: Flask, client: FlaskClient) -> None:
    for rule, url in routes(app, "GET"):
        declared = access.declared(app, rule.endpoint)
        if rule.endpoint in CLOSED:
            assert client.get(url).status_code == 403
        elif declared and not declared.public:
            answer = client.get(url)
            assert (answer.status_code, answer.location) == (303, f"/inloggen?next={url}"), url


def test_i11_a_person_without_the_role_is_refused_and_that_is_recorded(app: Flask, browser_of: Browser) -> None:
    for login in ("anna", "gert", "rik", "ada", "ben"):
        browser = browser_of(login)
        for rule, url in routes(app, "GET"):
            declared = access.declared(app, rule.endpoint)
            if declared and declared.roles and declared.roles.isdisjoint(ROLES[login]):
                assert browser.get(url).status_code == 403, (login, url)
                with app.app_context():
                    last = db.session.scalars(select(AuditEvent).order_by(AuditEvent.row.desc()).limit(1)).one()
                    assert (last.code, last.person) == ("access:refuse", people.person_id(login)), url


@pytest.mark.parametrize("login", [None, "anna", "gert", "rik", "ada", "ben"])
def test_a_form_without_its_token_changes_nothing(app: Flask, browser_of: Browser, login: str | None) -> None:
    browser = browser_of(login) if login else app.test_client()
    before = tables(app)
    for rule, url in routes(app, "POST"):
        for data in ({}, {"csrf_token": "vals"}):
            assert browser.post(url, data=data).status_code == 400, (rule.endpoint, data)
    assert tables(app) == before


def test_the_token_of_another_session_is_refused(app: Flask, browser_of: Browser) -> None:
    token = csrf(browser_of("bea").get("/namens").text)
    anna = browser_of("anna")
    before = tables(app)
    for rule, url in routes(app, "POST"):
        assert anna.post(url, data={"csrf_token": token}).status_code == 400, rule.endpoint
    assert tables(app) == before


@pytest.mark.parametrize("login", ["anna", "gert", "rik", "ada", "ben"])
def test_i10_opening_a_page_changes_nothing(app: Flask, browser_of: Browser, login: str) -> None:
    browser = browser_of(login)
    before = tables(app)
    for _rule, url in routes(app, "GET"):
        browser.get(url)
        browser.head(url)
        browser.options(url)
    assert tables(app) == before


def test_a_post_without_the_role_is_refused_before_anything_is_read(app: Flask, browser_of: Browser) -> None:
    for login in ("anna", "rik", "ada", "ben"):
        browser = browser_of(login)
        token = csrf(browser.get("/contact").text)
        before = tables(app)
        for rule, url in routes(app, "POST"):
            declared = access.declared(app, rule.endpoint)
            if declared and declared.roles and declared.roles.isdisjoint(ROLES[login]):
                assert browser.post(url, data={"csrf_token": token}).status_code == 403, (login, rule.endpoint)
        assert tables(app) == before


def test_the_auditor_changes_nothing_anywhere(app: Flask) -> None:
    for rule, _url in routes(app, "POST"):
        declared = access.declared(app, rule.endpoint)
        assert declared is None or Role.AUDITOR not in declared.roles or rule.endpoint in TAKES_ALONG, rule.endpoint


def test_i11_refusals_of_visitors_are_counted_and_not_an_event_each(app: Flask, client: FlaskClient) -> None:
    token = csrf(client.get("/inloggen").text)
    for number in range(30):
        data = {"email": f"wie{number}@voorbeeldstad.example", "password": "fout", "csrf_token": token}
        client.post("/inloggen", data=data)
    with app.app_context():
        events = db.session.scalars(select(AuditEvent).where(AuditEvent.code == "access:refuse-anonymous")).all()
        kinds = set(db.session.scalars(select(AnonymousRefusal.kind)))
        assert len(kinds) <= 2, "refused, or refused because it was too often"
        assert len(kinds) <= len(events) <= 2 * len(kinds), "two of a kind when the minute turned meanwhile"
        assert sum(db.session.scalars(select(AnonymousRefusal.count))) == 30


@pytest.mark.parametrize("host", ["kwaad.example", "localhost.kwaad.example", "localhost:99999999", "a b", ""])
def test_a_foreign_host_is_refused_and_never_becomes_a_link(app: Flask, host: str) -> None:
    conf = replace(app.extensions["keyservice.settings"], trusted_hosts=("localhost",))
    other = create_app(conf)
    answer = other.test_client().get("/contact", headers={"Host": host})
    assert answer.status_code == 400
    assert "kwaad.example" not in answer.text
    kind = other.test_client().get("/.well-known/security.txt", headers={"X-Forwarded-Host": "kwaad.example"})
    assert kind.status_code == 200
    assert "kwaad.example" not in kind.text
    with other.app_context():
        db.engine.dispose()


def test_url_parts_are_in_kebab_case(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        fixed = "".join(text for is_variable, text in rule._trace if not is_variable)
        assert fixed.split("|")[-1] == fixed.split("|")[-1].lower(), rule.rule
        # NL API Design Rules: an act that is no resource begins with a line below.
        assert "_" not in fixed.split("|", 1)[-1].replace("/_zoek", "/zoek"), rule.rule
