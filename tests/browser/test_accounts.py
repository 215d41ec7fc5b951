"""The pages of one's own sessions and password in a real browser, and the warning before a session ends."""

from collections.abc import Callable

import pytest

from keyservice.demo import people
from tests.browser.conftest import CheckedPerson

pytestmark = pytest.mark.browser
Person = Callable[[str | None], CheckedPerson]
OVER = "U bent uitgelogd. Hebt u op deze pagina iets ingevuld?"


def test_sessions_and_password_pages(person: Person) -> None:
    anna, elsewhere = person("anna"), person("anna")
    person("anna")
    anna.open("/mijn-account/sessies")
    anna.check()
    anna.page.get_by_role("button", name="Beëindigen van").last.click()
    anna.check("sessies-beeindigd")
    anna.press("Alle andere sessies beëindigen")
    anna.check("sessies-alle-andere-beeindigd")
    elsewhere.open("/mijn-account")
    assert elsewhere.page.url.startswith(f"{elsewhere.url}/inloggen")
    anna.open("/mijn-account/wachtwoord")
    anna.check()
    anna.fill("Wachtwoord van nu", people.PASSWORD)
    anna.page.get_by_label("Nieuw wachtwoord", exact=True).fill("voorbeeldstad2026")
    anna.page.get_by_label("Nieuw wachtwoord nog een keer").fill("anders dan dat")
    anna.press("Wachtwoord veranderen")
    anna.check("wachtwoord-fout")
    assert anna.page.title().startswith("Fout: ")


def test_too_many_guesses_show_how_long_to_wait(person: Person) -> None:
    visitor = person(None)
    for _ in range(20):  # the first waits are over before the next page is there
        visitor.open("/inloggen")
        visitor.fill("E-mailadres", "niemand@voorbeeldstad.example")
        visitor.fill("Wachtwoord", "verkeerd-wachtwoord")
        visitor.press("Inloggen")
        if not visitor.page.get_by_label("Wachtwoord").count():
            break
    assert "en probeer het dan opnieuw" in visitor.page.locator("main").inner_text()
    visitor.check("te-vaak")


def test_the_warning_comes_two_minutes_before_the_end_and_one_can_stay(person: Person) -> None:
    bea = person(None)
    bea.page.clock.install()
    bea.log_in("bea")
    bea.open("/mijn-account/wachtwoord")
    status = bea.page.locator(".ks-session [role=status]")
    bea.page.clock.fast_forward("27:00")
    assert status.inner_text() == ""
    field = bea.page.get_by_label("Wachtwoord van nu")
    field.fill("half getypt")
    bea.page.clock.fast_forward("01:10")
    bea.page.get_by_text("Over 2 minuten wordt u uitgelogd").wait_for()
    bea.check("sessie-waarschuwing")
    field.focus()
    bea.page.get_by_role("button", name="Blijf ingelogd").click()
    bea.page.get_by_text("U blijft ingelogd.").wait_for(state="attached")
    assert field.input_value() == "half getypt", "nothing typed is lost"
    assert bea.page.evaluate("document.activeElement.id") == "password", "the keyboard is where it was"
    bea.page.clock.fast_forward("27:00")
    assert bea.page.get_by_role("button", name="Blijf ingelogd").count() == 0
    bea.page.clock.fast_forward("03:10")
    bea.page.get_by_text(OVER).wait_for()
    bea.check("sessie-voorbij")
    assert field.input_value() == "half getypt"


def test_another_tab_keeps_the_session_of_this_one_going(person: Person) -> None:
    gert = person(None)
    gert.page.clock.install()
    gert.log_in("gert")
    gert.page.clock.fast_forward("28:30")
    gert.page.get_by_text("Over 2 minuten wordt u uitgelogd").wait_for()
    other = gert.page.context.new_page()
    other.goto(f"{gert.url}/mijn-account")
    gert.page.get_by_text("Over 2 minuten wordt u uitgelogd").wait_for(state="detached")


def test_who_stays_after_the_session_was_ended_elsewhere_is_told_so(person: Person) -> None:
    tom = person(None)
    tom.page.clock.install()
    tom.log_in("tom")
    tom.page.context.clear_cookies()
    tom.page.clock.fast_forward("28:30")
    tom.page.get_by_role("button", name="Blijf ingelogd").click()
    tom.page.get_by_text(OVER).wait_for()
