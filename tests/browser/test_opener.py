"""The page that opens a zip, in a real browser with the network off: as a page of the site and as one file."""

import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Request

from keyservice.contacts.practice import PRACTICE_ENTRY, practice_text
from keyservice.issuance.contents import KEY_ENTRY, key_text
from keyservice.kernel.ids import readable_code
from keyservice.kernel.passwords import new_password
from keyservice.kernel.secret import Secret
from keyservice.kernel.zips import build_zip
from keyservice.sleutels.format import Omgeving, new_key
from tests.browser.conftest import CheckedPerson
from tests.rules.test_zips import with_check_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
Person = Callable[[str | None], CheckedPerson]
SevenZip = Callable[..., bytes]
DAMAGED = "Dit zipbestand is beschadigd of veranderd"
WRONG = "Dit wachtwoord past niet op dit zipbestand"


class Opener:
    """The page, in the hands of somebody whose network is off."""

    def __init__(self, someone: CheckedPerson, form: str, folder: Path) -> None:
        """Load the page of the site, or download it and load that file; from then on the network is off."""
        self.someone, self.page, self.form, self.folder = someone, someone.page, form, folder
        someone.open("/openen")
        if form == "file":
            with self.page.expect_download() as download:
                self.page.get_by_role("link", name="Openpagina downloaden").click()
            assert download.value.suggested_filename == "openpagina.html"
            download.value.save_as(folder / "openpagina.html")
            self.page.goto((folder / "openpagina.html").as_uri())
        self.page.wait_for_load_state("networkidle")
        self.requests: list[str] = []
        self.page.context.on("request", self._note)
        self.page.context.set_offline(True)

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)

    def submit(self, data: bytes | None, password: str, name: str = "applicatiesleutel.zip") -> None:
        """Choose a file, type a password and press the button."""
        if data is not None:
            path = self.folder / name
            path.write_bytes(data)
            self.page.get_by_label("Zipbestand", exact=True).set_input_files(path)
        self.page.get_by_label("Wachtwoord").fill(password)
        self.page.get_by_role("button", name="Zipbestand openen").click()

    def opened(self) -> Locator:
        """Return the result, once it is there."""
        heading = self.page.get_by_role("heading", name="Het zipbestand is open")
        heading.wait_for()
        assert heading.evaluate("(it) => it === document.activeElement")
        return self.page.locator("[data-opener-result]")

    def codes(self) -> list[str]:
        """Return the values that are shown apart."""
        return self.page.locator("[data-opener-result] .ks-secret__code").all_inner_texts()

    def texts(self) -> dict[str, str]:
        """Return each text that is shown, by the name of its file."""
        texts = self.page.locator("[data-opener-found] pre").all()
        return {text.locator("xpath=preceding-sibling::h3[1]").inner_text(): text.inner_text() for text in texts}

    def faults(self) -> list[str]:
        """Return what the summary says, which has the focus; the same stands at the fields, and nothing is shown."""
        summary = self.page.get_by_role("alert")
        summary.wait_for()
        assert summary.evaluate("(it) => it === document.activeElement")
        told = summary.get_by_role("link").all_inner_texts()
        at_the_fields = self.page.locator(".utrecht-form-field-error-message:visible [data-text]").all_inner_texts()
        count = "Er is 1 veld" if len(told) == 1 else f"Er zijn {len(told)} velden"
        assert summary.get_by_role("heading").inner_text() == f"{count} niet goed ingevuld"
        assert at_the_fields == told
        assert self.page.locator("[aria-invalid=true]").count() == len(told)
        assert self.page.title().startswith("Fout: Zipbestand openen")
        assert self.page.locator("[data-opener-result]").is_hidden()
        assert self.page.locator("[data-opener-found] *").count() == 0
        return told


