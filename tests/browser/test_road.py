"""The whole road in a real browser: every page on it, empty, with faults and filled in, passes an inspection."""

import re
from collections.abc import Callable

import pytest

from keyservice.demo.stack import Stack
from keyservice.demo.walk import ACTIVATION, CODE, PASSWORD, Z_NUMBER, Scene, found, link, open_zip
from tests.browser.conftest import CheckedPerson

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]  # dozens of pages, each inspected twice
Person = Callable[[str | None], CheckedPerson]


def test_the_road_of_one_key_in_a_browser(person: Person, running: Stack) -> None:
    scene = Scene(running, print)
    visitor = person(None)
    public = ("/", "/inloggen", "/contact", "/privacy", "/toegankelijkheid", "/kwetsbaarheid-melden", "/bestaat-niet")
    for path in public:
        visitor.open(path)
        visitor.check()
    visitor.open("/inloggen")
    visitor.press("Inloggen")
    visitor.check("inloggen-fout")

    anna = person("anna")
    anna.check("front-gemeente-leeg")
    anna.open("/aanvragen")
    anna.check("aanvragen-leeg")
    number = fill_in(anna)
    dossier = anna.page.url.removeprefix(running.url)[: len("/aanvragen/") + 36]
    desk, contacts = dossier.replace("/aanvragen/", "/dossiers/"), f"{dossier}/contactpersonen"
    for path in (dossier, contacts, "/aanvragen", "/", f"{dossier}/intrekken"):
        anna.open(path)
        anna.check()
    prove_contacts(scene, anna, person(None), contacts)
    anna.open(contacts)
    anna.check("contactpersonen-bewezen")

    gert = person("gert")
    gert.check("front-gemeentebeheerder")
    gert.open(contacts)
    gert.check("contactpersonen-gemeentebeheerder")
    gert.page.get_by_role("link", name="Instaan voor Anna Voorbeeld").click()
    gert.press("Instaan")
    gert.check("instaan-fout")
    gert.page.get_by_label("Ik ken deze persoon").check()
    gert.press("Instaan")

    review(person("rik"), desk)
    anna.open(dossier)
    anna.check("status-goedgekeurd")
    rosa = person("rosa")
    rosa.check("front-relatiebeheerder")
    rosa.open(desk)
    rosa.page.get_by_role("link", name="Sleutel uitgeven").click()
    rosa.check("uitgeven")
    rosa.press("Sleutel uitgeven")
    rosa.open(desk)
    rosa.check("dossier-uitgegeven")
    for path in ("/berichten", "/gemeenten"):
        rosa.open(path)
        rosa.check()

    receive_and_activate(scene, person, anna, dossier)
    for path in ("/", dossier, "/postvak"):
        anna.open(path)
        anna.check(f"{path.strip('/').split('/')[0] or 'front'}-actief")
    audit(person("ada"), desk, number)
    manage(person("ben"))


def fill_in(anna: CheckedPerson) -> str:
    """Fill in the form, each step first empty and with faults; return the number of the aanvraag."""
    anna.open("/aanvragen/nieuw")
    anna.check()
    anna.press("Aanvraag starten")
    anna.check("stap1")
    anna.press("Volgende")
    anna.check("stap1-fout")
    assert anna.page.title().startswith("Fout: ")
    anna.fill("OIN", "00000003 12345678 0000")
    anna.press("Volgende")
    anna.check("stap2")
    anna.press("Volgende")
    anna.check("stap2-fout")
    key, password = anna.page.locator("fieldset").nth(0), anna.page.locator("fieldset").nth(2)
    key.get_by_label("Functie").fill("Medewerker inburgering")
    key.get_by_label("Telefoonnummer").fill("010 200 00 01")
    password.get_by_label("Naam").fill("Bram Voorbeeld")
    password.get_by_label("Functie").fill("Teamleider")
    password.get_by_label("Mobiel nummer").fill("06 12345678")
    anna.press("Volgende")
    anna.check("stap3")
    anna.press("Volgende")
    anna.check("stap3-fout")
    anna.fill("Softwareleverancier", "Voorbeeldsoftware B.V.")
    anna.page.get_by_label("Pakket").fill("Volgpakket")
    anna.fill("Versie", "4.2")
    anna.page.get_by_label("Productie").check()
    anna.press("Volgende")
    anna.check("stap4")
    anna.press("Volgende")
    anna.check("stap4-fout")
    anna.fill("Naam", "Dirk Voorbeeld")
    anna.fill("Functie", "Directeur")
    anna.page.get_by_label("Ik ben bevoegd").check()
    anna.page.get_by_label("Ik ga akkoord").check()
    anna.press("Volgende")
    anna.check("controleren")
    anna.press("Aanvraag versturen")
    anna.check("verstuurd")
    return found(re.compile(r"AA-\d{4}-\d{5}"), anna.page.locator("main").inner_text())


