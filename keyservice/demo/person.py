"""A person at a browser, for the walk: reads labels and button texts, as people do, and types."""

import time
from urllib.parse import urlsplit

import mechanicalsoup
from bs4 import BeautifulSoup, Tag
from requests import Response

STEP_UP_TITLE = "Bevestig dat u het bent"
# A code that was used makes room for the next one within a step of 30 seconds.
LONGEST_WAIT_SECONDS = 35


class StepFailed(Exception):
    """The page did not have what a person would look for; the message says what, and where."""


class PersonAtBrowser:
    """A browser of one person. Raises StepFailed as soon as a page is not what that person needs."""

    def __init__(self, url: str, password: str = "") -> None:
        """Take the address of the program, and the password that is typed when the program asks again."""
        self.url = url
        self.password = password
        self.browser = mechanicalsoup.StatefulBrowser(raise_on_404=True)

    @property
    def page(self) -> BeautifulSoup:
        """Return the page that is open."""
        page = self.browser.page
        if not isinstance(page, BeautifulSoup):
            raise StepFailed(f"no page at {self.browser.url}")
        return page

    @property
    def title(self) -> str:
        """Return the text of the page's h1."""
        heading = self.page.h1
        return heading.get_text(" ", strip=True) if heading else ""

    @property
    def text(self) -> str:
        """Return the text of the whole page, spaces folded."""
        return " ".join(self.page.get_text(" ").split())

    @property
    def secret(self) -> str:
        """Return the code that the page shows in groups."""
        code = self.page.find(class_="ks-secret__code")
        if code is None:
            raise self._failed("no code")
        return "".join(code.get_text().split())

    def open(self, path: str) -> None:
        """Open a page by path or whole address."""
        self._arrived(self.browser.open(path if path.startswith("http") else self.url + path))

    def follow(self, text: str) -> None:
        """Follow the link with a text."""
        link = next((a for a in self.page("a") if text in a.get_text(" ", strip=True)), None)
        if link is None:
            raise self._failed(f"no link '{text}'")
        self.open(str(link["href"]))

    def fill(self, label: str, value: str, nth: int = 0) -> None:
        """Type into the field with a label; `nth` 1 is the second one with it."""
        field = self._labelled(label, nth)
        if field.name == "textarea":
            field.string = value
        else:
            field["value"] = value

    def choose(self, label: str) -> None:
        """Choose a radio button or tick a box by its label."""
        field = self._labelled(label)
        for other in self.page("input", attrs={"name": field["name"], "type": "radio"}):
            del other["checked"]
        field["checked"] = ""

    def press(self, text: str) -> None:
        """Press a button; type the password again when the program asks for it."""
        button = next((b for b in self.page("button") if b.get_text(" ", strip=True) == text), None)
        form = button.find_parent("form") if button else None
        if button is None or form is None:
            raise self._failed(f"no button '{text}'")
        self.browser.select_form(form)
        self.browser.form.choose_submit(button if button.get("name") else None)
        self._arrived(self.browser.submit_selected())
        if self.title == STEP_UP_TITLE and text != "Verder":
            self.fill("Wachtwoord", self.password)
            self.press("Verder")

    def expect(self, text: str) -> None:
        """Look for a text on the page."""
        if text not in self.text:
            raise self._failed(f"the page does not say '{text}'")

    def log_in(self, email: str) -> None:
        """Log in with the password and the code of the app."""
        self.open("/inloggen")
        self.fill("E-mailadres", email)
        self.fill("Wachtwoord", self.password)
        self.press("Inloggen")
        self.fill("Code uit uw app", self._code(email))
        self.press("Inloggen")
        self.expect("Uitloggen")

    def _code(self, email: str) -> str:
        """Look at the code on another tab, as at a phone; wait while the codes of now are used."""
        give_up = time.monotonic() + LONGEST_WAIT_SECONDS
        while time.monotonic() < give_up:
            answer = self.browser.get(f"{self.url}/postvak")
            code = answer.soup.find("code", attrs={"data-code-of": email}) if answer.soup else None
            if code:
                return str(code.get_text())
            time.sleep(1)
        raise self._failed(f"no code for {email}")

    def _labelled(self, label: str, nth: int = 0) -> Tag:
        labels = [found for found in self.page("label") if found.get_text(" ", strip=True).startswith(label)]
        field = self.page.find(id=str(labels[nth]["for"])) if len(labels) > nth else None
        if not isinstance(field, Tag):
            raise self._failed(f"no field '{label}'")
        return field

    def _arrived(self, answer: Response) -> None:
        if answer.status_code >= 400 and self.title != STEP_UP_TITLE:  # noqa: PLR2004 - RFC 9110 15.5
            raise self._failed(f"answer {answer.status_code}: {self._faults()}")

    def _faults(self) -> str:
        alert = self.page.find(class_="utrecht-alert--error")
        return alert.get_text(" ", strip=True) if alert else self.title

    def _failed(self, what: str) -> StepFailed:
        return StepFailed(f"{what} on '{self.title}' ({urlsplit(self.browser.url or '').path})")
