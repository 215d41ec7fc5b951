"""The second step of logging in and the pages where it is set up, as people use them and as attackers would."""

import html
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update

from keyservice.accounts import totp
from keyservice.accounts.models import Account, LoginCounter, Passkey
from keyservice.accounts.passkeys import RP_NAME
from keyservice.audit.models import AuditEvent
from keyservice.database import db, transaction
from keyservice.demo import people
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.web import access
from tests.conftest import csrf, post
from tests.factories.authenticator import Authenticator
from tests.factories.logins import code_of, give_code, give_password, log_in
from tests.pages import check
from tests.web.test_access import routes, tables
from tests.web.test_pages import ENGLISH, words

Browser = Callable[[str], FlaskClient]


def logged_in(client: FlaskClient) -> bool:
    return client.get("/namens").status_code == 200


def question(page: str) -> str:
    """Return what a page asks the passkeys of the browser."""
    return html.unescape(page.split('data-question="', 1)[1].split('"', 1)[0])


def codes(app: Flask, code: str) -> list[str]:
    with app.app_context():
        rows = db.session.scalars(select(AuditEvent).where(AuditEvent.code == code))
        return [row.canonical.decode() for row in rows]


def without_factor(app: Flask, login: str) -> None:
    with app.app_context(), transaction() as session:
        empty = {"tf_totp_secret": None, "tf_primary_method": None, "tf_last_counter": None}
        session.execute(update(Account).where(Account.id == people.person_id(login)).values(**empty))


def add_passkey(client: FlaskClient, name: str = "Laptop") -> Authenticator:
    device, page = Authenticator(), client.get("/mijn-account/passkeys").text
    data = {"naam": name, "antwoord": device.create(question(page)), "csrf_token": csrf(page)}
    assert client.post("/mijn-account/passkeys", data=data).status_code == 303
    return device


def recovery_codes(client: FlaskClient) -> list[str]:
    page = post(client, "/mijn-account/herstelcodes")
    assert page.status_code == 200
    check(page.text)
    return re.findall(r"<code>([0-9A-Z-]+)</code>", page.text)


