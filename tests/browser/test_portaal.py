"""The portaal in a real browser: every page and state, and a form that asks only what belongs to the answers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import CheckedPerson

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
Person = Callable[..., CheckedPerson]
QUESTIONS = ("datum_start", "datum_einde", "datum_ondertekening", "reden-0", "toelichting")


def asked(person: CheckedPerson) -> set[str]:
    """Return which of the questions are seen."""
    return {name for name in QUESTIONS if person.page.locator(f"#{name}").is_visible()}


def answer(person: CheckedPerson, signed: int, attended: int) -> None:
    """Choose an answer to both questions: 0 is yes, 1 is no."""
    person.page.locator(f"#ondertekend-{signed}").check()
    person.page.locator(f"#gevolgd-{attended}").check()


def dates(person: CheckedPerson, *days: str) -> None:
    for name, day in zip(("datum_start", "datum_einde", "datum_ondertekening"), days, strict=True):
        person.page.locator(f"#{name}").fill(day)


def find(person: CheckedPerson, digits: str) -> None:
    person.open("/inburgering")
    person.page.get_by_label("BSN", exact=True).fill(digits)
    person.press("Zoeken op BSN")


def test_somebody_is_found_registered_corrected_and_withdrawn(person: Person) -> None:
    pim = person("pim")
    pim.check("portaal-start")
    pim.open("/inburgering/overzicht")
    pim.check("portaal-overzicht")
    pim.open("/inburgering")
    pim.check("portaal-zoeken")
    find(pim, "123456789")
    pim.check("portaal-geen-bsn")
    find(pim, "999990056")
    pim.check("portaal-niemand")
    pim.fill("Achternaam", "Voorbeeldstra")
    pim.page.locator("#geboortedatum").fill("3-11-1985")
    pim.press("Zoeken op naam")
    pim.check("portaal-gevonden")
    pim.page.get_by_role("link", name="Amira Voorbeeldstra").click()
    pim.check("portaal-persoon")
    pim.press("BSN tonen")
    pim.check("portaal-bsn")
    pim.page.get_by_role("link", name="Participatieverklaring vastleggen").click()
    pim.check("portaal-vastleggen")
    assert asked(pim) == set(QUESTIONS)
    pim.press("Vastleggen")
    pim.check("portaal-vastleggen-leeg")
    answer(pim, 0, 0)
    assert asked(pim) == {"datum_start", "datum_einde", "datum_ondertekening"}
    answer(pim, 1, 0)
    assert asked(pim) == {"datum_start", "datum_einde", "reden-0", "toelichting"}
    answer(pim, 1, 1)
    assert asked(pim) == {"reden-0", "toelichting"}
    pim.check("portaal-weigering")
    pim.press("Vastleggen")
    pim.check("portaal-fouten")
    pim.page.locator("#reden-3").check()
    pim.page.locator("#toelichting").fill("Was lang ziek.")
    pim.press("Vastleggen")
    pim.check("portaal-niet-ondertekend")
    pim.page.get_by_role("link", name="Verbeteren").click()
    pim.check("portaal-verbeteren")
    answer(pim, 0, 0)
    dates(pim, "2026-02-02", "2026-02-03", "2026-02-03")
    pim.page.locator("#uitleg").fill("Verkeerde persoon aangeklikt.")
    pim.press("Vastleggen")
    pim.check("portaal-ondertekend")
    pim.page.get_by_role("link", name="Intrekken").click()
    pim.check("portaal-intrekken")
    pim.press("Registratie intrekken")
    pim.check("portaal-intrekken-leeg")
    pim.page.locator("#uitleg").fill("Nog niet zeker.")
    pim.press("Registratie intrekken")
    pim.check("portaal-ingetrokken")


def test_everything_of_the_portaal_works_without_javascript(person: Person, tmp_path: Path) -> None:
    pim = person("pim", scripts=False)
    pim.open("/inburgering")
    pim.fill("Achternaam", "Fictief")
    pim.page.locator("#geboortedatum").fill("17/04/1990")
    pim.press("Zoeken op naam")
    pim.page.get_by_role("link", name="Bilal van Fictief").click()
    pim.press("BSN tonen")
    assert pim.page.get_by_text("999990020").is_visible()
    pim.page.get_by_role("link", name="Participatieverklaring vastleggen").click()
    pim.press("Vastleggen")
    assert pim.page.evaluate("document.activeElement.role") == "alert", "the faults come first"
    answer(pim, 0, 0)
    assert asked(pim) == {"datum_start", "datum_einde", "datum_ondertekening"}
    dates(pim, "2026-05-02", "2026-05-01", "2026-05-02")
    pim.press("Vastleggen")
    assert pim.page.locator("#datum_start").input_value() == "2026-05-02", "what was typed is kept"
    dates(pim, "2026-05-01", "2026-05-02", "2026-05-02")
    pim.press("Vastleggen")
    pim.page.get_by_role("link", name="Verbeteren").click()
    answer(pim, 1, 1)
    pim.page.locator("#reden-0").check()
    pim.page.locator("#uitleg").fill("Verkeerde persoon.")
    pim.press("Vastleggen")
    assert pim.page.get_by_text("Versie 2: verbeterd").is_visible()
    pim.page.get_by_role("link", name="Intrekken").click()
    pim.page.locator("#uitleg").fill("Nog niet zeker.")
    pim.press("Registratie intrekken")
    assert pim.page.get_by_text("Er is nu niets vastgelegd").first.is_visible()
    with pim.page.expect_download() as download:
        pim.page.get_by_role("button", name="Gegevens opslaan").click()
    assert download.value.suggested_filename == "gegevens-inburgeraar.pdf"
    pim.open("/inburgering/overzicht")
    with pim.page.expect_download() as download:
        pim.page.get_by_role("link", name="downloaden (csv)").click()
    download.value.save_as(tmp_path / "overzicht.csv")
    assert "Bilal van Fictief" in (tmp_path / "overzicht.csv").read_text("utf-8-sig")


def test_for_the_wi2021_only_dates_are_asked(person: Person) -> None:
    iris = person("iris")
    find(iris, "999990056")
    iris.page.get_by_role("link", name="Participatieverklaring vastleggen").click()
    iris.check("portaal-wi2021")
    iris.press("Vastleggen")
    iris.check("portaal-wi2021-leeg")
    assert asked(iris) == {"datum_start", "datum_einde", "datum_ondertekening"}


def test_who_may_not_reads_what_to_ask_and_whom(person: Person) -> None:
    anna = person("anna")
    anna.open("/inburgering")
    anna.check("portaal-geen-rol")
    gert = person("gert")
    gert.open("/inburgering")
    gert.check("portaal-geen-rol-beheerder")
