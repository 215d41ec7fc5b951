"""A real browser on the running program: every page it opens is checked on the spot."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, sync_playwright

from keyservice.demo import people, stack
from tests.conftest import leave_out

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (1280, 320)
STAYS_MS, LOOK_MS = 5_000, 50
# Set this to a folder to get a picture of every page that is checked.
PICTURES = os.environ.get("KEYSERVICE_PICTURES")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    """Run the whole program for the browser tests."""
    with stack.running(tmp_path_factory.mktemp("browser") / "instance") as program:
        yield program


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start the machine's own Chromium."""
    path = shutil.which("chromium")
    if path is None:
        leave_out("the browser chromium is not on this machine")
    with sync_playwright() as playwright:
        # --no-sandbox: a build server runs as root, where Chromium has no sandbox.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class CheckedPerson:
    """A person at a browser; `check()` looks at the page that is open as an inspector would."""

    def __init__(self, context: BrowserContext, url: str, axe: str) -> None:
        """Take a fresh browser context, the address of the program and the source of axe-core."""
        self.url = url
        self.page: Page = context.new_page()
        self.axe = axe
        self.faults: list[str] = []
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        # An answer of 403 or 422 is not a fault of the page; a violated content policy is.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def open(self, path: str) -> None:
        """Open a page."""
        self.page.goto(path if path.startswith("http") else self.url + path)

    def log_in(self, login: str) -> None:
        """Log in as a fictive person, with the password and the code of the app."""
        email = next(person.email for person in people.PEOPLE if person.login == login)
        self.open("/inloggen")
        self.page.get_by_label("E-mailadres").fill(email)
        self.page.get_by_label("Wachtwoord").fill(people.PASSWORD)
        self.press("Inloggen")
        self.page.get_by_label("Code uit uw app").fill(self.code_of(email))
        self.press("Inloggen")

    def code_of(self, email: str) -> str:
        """Look at the code of somebody's app on another tab; wait while the codes of now are used."""
        phone = self.page.context.new_page()
        code = phone.locator(f"[data-code-of='{email}']")
        for _ in range(35):
            phone.goto(f"{self.url}/postvak")
            if code.count():
                break
            phone.wait_for_timeout(1000)
        found = code.inner_text()
        phone.close()
        return found

    def press(self, text: str) -> None:
        """Press a button, and type the password when the program asks who one is."""
        self.page.evaluate("window.before = true")
        self.page.get_by_role("button", name=text, exact=True).first.click()
        self._arrive()
        if self.page.get_by_role("heading", level=1).inner_text() == "Bevestig dat u het bent" and text != "Verder":
            self.check("step-up")
            self.page.get_by_label("Wachtwoord").fill(people.PASSWORD)
            self.press("Verder")

    def _arrive(self) -> None:
        """Wait for the page that a button leads to; a button of a script may stay on its page."""
        for _ in range(STAYS_MS // LOOK_MS):
            with suppress(Error):  # the page that was asked is gone already
                if self.page.evaluate("!window.before && document.readyState === 'complete'"):
                    return
            self.page.wait_for_timeout(LOOK_MS)

    def fill(self, label: str, value: str) -> None:
        """Type into a field."""
        self.page.get_by_label(label).fill(value)

    def check(self, name: str = "") -> None:
        """Inspect the page: no axe violations, no sideways scrolling, no complaint in the console.

        What is wrong is collected, and fails the test at its end: one run tells all faults.
        """
        name = name or re.sub(r"[0-9a-f-]{36}|[^a-z/-]", "", self.page.url.removeprefix(self.url)).strip("/")
        name = name.replace("/", "_") or "front"
        self.page.wait_for_load_state("load")
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            # Evaluated from outside: the page's own policy stays in force.
            found: Any = self.page.evaluate(f"() => {{ {self.axe}; return axe.run({{runOnly: {RULES}}}) }}")
            assert found["passes"], f"axe looked at nothing on {name}"
            nodes = [(v["id"], node["html"][:200]) for v in found["violations"] for node in v["nodes"]]
            self.faults += [f"{name} at {width} px: {rule}: {html}" for rule, html in nodes]
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                self.faults.append(f"{name} scrolls sideways at {width} px: {wide}")
            if PICTURES:
                self.page.screenshot(path=Path(PICTURES) / f"{name}-{width}.png", full_page=True)
        self.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        self.faults += [f"{name}: {complaint}" for complaint in self.complaints]
        self.complaints.clear()


@pytest.fixture(scope="session")
def axe_source() -> str:
    """Return the source of axe-core, which the package axe-playwright-python carries."""
    import axe_playwright_python  # noqa: PLC0415 - for its data only

    path = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js"))
    return path.read_text("utf-8")


@pytest.fixture
def person(chromium: Browser, running: stack.Stack, axe_source: str) -> Iterator[Callable[..., CheckedPerson]]:
    """Return a function that gives a person at a browser of his own, without scripts if asked; a login logs him in."""
    contexts: list[BrowserContext] = []
    people_here: list[CheckedPerson] = []

    def make(login: str | None = None, *, scripts: bool = True) -> CheckedPerson:
        context = chromium.new_context(locale="nl-NL", java_script_enabled=scripts)
        contexts.append(context)
        someone = CheckedPerson(context, running.url, axe_source)
        people_here.append(someone)
        if login:
            someone.log_in(login)
        return someone

    yield make
    for context in contexts:
        context.close()
    faults = [fault for someone in people_here for fault in someone.faults]
    assert not faults, "\n".join(faults)
