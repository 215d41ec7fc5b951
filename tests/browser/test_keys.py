"""The pages about keys and the page for a found key as a browser shows them: empty, filled, and with faults."""

import re
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import update

from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.database import db, transaction
from keyservice.demo.stack import Stack
from keyservice.issuance.models import End, Issuance
from keyservice.kernel import clock
from keyservice.sleutels.format import Omgeving, new_key
from keyservice.sleutels.models import Sleutel, SleutelUse
from tests.browser.conftest import CheckedPerson
from tests.factories.aanvragen import ready
from tests.factories.issued_rows import issue

# At 1280 px: tables that scroll, and days that take more than one line.
CRAMPED = """() => [
  ...[...document.querySelectorAll('.ks-table')].filter(one => one.scrollWidth > one.clientWidth + 1),
  ...[...document.querySelectorAll('.ks-table td, .ks-table td span')].filter(one => {
    const range = document.createRange();
    range.selectNodeContents(one);
    return /^\\d+ [a-z]+ \\d{4}$/.test(one.textContent.trim()) && range.getClientRects().length > 1;
  }),
].map(one => `${one.scrollWidth} > ${one.clientWidth}: ${one.outerHTML.slice(0, 120)}`)"""
Person = Callable[[str | None], CheckedPerson]
DAY = timedelta(days=1)
ENDS = (3, 12, 45, 47, 80, 150, 151, 155, 210, 300, 330, 360)


def fill() -> None:
    """Store keys of all kinds: that expire in turn, that nobody uses, that sleep or are blocked."""
    now = clock.now()
    for n, ends in enumerate(ENDS):
        issuance_id = issue(ready(pakket=f"Volgpakket met een naam {n}", omgeving=("productie", "acceptatie")[n % 2]))
        issued_at, woken = now - (365 - ends) * DAY, now - (365 - ends - 1 - n % 4) * DAY
        facts: dict[str, object] = {"not_before": issued_at, "expires_at": now + ends * DAY, "activated_at": woken}
        if n == 4:
            facts["suspended_at"] = now - DAY
        if n == 10:
            facts["revoked_at"], facts["reason"] = now, "leaked"
        with transaction() as session:
            row = session.get_one(Issuance, issuance_id)
            session.execute(update(Sleutel).where(Sleutel.id == row.sleutel_id).values(**facts))
            session.execute(
                update(Approval).where(Approval.id == row.approval_id).values(approved_at=issued_at - (n % 5) * DAY)
            )
            submitted = issued_at - (2 + n % 7) * DAY
            session.execute(update(Aanvraag).where(Aanvraag.id == row.aanvraag_id).values(submitted_at=submitted))
            row.issued_at, row.ended_at, row.end_reason = issued_at, woken, End.DONE
            if n % 3:
                last = now - 40 * (n % 4) * DAY
                used = {"first_at": min(woken, last), "last_at": last}
                session.add(SleutelUse(sleutel_id=row.sleutel_id, network="192.0.2.0/24", count=7, **used))
    issue(ready(pakket="Slaapt nog"))
    db.session.remove()


def test_gemeente_and_duo_look_at_the_keys(person: Person, running: Stack) -> None:
    anna, rik = person("anna"), person("rik")
    anna.open("/sleutels")
    rik.open("/sleuteloverzicht?lijst=ongebruikt")
    rik.check("keys-lists-empty")
    with running.app.app_context():
        fill()
    anna.open("/sleutels")
    anna.check("keys-gemeente")
    assert anna.page.get_by_text(re.compile(r"^\d+ [a-z]+ \d{4}$")).count() > len(ENDS)
    assert anna.page.evaluate(CRAMPED) == []
    for name in ("verlopen", "ongebruikt", "vast"):
        rik.open("/sleuteloverzicht" + ("" if name == "verlopen" else f"?lijst={name}"))
        rik.check(f"keys-lists-{name}")
        assert rik.page.evaluate(CRAMPED) == []
    rik.open("/sleuteloverzicht?gemeente=abc")
    rik.check("keys-lists-fault")
    rik.open("/sleuteloverzicht/kalender")
    rik.check("keys-calendar")
    for summary in rik.page.get_by_text("Dezelfde cijfers als tabel").all():
        summary.click()
    rik.check("keys-calendar-tables")
    rik.open("/sleuteloverzicht/kalender?per=week")
    rik.check("keys-calendar-weeks")
    with rik.page.expect_download() as file:
        rik.page.get_by_text("Doorlooptijden downloaden").click()
    assert file.value.suggested_filename.endswith(".csv")


def test_somebody_without_an_account_shows_a_key_that_he_found(person: Person) -> None:
    finder = person(None)
    finder.open("/")
    finder.page.get_by_role("link", name="Gevonden sleutel melden").click()
    finder.check("leak")
    finder.fill("De sleutel die u vond", "SL-2026-00042")
    finder.press("Sleutel melden")
    finder.check("leak-fault")
    finder.fill("De sleutel die u vond", f"sleutel = {new_key(Omgeving.ACCEPTATIE).reveal()}")
    finder.fill("Waar vond u de sleutel?", "In een openbare map")
    finder.press("Sleutel melden")
    assert finder.page.get_by_text("Dank u. Als dit een geldige sleutel is, werkt hij nu niet meer.").is_visible()
    finder.check("leak-reported")