class TestLoggingIn:
    def test_the_password_alone_opens_nothing(self, app: Flask, client: FlaskClient) -> None:
        assert give_password(client, "rik").location == "/inloggen/code"
        for rule, url in routes(app, "GET"):
            declared = access.declared(app, rule.endpoint)
            if declared and not declared.public:
                answer = client.get(url)
                assert (answer.status_code, answer.location) == (303, f"/inloggen?next={url}"), url
        assert "Rik Fictief" not in client.get("/").text

    def test_the_code_logs_in_and_leads_to_where_one_wanted_to_go(self, app: Flask, client: FlaskClient) -> None:
        assert give_password(client, "rik", after="/werkvoorraad?zoek=a").location == "/inloggen/code"
        assert give_code(client, code_of(app, "rik")).location == "/werkvoorraad?zoek=a"
        assert logged_in(client)
        assert '"factors":["password","totp"]' in codes(app, "account:login")[-1]

    @pytest.mark.parametrize(
        "address",
        [
            "https://kwaad.example/",
            "//kwaad.example/x",
            "/\\kwaad.example",
            "http:/kwaad.example",
            "javascript:x",
            "/inloggen",
        ],
    )
    def test_it_never_leads_to_another_site(self, app: Flask, client: FlaskClient, address: str) -> None:
        first = give_password(client, "anna", after=address)
        if first.location:
            assert give_code(client, code_of(app, "anna")).location == "/"
        else:
            assert "Deze link klopt niet" in first.text
            assert not logged_in(client)

    def test_a_replayed_code_is_refused_and_recorded(self, app: Flask, client: FlaskClient) -> None:
        code = code_of(app, "anna")
        give_password(client, "anna")
        assert give_code(client, code).status_code == 303
        thief = app.test_client()
        give_password(thief, "anna")
        answer = give_code(thief, code)
        assert answer.status_code == 422
        assert "al gebruikt" in answer.text
        check(answer.text)
        assert not logged_in(thief)
        assert '"factor":"totp"' in codes(app, "factor:refuse")[-1]

    def test_wrong_codes_are_slowed_down(self, app: Flask, client: FlaskClient) -> None:
        give_password(client, "anna")
        page = client.get("/inloggen/code").text
        answers = [
            client.post("/inloggen/code", data={"code": "000000", "csrf_token": csrf(page)}).status_code
            for _ in range(9)
        ]
        assert answers[0] == 422
        assert answers[-1] == 429
        with app.app_context(), transaction() as session:
            session.execute(delete(LoginCounter))
        assert give_code(client, code_of(app, "anna")).status_code == 303, "slowed down, not locked out"

    def test_an_empty_code_is_told_in_dutch(self, client: FlaskClient) -> None:
        give_password(client, "anna")
        answer = give_code(client, "")
        assert answer.status_code == 422
        assert "<title>Fout: " in answer.text
        check(answer.text)
        assert not ENGLISH.findall(words(answer.text))

    def test_who_gave_no_password_is_sent_to_the_login_page(self, client: FlaskClient) -> None:
        for url in ("/inloggen/code", "/inloggen/herstelcode"):
            assert client.get(url).location == "/inloggen"
            assert post(client, url, {"code": "123456", "herstelcode": "7KMQ-2XWP-9HTR"}).location == "/inloggen"

    def test_a_password_changed_meanwhile_ends_the_half_login(self, app: Flask, client: FlaskClient) -> None:
        give_password(client, "anna")
        with app.app_context(), transaction() as session:
            session.execute(
                update(Account).where(Account.id == people.person_id("anna")).values(fs_uniquifier="anders")
            )
        assert client.get("/inloggen/code").location == "/inloggen"

    def test_the_pages_of_the_library_are_closed(self, client: FlaskClient) -> None:
        give_password(client, "anna")
        for url in ("/tf-setup", "/tf-validate", "/tf-rescue", "/tf-select", "/verify"):
            assert client.get(url).status_code == 403, url
            assert post(client, url).status_code == 403, url


class TestRecoveryCodes:
    def test_one_logs_in_once(self, app: Flask, browser_of: Browser, client: FlaskClient) -> None:
        made = recovery_codes(browser_of("anna"))
        assert len(made) == 10
        for attempt in (303, 422):
            give_password(client, "anna")
            page = client.get("/inloggen/herstelcode").text
            check(page)
            data = {"herstelcode": made[0].lower(), "csrf_token": csrf(page)}
            answer = client.post("/inloggen/herstelcode", data=data)
            assert answer.status_code == attempt
            if attempt == 303:
                assert post(client, "/uitloggen").status_code == 302
        assert not logged_in(client)
        assert '"left":9' in codes(app, "factor:use-recovery-code")[-1]

    def test_they_are_shown_once_and_a_low_number_is_warned_of(self, app: Flask, browser_of: Browser) -> None:
        anna = browser_of("anna")
        assert "geen herstelcodes" in anna.get("/mijn-account/herstelcodes").text
        made = recovery_codes(anna)
        assert made[0] not in anna.get("/mijn-account/herstelcodes").text
        assert "Maak nieuwe herstelcodes" not in anna.get("/mijn-account").text
        with app.app_context(), transaction() as session:
            account = session.get_one(Account, people.person_id("anna"))
            account.mf_recovery_codes = (account.mf_recovery_codes or [])[:3]
        assert "Maak nieuwe herstelcodes" in anna.get("/mijn-account").text


