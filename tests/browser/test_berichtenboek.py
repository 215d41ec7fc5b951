"""The berichtenboek in a real browser: asked for, handed out, opened by a link, read at every width, and on paper."""

from collections.abc import Callable
from pathlib import Path

import pytest

from keyservice.berichtenboek.models import Supplier
from keyservice.database import db
from keyservice.demo.stack import Stack
from keyservice.kernel.ids import token_digest
from tests.browser.conftest import PICTURES, CheckedPerson
from tests.factories.berichtenboek import change, held

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
Person = Callable[[str | None], CheckedPerson]
TOKEN = "een-link-die-alleen-deze-toets-kent"
# A4 without its margins of 16 mm, at 96 dots an inch.
PAPER = round((210 - 2 * 16) / 25.4 * 96)
# What is cut off at the right side: no paper scrolls.
CUT_OFF = """() => [...document.querySelectorAll('.ks-book *:not(.ks-vh)')]
  .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1
                 || (getComputedStyle(one).overflowX !== 'visible' && one.scrollWidth > one.clientWidth + 1))
  .map(one => one.outerHTML.slice(0, 120))"""

# What cannot be divided over pages, whatever stands in it.
FRAMED = """() => {
  const found = [];
  for (let one = document.querySelector('.ks-book'); one; one = one.parentElement) {
    const style = getComputedStyle(one);
    if (style.display !== 'block' || style.overflow !== 'visible' || style.containerType.includes('size')) {
      found.push(one.outerHTML.slice(0, 120));
    }
  }
  return found;
}"""


def on_paper(who: CheckedPerson, name: str) -> None:
    """Look at the page as a printer makes it: nothing is cut off, and the frame of the site is gone."""
    who.page.emulate_media(media="print")
    who.page.set_viewport_size({"width": PAPER, "height": 1000})
    assert who.page.evaluate(CUT_OFF) == []
    assert who.page.evaluate(FRAMED) == [], "a page break would go through the middle of a line"
    for chrome in ("nav.ks-nav", ".ks-no-print", ".utrecht-page-footer", ".ks-header__user"):
        shown = who.page.locator(chrome)
        assert not shown.count() or not shown.first.is_visible(), chrome
    if PICTURES:
        who.page.screenshot(path=Path(PICTURES) / f"{name}-print.png", full_page=True)
        who.page.pdf(path=Path(PICTURES) / f"{name}.pdf", prefer_css_page_size=True)
    who.page.emulate_media(media="screen")


def test_a_gemeente_asks_and_reads_and_duo_hands_out(person: Person) -> None:
    anna, rik = person("anna"), person("rik")
    anna.open("/berichtenboek")
    anna.check("boek-leeg")
    anna.open("/berichtenboek/aanvragen")
    anna.check("boek-aanvragen")
    anna.press("Aanvraag versturen")
    anna.check("boek-aanvragen-fout")
    anna.page.get_by_label("Voor mijn gemeente en voor onze softwareleverancier").check()
    anna.fill("Naam van de softwareleverancier", "Voorbeeldsoftware")
    anna.fill("Naam van de persoon bij de leverancier", "Lea Leverancier")
    anna.fill("E-mailadres van deze persoon", "lea@leverancier.example")
    anna.press("Aanvraag versturen")
    anna.check("boek-aangevraagd")
    rik.open("/")
    rik.check("boek-voorpagina-duo")
    for _ in range(2):
        rik.open("/berichtenboeken")
        rik.check("boeken-wachten")
        rik.page.get_by_role("table").first.get_by_role("link").first.click()
        rik.check("boek-beoordelen")
        rik.press("Berichtenboek weigeren")
        rik.check("boek-weigeren-fout")
        rik.press("Berichtenboek uitreiken")
        rik.check("boek-uitgereikt")
    anna.open("/")
    anna.check("boek-voorpagina-gemeente")
    anna.open("/berichtenboek")
    anna.check("boek-uitgereikt-gemeente")
    anna.press("Berichtenboek openen")
    anna.check("boek-lezen")
    on_paper(anna, "boek-lezen")
    rik.open("/berichtenboeken")
    rik.check("boeken")


def test_a_supplier_opens_the_book_and_keeps_it(person: Person, running: Stack, tmp_path: Path) -> None:
    with running.app.app_context():
        # The worker may have sent the mail already, and wiped what was in it: this link is put in its place.
        change(
            held(Supplier("Andere software", "Wim Wacht", "wim@leverancier.example")), token_digest=token_digest(TOKEN)
        )
        db.session.remove()
    lea = person(None)
    lea.open(f"/berichtenboek/link/{TOKEN}")
    lea.check("boek-deur")
    lea.press("Berichtenboek openen")
    lea.check("boek-leverancier")
    with lea.page.expect_download() as download:
        lea.page.get_by_role("link", name="Bewaren als bestand").click()
    kept = tmp_path / download.value.suggested_filename
    download.value.save_as(kept)
    lea.page.goto(kept.as_uri())
    lea.check("boek-bestand")
    on_paper(lea, "boek-bestand")