def prove_contacts(scene: Scene, anna: CheckedPerson, bram: CheckedPerson, contacts: str) -> None:
    """Prove the mailbox by the practice zip and the mobile by the sms."""
    anna.open(contacts)
    anna.press("Oefenbestand sturen")
    mail = scene.mail("Oefenbestand")
    anna.open(link(mail, "/aanvragen/"))
    anna.check("oefenzip")
    anna.press("Code controleren")
    anna.check("oefenzip-fout")
    password = "".join(anna.page.locator(".ks-secret__code").inner_text().split())
    anna.fill("Code uit het oefenbestand", found(ACTIVATION, open_zip(mail, password)))
    anna.press("Code controleren")
    anna.open(contacts)
    anna.press("Sms sturen")
    sms = scene.sms("Uw code is")
    bram.open("/bevestigen")
    bram.check()
    bram.press("Ja, ik ontvang het wachtwoord")
    bram.check("bevestigen-fout")
    bram.fill("Z-nummer", found(Z_NUMBER, sms))
    bram.page.locator("#code").fill(found(CODE, sms))
    bram.press("Ja, ik ontvang het wachtwoord")
    bram.check("bevestigd")


def review(rik: CheckedPerson, desk: str) -> None:
    """Take up, call and approve, with every page of the review on the way."""
    rik.check("front-relatiebeheerder-wachtend")
    rik.open("/werkvoorraad")
    rik.check()
    rik.open(desk)
    rik.check("dossier-ingediend")
    rik.press("Aanvraag oppakken")
    for act in ("aanvulling-vragen", "afwijzen"):
        rik.open(f"{desk}/{act}")
        rik.check(act)
        rik.page.locator("main form button").first.click()
        rik.check(f"{act}-fout")
    rik.open(desk)
    rik.press("Notitie bewaren")
    rik.check("notitie-fout")
    rik.open(desk)
    rik.page.get_by_role("link", name="Bellen en instaan voor Bram Voorbeeld").click()
    rik.check("bellen")
    rik.press("Instaan")
    rik.check("bellen-fout")
    rik.page.get_by_label("Ik heb dit nummer gebeld").check()
    rik.press("Instaan")
    rik.open(desk)
    rik.page.get_by_role("link", name="Aanvraag goedkeuren").click()
    rik.check("goedkeuren")
    rik.press("Aanvraag goedkeuren")
    rik.check("goedkeuren-fout")
    for box in rik.page.get_by_role("checkbox").all():
        box.check()
    rik.fill("Waarom keurt u de aanvraag goed?", "Alles klopt, en de gemeente is gebeld.")
    rik.press("Aanvraag goedkeuren")
    rik.open(desk)
    rik.check("dossier-goedgekeurd")
    rik.open(f"{desk}/goedkeuring-intrekken")
    rik.check("goedkeuring-intrekken")


def receive_and_activate(scene: Scene, person: Person, anna: CheckedPerson, dossier: str) -> None:
    """Say that the zip is there, open it with the password from the sms, and activate the key."""
    mail = scene.mail("Uw applicatiesleutel")
    scan(person(None), link(mail, "/ontvangst/"))
    receiver = person(None)
    receiver.open(link(mail, "/ontvangst/"))
    receiver.check("ontvangst")
    receiver.press("Ik heb het zipbestand")
    receiver.check("ontvangen")
    text = open_zip(mail, found(PASSWORD, scene.sms("Wachtwoord zipbestand")))
    anna.open(f"{dossier}/activeren")
    anna.check("activeren")
    anna.press("Sleutel activeren")
    anna.check("activeren-fout")
    anna.fill("Activatiecode", found(ACTIVATION, text))
    anna.press("Sleutel activeren")


def scan(scanner: CheckedPerson, url: str) -> None:
    """Open a link as a mail scanner does that is a whole browser: with its scripts, and the pointer on everything."""
    methods: set[str] = set()
    scanner.page.on("request", lambda request: methods.add(request.method))
    scanner.open(url)
    for thing in scanner.page.locator("main a, main button, footer a").all():
        thing.hover()
    scanner.page.keyboard.press("End")
    scanner.page.wait_for_load_state("networkidle")
    assert scanner.page.get_by_role("button", name="Ik heb het zipbestand").is_visible(), "nothing was used up"
    assert methods == {"GET"}


def audit(ada: CheckedPerson, desk: str, number: str) -> None:
    """Look at everything, as an auditor."""
    ada.check("front-auditor")
    for path in ("/gebeurtenissen", f"/gebeurtenissen?dossier={number}", desk, "/werkvoorraad"):
        ada.open(path)
        ada.check(f"auditor-{path.strip('/').split('/')[0].split('?')[0]}")


def manage(ben: CheckedPerson) -> None:
    """Change the registered number of a gemeente, as a beheerder."""
    ben.check("front-beheerder")
    ben.open("/gemeenten/9999/telefoon")
    ben.check("telefoon")
    ben.page.locator("main input[type=tel], main input[type=text]").first.fill("12")
    ben.page.locator("main form button").first.click()
    ben.check("telefoon-fout")


def test_the_pages_work_without_javascript_and_by_keyboard(person: Person) -> None:
    visitor = person(None)
    visitor.open("/inloggen")
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent").strip() == "Direct naar inhoud"
    visitor.page.keyboard.press("Enter")
    visitor.press("Inloggen")
    assert visitor.page.evaluate("document.activeElement.role") == "alert", "not the part that the skip link went to"
    visitor.open("/contact")
    assert visitor.page.locator("script").count() == 0, "nothing here needs JavaScript"
