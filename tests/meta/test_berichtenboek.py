"""The berichtenboek cannot differ from the program: its newest version names the digest of what the program makes.

Has the program changed? Then there is a new version, with what changed for who builds with it:

    .venv/bin/python -m tests.meta.test_berichtenboek

prints the digest for the newest entry of `keyservice/berichtenboek/editions.py`. A version that no installation has
handed out yet may take the new digest itself.
"""

import re
import tempfile
from html import unescape
from pathlib import Path

import pytest
from flask import Flask

from keyservice.api import problems
from keyservice.api.document import document
from keyservice.app import create_app
from keyservice.berichtenboek import cases, content, file
from keyservice.berichtenboek.editions import CURRENT, EDITIONS
from keyservice.settings import Settings
from keyservice.settings_portaal import EXAMPLES, read_reasons
from keyservice.sleutels.format import KEY_PATTERN
from tests.conftest import environ

CLIENT = Path(__file__).parents[2] / "docs" / "voorbeeldclient.py"


def digest(folder: Path) -> str:
    app = create_app(Settings.from_environ(environ(folder, f"sqlite:///{folder}/x.sqlite")))
    with app.app_context():
        return content.digest_of_program()


def words(app: Flask) -> str:
    with app.app_context():
        return content.text_of_program()


def test_the_newest_version_is_of_this_program(app: Flask) -> None:
    with app.app_context():
        made = content.digest_of_program()
    assert made == CURRENT.digest, "the book changed: add a version to keyservice/berichtenboek/editions.py"


def test_the_same_program_makes_the_same_book_on_every_installation(tmp_path: Path) -> None:
    settings = environ(tmp_path, f"sqlite:///{tmp_path}/x.sqlite") | {
        "KEYSERVICE_BASE_URL": "http://elders.example",
        "KEYSERVICE_CONTACT_EMAIL": "help@elders.example",
    }
    other = create_app(Settings.from_environ(settings))
    with other.app_context():
        assert content.digest_of_program() == CURRENT.digest
        shown = file.page(content.book()) if other.extensions else ""
    assert "http://elders.example/v1" in shown
    assert "help@elders.example" in shown


def test_versions_count_down_and_each_says_what_changed() -> None:
    numbers = [edition.number for edition in EDITIONS]
    assert numbers == list(range(len(EDITIONS), 0, -1))
    days = [edition.on for edition in EDITIONS]
    assert days == sorted(days, reverse=True)
    assert len({edition.digest for edition in EDITIONS}) == len(EDITIONS)
    for edition in EDITIONS:
        assert re.fullmatch("[0-9a-f]{64}", edition.digest)
        assert edition.changes
        assert all(change.endswith(".") and "\n" not in change for change in edition.changes)


def test_every_operation_for_a_gemeente_stands_in_it_with_every_field(app: Flask) -> None:
    told, found = words(app), 0
    with app.app_context():
        made = document()
        rows = {one.id: [*one.sent, *one.received] for one in content.book().operations}
    for path, methods in made["paths"].items():
        for method, one in methods.items():
            if "systeem" in (one.get("security") or [{}])[0]:
                assert f"{method.upper()} {path}" not in told, "for systems of DUO only"
                continue
            found += 1
            assert f"{method.upper()} {path}" in told
            assert one["summary"] in told
            assert rows[one["operationId"]]
            assert all(row.name in told and row.text.replace("`", "") in told for row in rows[one["operationId"]])
    assert found == len(rows) > 0


def test_every_problem_that_can_come_stands_in_it_with_what_to_do(app: Flask) -> None:
    told = words(app)
    with app.app_context():
        operations = content.book().operations
    expected = {problem for one in operations for problem in (*one.problems, *one.per_item)}
    assert expected
    for problem in problems.ALL:
        assert (f"{problem.type} {problem.happened} {problem.advice}" in told) is (
            problem in expected or problem in {problems.NOT_FOUND, problems.METHOD}
        ), problem.slug


def test_every_rule_and_reason_stands_in_it(app: Flask) -> None:
    told = words(app)
    assert all(code in told and text in told for code, text in cases.texts())
    assert all(reason.code in told and reason.text in told for reason in read_reasons(EXAMPLES).values())


def test_the_form_of_a_key_and_the_example_stand_in_it_as_they_are(app: Flask) -> None:
    with app.test_request_context():
        page = unescape(file.page(content.book()))
    assert KEY_PATTERN.pattern in page
    assert CLIENT.read_text("utf-8") in page


@pytest.mark.parametrize("stiff", ["dient te", "middels", "indien", "betreft", " je ", "jouw"])
def test_the_book_is_in_plain_dutch(app: Flask, stiff: str) -> None:
    assert stiff not in words(app).lower()


def test_every_link_inside_leads_somewhere(app: Flask) -> None:
    with app.test_request_context():
        page = file.page(content.book())
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert len(targets) > 20
    assert targets <= set(re.findall(r'id="([^"]+)"', page))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(digest(Path(folder)))  # noqa: T201 - the digest is its product
