"""The walk: one key from an empty form to its first use, by the people themselves, through the real pages and post.

It runs on a throwaway instance and leaves only what the recipients hold: their mails and their sms.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import TypeVar

from keyservice.berichtenboek.content import REGISTERING, example
from keyservice.demo import people, stack
from keyservice.demo.person import PersonAtBrowser, StepFailed
from keyservice.demo.views import read_sms
from keyservice.kernel import clock
from keyservice.kernel.secret import Secret
from keyservice.kernel.zips import read_zip
from keyservice.sleutels import life, service
from keyservice.sleutels.format import KEY_PATTERN

MOBILE = "06 12345678"
WAIT_SECONDS = 20
CODE = re.compile(r"code is (\d{8})")
Z_NUMBER = re.compile(r"Z-[0-9A-Z]{6}")
PASSWORD = re.compile(r"(?:[0-9A-Z]{4}-){6}[0-9A-Z]{4}")
Found = TypeVar("Found")
ACTIVATION = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}(?![-0-9A-Z])")


@dataclass(frozen=True)
class Scene:
    """The running program, and how a step is told."""

    running: stack.Stack
    tell: Callable[[str], None]

    def person(self, login: str) -> PersonAtBrowser:
        """Return a fictive person who has just logged in."""
        browser = self.visitor()
        browser.log_in(next(person.email for person in people.PEOPLE if person.login == login))
        return browser

    def visitor(self) -> PersonAtBrowser:
        """Return a browser of somebody who is not logged in."""
        return PersonAtBrowser(self.running.url, people.PASSWORD)

    def mail(self, subject: str) -> EmailMessage:
        """Wait for the newest mail whose subject starts like this, as it arrived over SMTP."""
        folder = self.running.instance / "postvak" / "mail"
        return _wait(f"a mail '{subject}'", lambda: _newest_mail(folder, subject))

    def sms(self, text: str) -> str:
        """Wait for the newest sms that holds this text."""
        folder = self.running.instance / "postvak" / "sms"
        return _wait(f"an sms '{text}'", lambda: _newest_sms(folder, text))


def walk(out: Path, echo: Callable[[str], None]) -> None:
    """Walk the road, one line per step. Raises StepFailed; the instance and its rings are deleted in any case."""
    began = time.monotonic()
    for name in ("mail", "sms"):
        if (out / name).exists():
            raise StepFailed(
                f"{out} holds the post of an earlier walk. Take that folder away, or choose another: make demo OUT=DIR"
            )
    instance = out / "instance"

    def tell(step: str) -> None:
        echo(f"{time.monotonic() - began:5.1f} s  {step}")

    try:
        with stack.running(instance) as running:
            tell("the program runs on a throwaway instance")
            _road(Scene(running, tell))
    except stack.StackFailed as error:
        raise StepFailed(str(error)) from error
    finally:
        if (instance / "postvak").exists():
            for folder in (instance / "postvak").iterdir():
                shutil.move(folder, out / folder.name)
        shutil.rmtree(instance, ignore_errors=True)
    tell(f"the instance and its rings are deleted; what the recipients got lies in {out / 'mail'} and {out / 'sms'}")
    tell("walk it yourself, on the same pages and with the same people: make run")


def _road(scene: Scene) -> None:
    anna = scene.person("anna")
    _fill_in(anna)
    dossier = _path_of(anna)
    scene.tell("Anna (aanvrager) has filled in the form and sent it")
    contacts = f"{dossier}/contactpersonen"
    _prove_mailbox(scene, anna, contacts)
    scene.tell("Anna has opened the practice zip from her mail: the mailbox is proven")
    _prove_mobile(scene, anna, contacts)
    scene.tell("Bram (no account) has confirmed with the Z-number and the code from his sms")
    gert = scene.person("gert")
    gert.open(contacts)
    gert.follow("Instaan voor Anna Voorbeeld")
    gert.choose("Ik ken deze persoon")
    gert.press("Instaan")
    scene.tell("Gert (gemeentebeheerder) has vouched for Anna")
    desk = dossier.replace("/aanvragen/", "/dossiers/")
    _review(scene, desk)
    scene.tell("Rik (relatiebeheerder) has called the registered number and approved")
    rosa = scene.person("rosa")
    rosa.open(desk)
    rosa.follow("Sleutel uitgeven")
    rosa.press("Sleutel uitgeven")
    scene.tell("Rosa (another relatiebeheerder) has issued the key")
    mail = scene.mail("Uw applicatiesleutel")
    receipt = scene.visitor()
    receipt.open(link(mail, "/ontvangst/"))
    receipt.press("Ik heb het zipbestand")
    scene.tell("Anna holds the zip and has said so")
    text = open_zip(mail, found(PASSWORD, scene.sms("Wachtwoord zipbestand")))
    scene.tell("Bram has the password by sms; it opens the zip")
    key = Secret(found(re.compile(KEY_PATTERN), text))
    _expect_state(scene, key, life.State.SLEEPING)
    anna.open(f"{dossier}/activeren")
    anna.fill("Activatiecode", found(ACTIVATION, text))
    anna.press("Sleutel activeren")
    _expect_state(scene, key, life.State.ACTIVE)
    scene.tell("Anna has activated the key: it works")
    scene.tell("the example cliëntvolgsysteem sends a file with the key: half of it must be refused, and says why")
    for line in _register(scene, key):
        scene.tell(f"cliëntvolgsysteem: {line}")


def _fill_in(anna: PersonAtBrowser) -> None:
    anna.open("/aanvragen/nieuw")
    anna.press("Aanvraag starten")
    anna.fill("OIN", "00000003 12345678 0000")
    anna.press("Volgende")
    anna.fill("Functie", "Medewerker inburgering")
    anna.fill("Telefoonnummer", "010 200 00 01")
    anna.fill("Naam", "Bram Voorbeeld", nth=1)
    anna.fill("Functie", "Teamleider", nth=1)
    anna.fill("Mobiel nummer", MOBILE)
    anna.press("Volgende")
    anna.fill("Softwareleverancier", "Voorbeeldsoftware B.V.")
    anna.fill("Pakket", "Volgpakket")
    anna.fill("Versie", "4.2")
    anna.choose("Productie")
    anna.press("Volgende")
    anna.fill("Naam", "Dirk Voorbeeld")
    anna.fill("Functie", "Directeur")
    anna.choose("Ik ben bevoegd")
    anna.choose("Ik ga akkoord")
    anna.press("Volgende")
    anna.press("Aanvraag versturen")


def _prove_mailbox(scene: Scene, anna: PersonAtBrowser, contacts: str) -> None:
    anna.open(contacts)
    anna.press("Oefenbestand sturen")
    mail = scene.mail("Oefenbestand")
    anna.open(link(mail, "/aanvragen/"))
    anna.fill("Code uit het oefenbestand", found(ACTIVATION, open_zip(mail, anna.secret)))
    anna.press("Code controleren")


def _prove_mobile(scene: Scene, anna: PersonAtBrowser, contacts: str) -> None:
    anna.open(contacts)
    anna.press("Sms sturen")
    sms = scene.sms("Uw code is")
    bram = scene.visitor()
    bram.open("/bevestigen")
    bram.fill("Z-nummer", found(Z_NUMBER, sms))
    bram.fill("Code", found(CODE, sms))
    bram.press("Ja, ik ontvang het wachtwoord")


def _review(scene: Scene, desk: str) -> None:
    rik = scene.person("rik")
    rik.open(desk)
    rik.press("Aanvraag oppakken")
    rik.open(desk)
    rik.follow("Bellen en instaan voor Bram Voorbeeld")
    rik.choose("Ik heb dit nummer gebeld")
    rik.press("Instaan")
    rik.open(desk)
    rik.follow("Aanvraag goedkeuren")
    for checked in ("De gemeente bestaat", "De 2 contactpersonen", "Ik ken het pakket", "De ondertekenaar mag"):
        rik.choose(checked)
    rik.fill("Waarom keurt u de aanvraag goed?", "Alles klopt, en de gemeente is gebeld.")
    rik.press("Aanvraag goedkeuren")


def _path_of(browser: PersonAtBrowser) -> str:
    match = re.search(r"/aanvragen/[0-9a-f-]{36}", browser.browser.url or "")
    if match is None:
        raise StepFailed(f"no aanvraag at {browser.browser.url}")
    return match[0]


def _expect_state(scene: Scene, key: Secret, state: life.State) -> None:
    with scene.running.app.app_context():
        sleutel = service.find(key)
        now = life.state(sleutel.facts, clock.now()) if sleutel else None
    if now is not state:
        raise StepFailed(f"the key is {now}, not {state}")


def _register(scene: Scene, key: Secret) -> list[str]:
    """Let the example cliëntvolgsysteem register all fictive inburgeraars with the key, and return what it tells.

    It works for one gemeente and one law: it is told so about the others.
    """
    path = scene.running.instance / "verklaringen.csv"
    with stack.INBURGERAARS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(
            ("bsn", "ondertekend", "trajectGevolgd", "startDeelname", "eindeDeelname", "datumOndertekening")
        )
        writer.writerows((person["bsn"], "ja", "ja", "2022-02-03", "2022-02-04", "2022-02-04") for person in rows)
    program = [sys.executable, str(example(REGISTERING)), scene.running.url, str(path)]
    environ = {**os.environ, "SLEUTEL": key.reveal(), "PYTHONUTF8": "1"}
    done = subprocess.run(program, env=environ, capture_output=True, encoding="utf-8", check=False)  # noqa: S603 - our own
    if not done.stdout.startswith("Vastgelegd"):
        raise StepFailed(f"the cliëntvolgsysteem failed: {done.stderr}")
    return done.stdout.splitlines()


def open_zip(mail: EmailMessage, password: str) -> str:
    """Return the text inside the zip of a mail. Raises StepFailed, or ZipUnreadable with a wrong password."""
    attachment = next(mail.iter_attachments(), None)
    if attachment is None:
        raise StepFailed("the mail has no zip")
    files = read_zip(attachment.get_content(), Secret(password))
    return next(iter(files.values())).decode()


def link(mail: EmailMessage, path: str) -> str:
    """Return the link in a mail that leads to a path."""
    body = mail.get_body(preferencelist=("plain",))
    return found(re.compile(rf"http://\S+{path}\S+"), body.get_content() if body else "")


def found(pattern: re.Pattern[str], text: str) -> str:
    """Return what a pattern finds in a text. Raises StepFailed."""
    match = pattern.search(text)
    if match is None:
        raise StepFailed(f"nothing like {pattern.pattern} where it should stand")
    return match[0] if not match.groups() else match[1]


def _newest_mail(folder: Path, subject: str) -> EmailMessage | None:
    for path in sorted(folder.glob("*.eml"), reverse=True):
        mail = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        if str(mail["Subject"]).startswith(subject) and isinstance(mail, EmailMessage):
            return mail
    return None


def _newest_sms(folder: Path, text: str) -> str | None:
    texts = (read_sms(path).text for path in sorted(folder.glob("*.txt"), reverse=True))
    return next((sms for sms in texts if text in sms), None)


def _wait(what: str, look: Callable[[], Found | None]) -> Found:
    give_up = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < give_up:
        result = look()
        if result is not None:
            return result
        time.sleep(0.1)
    raise StepFailed(f"{what} did not arrive within {WAIT_SECONDS} seconds")
