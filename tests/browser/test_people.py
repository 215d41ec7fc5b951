"""Inviting, joining and the pages around people, in a real browser; every page is inspected."""

import re
from collections.abc import Callable

import pytest

from tests.browser.conftest import CheckedPerson

pytestmark = pytest.mark.browser
Person = Callable[[str | None], CheckedPerson]
PASSWORD = "paardenbloem lantaarn oktopus veter"
SOON = "2099-12-31"


def heading(person: CheckedPerson) -> str:
    return person.page.get_by_role("heading", level=1).inner_text()


def link_to(person: CheckedPerson, email: str) -> str:
    """Return the link in the mail that somebody got, as the mail box page shows it."""
    for _ in range(30):
        person.open("/postvak")
        text = person.page.content()
        found = re.search(r"/uitnodiging/[\w-]{43}", text.split(email, 1)[1]) if email in text else None
        if found:
            return found.group()
        person.page.wait_for_timeout(500)
    raise AssertionError(f"no mail for {email}")


def code_on(person: CheckedPerson) -> str:
    return person.page.locator(".ks-secret__code").inner_text().strip()


def test_a_colleague_is_invited_and_joins(person: Person) -> None:
    gert = person("gert")
    gert.open("/collega-s")
    gert.check()
    gert.open("/collega-s/uitnodigen")
    gert.check()
    gert.press("Uitnodiging versturen")
    assert gert.page.title().startswith("Fout: ")
    gert.check("collega-uitnodigen-fout")
    gert.fill("Naam", "Nina Nieuw")
    gert.fill("E-mailadres", "nina@voorbeeldstad.example")
    gert.page.get_by_label("Aanvrager").check()
    gert.fill("Laatste dag", SOON)
    gert.press("Uitnodiging versturen")
    assert heading(gert) == "De uitnodiging is verstuurd"
    gert.check("uitnodiging-code")
    code = code_on(gert)

    nina = person(None)
    nina.open(link_to(nina, "nina@voorbeeldstad.example"))
    nina.check("uitnodiging-openen")
    nina.fill("Code", "ABCD-EFGH")
    nina.press("Uitnodiging openen")
    nina.check("uitnodiging-openen-fout")
    nina.fill("Code", code.lower())
    nina.press("Uitnodiging openen")
    assert heading(nina) == "Account maken"
    nina.check("uitnodiging-account")
    nina.page.get_by_label("Wachtwoord", exact=True).fill(PASSWORD)
    nina.fill("Wachtwoord nog een keer", PASSWORD)
    nina.press("Account maken")
    assert "Nina Nieuw" in nina.page.content(), "she is logged in, and sets up her second factor"
    nina.check("na-uitnodiging")

    gert.open("/collega-s/controle")
    gert.check()
    gert.open("/collega-s")
    gert.page.get_by_role("link", name="Rol geven").first.click()
    gert.check("collega-rol")
    gert.open("/collega-s")
    gert.page.get_by_role("link", name="Beëindigen").first.click()
    gert.check("collega-beeindigen")


def test_two_people_at_duo_make_the_first_gemeentebeheerder(person: Person) -> None:
    ben, rik = person("ben"), person("rik")
    for page in ("/personen", "/personen/uitnodigen", "/personen/controle", "/portefeuilles"):
        ben.open(page)
        ben.check()
    for page in ("/portefeuilles/toewijzen", "/portefeuilles/overdragen"):
        ben.open(page)
        ben.check()
    ben.open("/personen/uitnodigen")
    ben.fill("Naam", "Truus Testdorp")
    ben.fill("E-mailadres", "truus@testdorp.example")
    ben.page.get_by_label("Gemeentebeheerder").check()
    ben.page.get_by_label("Gemeente", exact=True).select_option("9999")
    ben.press("Persoon voorstellen")
    ben.check("te-bevestigen-voorsteller")
    rik.open("/personen/te-bevestigen")
    rik.check()
    rik.page.get_by_role("link", name="Bekijken en bevestigen").click()
    rik.check("uitnodiging-bevestigen")
    rik.press("Voorstel bevestigen")
    rik.check("uitnodiging-bevestigen-fout")
    rik.page.get_by_role("checkbox").check()
    rik.press("Voorstel bevestigen")
    assert len(code_on(rik)) == 9
    rik.check("uitnodiging-code-duo")
    rik.open("/personen?zoek=bea")
    rik.page.get_by_role("link", name="Bea Voorbeeld").click()
    rik.check("persoon")
    rik.page.get_by_role("link", name="Inlogmiddelen weghalen").click()
    rik.check("inlogmiddelen")
    rik.press("Weghalen voorstellen")
    rik.check("te-bevestigen-factoren")