class TestEnrolment:
    @pytest.mark.parametrize("login", ["anna", "gert", "rik", "ada", "ben"])
    def test_who_has_no_factor_comes_nowhere_else(self, app: Flask, client: FlaskClient, login: str) -> None:
        without_factor(app, login)
        assert give_password(client, login).status_code == 302
        token = csrf(client.get("/mijn-account/authenticator").text)
        before, closed = tables(app), 0
        for method in ("GET", "POST"):
            for rule, url in routes(app, method):
                declared = access.declared(app, rule.endpoint)
                if declared is None or declared.enrolling:
                    continue
                answer = client.open(url, method=method, data={"csrf_token": token} if method == "POST" else None)
                assert (answer.status_code, answer.location) == (303, "/mijn-account/inloggen-instellen"), (method, url)
                closed += 1
        assert closed > 40
        assert tables(app) == before

    def test_the_pages_that_stay_open_are_few(self, app: Flask) -> None:
        declared = {rule.endpoint: access.declared(app, rule.endpoint) for rule in app.url_map.iter_rules()}
        assert {name for name, found in declared.items() if found and found.enrolling} == {
            "accounts.add_passkey",
            "accounts.app",
            "accounts.enrol",
            "accounts.enrol_app",
            "accounts.own_passkeys",
            "security.logout",
            "static",
        }

    def test_an_app_is_set_up_and_then_asked_for(self, app: Flask, client: FlaskClient) -> None:
        without_factor(app, "anna")
        give_password(client, "anna")
        for url in ("/mijn-account/inloggen-instellen", "/mijn-account/authenticator", "/mijn-account/passkeys"):
            check(client.get(url).text)
        page = client.get("/mijn-account/authenticator").text
        assert 'aria-label="QR-code voor uw authenticator-app"' in page
        shown = re.findall(r'ks-secret__group">([A-Z2-7]{4})', page)
        secret = "".join(shown)
        assert len(secret) == 32
        wrong = client.post("/mijn-account/authenticator", data={"csrf_token": csrf(page), "code": "000000"})
        assert wrong.status_code == 422
        assert shown[0] in wrong.text, "the same secret: the app has it already"
        code = totp._App(secret).generate(time=clock.now()).token
        done = client.post("/mijn-account/authenticator", data={"csrf_token": csrf(page), "code": code})
        assert (done.status_code, done.location) == (303, "/mijn-account/herstelcodes")
        assert logged_in(client)
        assert client.get("/mijn-account/inloggen-instellen").location == "/mijn-account"
        post(client, "/uitloggen")
        assert log_in(app, client, "anna").status_code == 303

    def test_a_passkey_may_be_the_only_factor(self, app: Flask, client: FlaskClient) -> None:
        without_factor(app, "anna")
        give_password(client, "anna")
        add_passkey(client)
        assert logged_in(client)
        post(client, "/uitloggen")
        assert give_password(client, "anna").location == "/inloggen/code"
        page = client.get("/inloggen/code").text
        check(page)
        assert "Code uit uw app" not in page


