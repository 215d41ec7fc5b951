"""Second factors in a real browser: with a virtual passkey, with an app, by keyboard, and without JavaScript."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select

from keyservice.accounts.models import Account, Session
from keyservice.database import transaction
from keyservice.demo import people
from keyservice.demo.stack import Stack
from tests.browser.conftest import CheckedPerson

pytestmark = pytest.mark.browser
Person = Callable[[str | None], CheckedPerson]


@contextmanager
def virtual_passkey(someone: CheckedPerson, transport: str = "internal", *, verified: bool = True) -> Iterator[None]:
    """Plug a device for passkeys into the browser (Chrome DevTools Protocol, WebAuthn)."""
    devtools = someone.page.context.new_cdp_session(someone.page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": transport,
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": verified,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield
    devtools.send("WebAuthn.disable")


def title(someone: CheckedPerson) -> str:
    return someone.page.get_by_role("heading", level=1).inner_text()


def log_out(someone: CheckedPerson) -> None:
    someone.page.get_by_role("button", name="Uitloggen").click()


def email(login: str) -> str:
    return next(person.email for person in people.PEOPLE if person.login == login)


def give_password(someone: CheckedPerson, login: str) -> None:
    someone.open("/inloggen")
    someone.page.get_by_label("E-mailadres").fill(email(login))
    someone.page.get_by_label("Wachtwoord").fill(people.PASSWORD)
    someone.press("Inloggen")


def without_factor(running: Stack, login: str) -> None:
    with running.app.app_context(), transaction() as session:
        account = session.get_one(Account, people.person_id(login))
        account.tf_totp_secret = account.tf_primary_method = account.tf_last_counter = None


def make_old(running: Stack) -> None:
    """Let the proofs of all sessions be too old for an act that gives."""
    with running.app.app_context(), transaction() as session:
        for row in session.scalars(select(Session)):
            data = json.loads(row.data)
            if "fs_paa" in data:
                row.data = json.dumps({**data, "fs_paa": data["fs_paa"] - 601})


@pytest.mark.parametrize("transport", ["internal", "usb"])
def test_a_passkey_is_added_logs_in_alone_and_confirms(person: Person, running: Stack, transport: str) -> None:
    tom = person("tom")
    tom.open("/mijn-account")
    tom.check()
    with virtual_passkey(tom, transport):
        tom.open("/mijn-account/passkeys")
        tom.check()
        tom.press("Passkey toevoegen")
        tom.check("passkeys-fout")
        tom.fill("Naam van de passkey", f"Apparaat {transport}")
        tom.press("Passkey toevoegen")
        tom.page.get_by_text("Uw passkey is toegevoegd.").wait_for()
        tom.open("/mijn-account/passkeys")
        tom.check("passkeys-een")
        log_out(tom)

        tom.open("/inloggen?next=/aanvragen")
        tom.check("inloggen-met-passkey")
        tom.press("Inloggen met passkey")
        tom.page.get_by_role("button", name="Uitloggen").wait_for()
        assert tom.page.url == f"{running.url}/aanvragen"

        make_old(running)
        tom.open("/mijn-account/herstelcodes")
        tom.page.get_by_role("button", name="Herstelcodes maken").click()
        assert title(tom) == "Bevestig dat u het bent"
        tom.check("step-up-passkey")
        tom.press("Bevestigen met passkey")
        tom.page.get_by_text("U ziet deze codes maar 1 keer").wait_for()
        tom.check("herstelcodes-gemaakt")
        log_out(tom)

        give_password(tom, "tom")
        tom.check("code-en-passkey")
        tom.press("Inloggen met passkey")
        tom.page.get_by_role("button", name="Uitloggen").wait_for()
        tom.open("/mijn-account/passkeys")
        tom.press(f"Passkey 'Apparaat {transport}' verwijderen")
        tom.page.get_by_text("Uw passkey is verwijderd.").wait_for()


def test_a_device_that_did_not_see_its_owner_does_not_do(person: Person) -> None:
    tom = person("tom")
    with virtual_passkey(tom, verified=False):
        tom.open("/mijn-account/passkeys")
        assert not tom.page.get_by_text("Dat is niet gelukt.").is_visible()
        tom.fill("Naam van de passkey", "Gevonden laptop")
        tom.press("Passkey toevoegen")
        tom.page.get_by_text("Dat is niet gelukt.").wait_for()
        tom.check("passkeys-mislukt")
        assert tom.page.get_by_text("Gevonden laptop").count() == 0


def test_who_has_no_factor_sets_one_up_first(person: Person, running: Stack) -> None:
    without_factor(running, "sam")
    sam = person(None)
    give_password(sam, "sam")
    assert title(sam) == "Stel een tweede inlogstap in"
    sam.check()
    sam.open("/aanvragen")
    assert title(sam) == "Stel een tweede inlogstap in"
    sam.page.get_by_role("link", name="App instellen").click()
    sam.page.wait_for_url("**/mijn-account/authenticator")  # until it has its styles too
    sam.check("app-instellen")
    sam.press("App instellen")
    sam.check("app-instellen-fout")
    with virtual_passkey(sam):
        sam.open("/mijn-account/passkeys")
        sam.fill("Naam van de passkey", "Telefoon")
        sam.press("Passkey toevoegen")
        sam.page.get_by_text("Uw passkey is toegevoegd.").wait_for()
        assert title(sam) == "Uw herstelcodes"
        sam.check("herstelcodes-geen")
        sam.press("Herstelcodes maken")
        code = sam.page.locator(".ks-codes code").first.inner_text()
        log_out(sam)
    give_password(sam, "sam")
    sam.check("code-alleen-passkey")
    sam.page.get_by_role("link", name="Gebruik een herstelcode").click()
    sam.page.wait_for_url("**/inloggen/herstelcode")
    sam.check("herstelcode")
    sam.press("Inloggen")
    sam.check("herstelcode-fout")
    sam.fill("Herstelcode", code)
    sam.press("Inloggen")
    sam.page.get_by_role("button", name="Uitloggen").wait_for()


def test_without_javascript_the_code_of_the_app_works_and_passkeys_are_not_offered(
    chromium: Browser, running: Stack, axe_source: str
) -> None:
    context = chromium.new_context(locale="nl-NL", java_script_enabled=False)
    bea = CheckedPerson(context, running.url, axe_source)
    bea.open("/inloggen")
    assert not bea.page.get_by_role("button", name="Inloggen met passkey").is_visible()
    bea.log_in("bea")
    assert bea.page.get_by_role("button", name="Uitloggen").is_visible()
    bea.open("/mijn-account/passkeys")
    assert bea.page.get_by_text("Voor een passkey is een nieuwe browser met JavaScript nodig.").is_visible()
    context.close()


def test_the_second_step_works_by_keyboard(person: Person) -> None:
    ada = person(None)
    give_password(ada, "ada")
    ada.check("code")
    code = ada.code_of(email("ada"))
    for _ in range(20):
        ada.page.keyboard.press("Tab")
        if ada.page.evaluate("document.activeElement.id") == "code":
            break
    ada.page.keyboard.type(code)
    ada.page.keyboard.press("Enter")
    ada.page.get_by_role("button", name="Uitloggen").wait_for()