@pytest.fixture(params=["site", "file"])
def opener(person: Person, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Give the page to somebody; at the end no request may have left it."""
    made = Opener(person(None), request.param, tmp_path)
    yield made
    # Not of the page: what is saved from it, and the icon for the tab, which the browser itself sometimes gets late.
    own = [url for url in made.requests if not url.startswith("blob:") and not url.endswith("/static/favicon.svg")]
    assert own == []


@pytest.fixture
def seven_zip(need_tool: Callable[[str], str], tmp_path: Path) -> SevenZip:
    """Return a function that has 7-Zip pack files."""

    def pack(files: dict[str, bytes], *arguments: str) -> bytes:
        folder, archive = tmp_path / "in", tmp_path / "7z.zip"
        folder.mkdir(exist_ok=True)
        archive.unlink(missing_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        command = [need_tool("7z"), "a", "-tzip", "-bd", *arguments, str(archive), *files]
        subprocess.run(command, check=True, cwd=folder, capture_output=True)
        return archive.read_bytes()

    return pack


@pytest.fixture(scope="module")
def ours() -> tuple[bytes, str, str, str]:
    """Return a zip as the program makes it, with its password, key and activation code."""
    password, key, code = new_password(), new_key(Omgeving.PRODUCTIE), readable_code(8)
    data = build_zip(key_text(key, Secret(code)), password, KEY_ENTRY)
    return data, password.reveal(), key.reveal(), f"{code[:4]}-{code[4:]}"


def flipped(data: bytes, place: int) -> bytes:
    """Return the data with one bit changed."""
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def sealed_part(data: bytes) -> range:
    """Return where the only entry lies: salt, password check, content and, in its last 10 bytes, the seal."""
    name, extra = struct.unpack_from("<HH", data, 26)
    return range(30 + name + extra, data.index(b"PK\x01\x02"))


def test_a_zip_of_ours_shows_key_and_code_apart(opener: Opener, ours: tuple[bytes, str, str, str]) -> None:
    data, password, key, code = ours
    opener.someone.check(f"opener-{opener.form}-leeg")
    opener.submit(data, password)
    result = opener.opened()
    assert opener.codes() == [key, code]
    assert result.get_by_role("heading", level=3).all_inner_texts() == [
        *("Uw applicatiesleutel", "Uw activatiecode", "applicatiesleutel.txt")
    ]
    text = opener.texts()["applicatiesleutel.txt"]
    assert text == key_text(Secret(key), Secret(code.replace("-", ""))).replace("\r\n", "\n").strip()
    said = opener.page.locator("[data-opener-status]")
    assert said.get_attribute("role") == "status"
    assert said.inner_text() == "1 bestand geopend. De inhoud staat hieronder."
    assert opener.page.get_by_label("Wachtwoord").input_value() == "", "it has done its work"
    opener.someone.check(f"opener-{opener.form}-open")


def test_the_ear_gets_each_character(opener: Opener) -> None:
    password = new_password()
    text = key_text(Secret("asl_p_aB0_z9"), Secret("2K7M4QXP"))
    opener.submit(build_zip(text, password, KEY_ENTRY), password.reveal())
    opener.opened()
    assert opener.page.locator("[data-opener-result] .ks-secret__spoken").all_inner_texts() == [
        "a, s, l, laag streepje. p, laag streepje, a, hoofdletter B. nul, laag streepje, z, negen.",
        "twee, K, zeven, M. Streepje. vier, Q, X, P.",
    ]
    shown = opener.page.locator("[data-opener-result] .ks-secret__code").all()
    assert [one.get_attribute("aria-hidden") for one in shown] == ["true", "true"], "not said twice"


def test_the_password_may_be_typed_in_any_way(opener: Opener, ours: tuple[bytes, str, str, str]) -> None:
    data, password, key, _ = ours
    bare = password.replace("-", "")
    ways = [password.lower(), bare, bare.lower(), f"  {password} \t", " ".join(bare), password.replace("-", " – ")]
    for typed in ways:
        opener.submit(data, typed)
        opener.opened()
        assert opener.codes()[0] == key, typed
        opener.page.get_by_role("button", name="Wissen").click()


def test_a_practice_zip_shows_its_code(opener: Opener) -> None:
    password = new_password()
    opener.submit(build_zip(practice_text(Secret("2K7M4QXP")), password, PRACTICE_ENTRY), password.reveal())
    opener.opened()
    assert opener.codes() == ["2K7M-4QXP"]
    assert opener.page.get_by_role("button", name="Controlecode kopiëren").is_visible()


def test_the_buttons_copy_and_clear(opener: Opener, ours: tuple[bytes, str, str, str]) -> None:
    data, password, key, code = ours
    for what, value in (("Applicatiesleutel kopiëren", key), ("Activatiecode kopiëren", code)):
        if value == code:  # as in an office that has switched it off
            opener.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        opener.submit(data, password)
        opener.opened()
        opener.page.get_by_role("button", name=what).click()
        opener.page.get_by_text("Gekopieerd. Plak het meteen").wait_for()
        opener.page.get_by_role("button", name="Wissen").click()
        assert opener.page.locator("[data-opener-result]").is_hidden()
        assert opener.page.locator("[data-opener-status]").inner_text() == "Alles is gewist."
        left = opener.page.content() + opener.page.evaluate(
            "[...document.querySelectorAll('input')].map(i => i.value)+''"
        )
        for secret in (key, code, password, "applicatiesleutel.zip"):
            assert secret not in left
        assert opener.page.evaluate("document.activeElement.id") == "bestand"
        opener.page.get_by_label("Wachtwoord").press("Control+v")
        assert opener.page.get_by_label("Wachtwoord").input_value() == value, "pasted as it was shown"


def test_leaving_the_page_clears_it(opener: Opener, ours: tuple[bytes, str, str, str]) -> None:
    data, password, key, _ = ours
    opener.submit(data, password)
    opener.opened()
    opener.page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    assert key not in opener.page.content()
    assert opener.page.locator("[data-opener-result]").is_hidden()


@pytest.mark.parametrize("packed", ["-mx0", "-mx9"])
def test_zips_of_seven_zip_open_too(opener: Opener, seven_zip: SevenZip, packed: str) -> None:
    files = {
        "Één tekst.txt": "Sleutel voor Łódź\n".encode(),
        "lang.txt": b"telkens hetzelfde " * 500,
        "leeg.txt": b"",
        "beeld.bin": bytes(range(256)) * 4,
    }
    data = seven_zip(files, "-mem=AES256", "-pgeen zeven blokken", packed)
    opener.submit(data, "geen zeven blokken", "van 7-Zip.zip")
    opener.opened()
    assert opener.texts() == {name: files[name].decode().strip() for name in files if name != "beeld.bin"}
    with opener.page.expect_download() as download:
        opener.page.get_by_role("link", name="Bestand bewaren").click()
    assert download.value.suggested_filename == "beeld.bin"
    assert download.value.path().read_bytes() == files["beeld.bin"]
    if packed == "-mx9":
        opener.someone.check(f"opener-{opener.form}-bestanden")


def test_a_wrong_password_is_told_at_its_field(opener: Opener, ours: tuple[bytes, str, str, str]) -> None:
    data, password, key, _ = ours
    wrong = new_password().reveal()
    opener.submit(data, wrong)
    (fault,) = opener.faults()
    assert fault.startswith(WRONG)
    opener.someone.check(f"opener-{opener.form}-fout")
    assert opener.page.get_by_label("Wachtwoord").input_value() == wrong, "what was typed is kept"
    opener.submit(None, password)
    opener.opened()
    assert opener.codes()[0] == key, "the file was kept too"
    assert opener.page.title().startswith("Zipbestand openen")


def test_a_changed_zip_shows_nothing(opener: Opener, ours: tuple[bytes, str, str, str], seven_zip: SevenZip) -> None:
    data, password, _, _ = ours
    deflated = seven_zip({"a.txt": b"telkens hetzelfde " * 20}, "-mem=AES256", f"-p{password}", "-mx9")
    for archive in (data, deflated):
        part = sealed_part(archive)
        content, seal, end = part[18:-10], part[-10:], part.stop
        changed = [flipped(archive, place) for place in (*content[:: len(content) // 12], content[-1], *seal[::3])]
        changed += [archive[:size] for size in (60, end - 1, end, len(archive) - 1)]  # cut off
        changed.append(archive[: end - 20] + archive[end:])  # a piece is out
        for one in changed:
            opener.submit(one, password)
            (fault,) = opener.faults()
            assert fault.startswith(DAMAGED)


def test_a_wrong_password_that_passes_for_right_at_first_shows_nothing(
    opener: Opener, ours: tuple[bytes, str, str, str]
) -> None:
    wrong = new_password()
    opener.submit(with_check_of(wrong, ours[0]), wrong.reveal())
    (fault,) = opener.faults()
    assert fault.startswith(DAMAGED)


def test_other_files_are_told_apart(opener: Opener, seven_zip: SevenZip, ours: tuple[bytes, str, str, str]) -> None:
    text = {"a.txt": b"tekst"}
    big = b"\0" * (10 * 1024 * 1024 + 1)
    cases = {
        "Dit is geen zipbestand": [b"", b"geen zip", b"%PDF-1.7 " + bytes(100), b"7z\xbc\xaf\x27\x1c" + bytes(60)],
        "Dit zipbestand is niet beveiligd met een wachtwoord": [seven_zip(text)],
        "Dit zipbestand is op een andere manier beveiligd": [seven_zip(text, "-mem=ZipCrypto", "-px")],
        "Deze pagina kent de manier niet": [seven_zip({"b.txt": b"tekst " * 99}, "-mem=AES256", "-px", "-mm=LZMA")],
        "Dit bestand is te groot": [big],
        "De inhoud is te groot": [seven_zip({"nullen.bin": big}, "-mem=AES256", "-px", "-mx9")],
    }
    for start, archives in cases.items():
        for archive in archives:
            opener.submit(archive, "x")
            (fault,) = opener.faults()
            assert fault.startswith(start)


def test_a_size_that_lies_does_not_get_past_the_limit(opener: Opener, seven_zip: SevenZip) -> None:
    archive = seven_zip({"nullen.bin": b"\0" * (11 * 1024 * 1024)}, "-mem=AES256", "-px", "-mx9")
    size = (11 * 1024 * 1024).to_bytes(4, "little")
    assert archive.count(size) == 2, "in both headers"
    opener.submit(archive.replace(size, (100).to_bytes(4, "little")), "x")
    (fault,) = opener.faults()
    assert fault.startswith(DAMAGED)


def test_all_that_is_wrong_is_told_at_once(opener: Opener) -> None:
    opener.submit(None, "")
    assert opener.faults() == ["Kies het zipbestand dat u wilt openen.", "Vul het wachtwoord van het zipbestand in."]
    opener.someone.check(f"opener-{opener.form}-leeg-fout")
    opener.submit(b"geen zip", " ")
    first, second = opener.faults()
    assert first.startswith("Dit is geen zipbestand")
    assert second.startswith("Vul het wachtwoord")
    opener.page.get_by_role("link", name=second).click()
    assert opener.page.evaluate("document.activeElement.id") == "wachtwoord"


def test_the_keyboard_does_it_all(opener: Opener, ours: tuple[bytes, str, str, str]) -> None:
    data, password, key, _ = ours
    path = opener.folder / "a.zip"
    path.write_bytes(data)
    press = opener.page.keyboard.press
    opener.page.on("filechooser", lambda _: None)  # makes the browser hand over its dialog from now on
    tab_to(opener.page, "bestand")
    with opener.page.expect_file_chooser() as chooser:
        press("Enter")
    chooser.value.set_files(path)
    tab_to(opener.page, "wachtwoord")
    opener.page.keyboard.type(password)
    press("Enter")
    opener.opened()
    assert opener.codes()[0] == key
    reached = []
    for _ in range(3):
        press("Tab")
        reached.append(opener.page.evaluate("document.activeElement.textContent").strip())
    assert reached == ["Applicatiesleutel kopiëren", "Activatiecode kopiëren", "Wissen"]
    press("Enter")
    assert key not in opener.page.content()


def tab_to(page: Page, name: str) -> None:
    """Press Tab until an element has the focus; fail when it cannot be reached."""
    for _ in range(20):
        if page.evaluate("document.activeElement.id") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {name}")


def test_a_file_may_be_dropped_anywhere(opener: Opener, ours: tuple[bytes, str, str, str]) -> None:
    data, password, key, _ = ours
    drop = """([bytes, count]) => {
        const dragged = new DataTransfer();
        for (let i = 0; i < count; i++) dragged.items.add(new File([new Uint8Array(bytes)], `${i}.zip`));
        for (const type of ["dragover", "drop"]) {
            const event = new DragEvent(type, {dataTransfer: dragged, bubbles: true, cancelable: true});
            document.querySelector("h1").dispatchEvent(event);
            if (!event.defaultPrevented) throw new Error("the browser would leave the page");
        }
    }"""
    opener.page.evaluate(drop, [list(data), 2])
    opener.submit(None, password)
    assert opener.faults() == ["Kies 1 bestand: het zipbestand."]
    opener.page.evaluate(drop, [list(data), 1])
    opener.submit(None, password)
    opener.opened()
    assert opener.codes()[0] == key


def test_without_javascript_the_page_says_what_to_use(chromium: Browser, person: Person, tmp_path: Path) -> None:
    someone = person(None)
    Opener(someone, "file", tmp_path)  # keeps the file
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    for address in (f"{someone.url}/openen", (tmp_path / "openpagina.html").as_uri()):
        page.goto(address)
        assert page.get_by_text("Open het zipbestand met 7-Zip, WinZip of Keka").is_visible()
        assert page.get_by_label("Wachtwoord").is_hidden()
    context.close()


def test_a_name_from_a_zip_is_text_and_nothing_else(opener: Opener) -> None:
    password = new_password()
    name = "<img src=x onerror=alert(1)>.txt"
    opener.submit(build_zip("<b>tekst</b>", password, name), password.reveal())
    opener.opened()
    assert opener.texts() == {name: "<b>tekst</b>"}
    assert opener.page.locator("[data-opener-result] img, [data-opener-result] b").count() == 0