class TestPasskeys:
    def test_one_logs_in_alone(self, app: Flask, browser_of: Browser, client: FlaskClient) -> None:
        device = add_passkey(browser_of("anna"))
        page = client.get("/inloggen").text
        data = {"antwoord": device.get(question(page)), "next": "/aanvragen", "csrf_token": csrf(page)}
        answer = client.post("/inloggen/passkey", data=data)
        assert (answer.status_code, answer.location) == (303, "/aanvragen")
        assert logged_in(client)
        assert '"factors":["passkey"]' in codes(app, "account:login")[-1]

    def test_an_answer_works_once_and_in_its_own_browser(
        self, app: Flask, browser_of: Browser, client: FlaskClient
    ) -> None:
        device = add_passkey(browser_of("anna"))
        page = client.get("/inloggen").text
        answer = device.get(question(page))
        other = app.test_client()
        refused = post(other, "/inloggen/passkey", {"antwoord": answer})
        assert refused.status_code == 422
        check(refused.text)
        assert client.post("/inloggen/passkey", data={"antwoord": answer, "csrf_token": csrf(page)}).status_code == 303
        post(client, "/uitloggen")
        assert post(client, "/inloggen/passkey", {"antwoord": answer}).status_code == 422
        assert not logged_in(client)

    def test_it_is_the_second_step_too(self, browser_of: Browser, client: FlaskClient) -> None:
        device = add_passkey(browser_of("anna"))
        give_password(client, "anna", after="/aanvragen")
        page = client.get("/inloggen/code").text
        data = {"antwoord": device.get(question(page)), "csrf_token": csrf(page)}
        assert client.post("/inloggen/passkey", data=data).location == "/aanvragen"

    def test_it_is_a_step_up_of_its_owner_only(self, app: Flask, browser_of: Browser) -> None:
        anna, bea = browser_of("anna"), browser_of("bea")
        device, of_bea = add_passkey(anna), add_passkey(bea)
        age(anna, app)
        asked = post(anna, "/mijn-account/herstelcodes")
        assert asked.status_code == 403
        check(asked.text)
        stolen = {"_passkey": of_bea.get(question(asked.text))}
        refused = post(anna, "/mijn-account/herstelcodes", stolen)
        assert refused.status_code == 422
        assert "Deze passkey werkt hier niet" in refused.text
        right = {"_passkey": device.get(question(refused.text))}
        assert "1 keer" in post(anna, "/mijn-account/herstelcodes", right).text
        assert post(anna, "/mijn-account/herstelcodes").status_code == 200, "fresh for ten minutes"

    def test_a_new_one_needs_a_name_and_a_fresh_proof(self, app: Flask, browser_of: Browser) -> None:
        anna = browser_of("anna")
        nameless = post(anna, "/mijn-account/passkeys", {"naam": "", "antwoord": ""})
        assert nameless.status_code == 422
        assert "Geef de passkey een naam" in nameless.text
        check(nameless.text)
        answer = Authenticator().create(question(anna.get("/mijn-account/passkeys").text))
        age(anna, app)
        data = {"naam": "Sleutel", "antwoord": answer}
        assert post(anna, "/mijn-account/passkeys", data).status_code == 403
        assert post(anna, "/mijn-account/passkeys", data, step_up=True).status_code == 303
        assert "Sleutel" in anna.get("/mijn-account/passkeys").text

    def test_what_is_no_passkey_is_refused(self, browser_of: Browser) -> None:
        anna = browser_of("anna")
        answer = post(anna, "/mijn-account/passkeys", {"naam": "Laptop", "antwoord": "{}"})
        assert answer.status_code == 422
        assert "niet toegevoegd" in answer.text
        assert 'value="Laptop"' in answer.text, "what was typed is kept"

    def test_one_is_removed_but_not_the_last_factor_nor_that_of_another(self, app: Flask, browser_of: Browser) -> None:
        anna, bea = browser_of("anna"), browser_of("bea")
        add_passkey(anna)
        with app.app_context():
            passkey = db.session.scalars(select(Passkey.id)).one()
        url = f"/mijn-account/passkeys/{passkey}/verwijderen"
        assert post(bea, url).status_code == 404
        assert post(anna, "/mijn-account/authenticator/verwijderen").status_code == 303
        refused = post(anna, url)
        assert refused.status_code == 409
        assert "enige tweede inlogstap" in refused.text
        add_passkey(anna, "Telefoon")
        assert post(anna, url).status_code == 303
        assert logged_in(anna), "one's own session goes on"

    def test_the_question_names_this_site(self, browser_of: Browser) -> None:
        asked = question(browser_of("anna").get("/mijn-account/passkeys").text)
        assert f'"name": "{RP_NAME}"' in asked
        assert '"id": "localhost"' in asked


def age(client: FlaskClient, app: Flask) -> None:
    """Let the proof of who this is be older than ten minutes."""
    with client.session_transaction(base_url="http://localhost") as session:
        session["fs_paa"] -= 601


@pytest.mark.parametrize("role", [Role.AANVRAGER, Role.RELATIEBEHEERDER, Role.AUDITOR, Role.BEHEERDER])
def test_everybody_has_a_page_of_the_own_account(browser_of: Browser, role: Role) -> None:
    login = next(person.login for person in people.PEOPLE if person.roles[0][0] is role)
    browser = browser_of(login)
    for url in ("", "/authenticator", "/passkeys", "/herstelcodes"):
        page = browser.get(f"/mijn-account{url}")
        assert page.status_code == 200
        check(page.text)
        assert not ENGLISH.findall(words(page.text)), url
