"""The dossier to download and the page that checks a control line, in a real browser; every page is inspected."""

from collections.abc import Callable
from pathlib import Path

import pytest

from keyservice.aanvragen import review
from keyservice.aanvragen.workflow import Step
from keyservice.audit import verify
from keyservice.audit.checkpoint import control_line
from keyservice.audit.sealer import seal
from keyservice.database import db
from keyservice.demo import stack
from keyservice.overview.bundle import CONTROL_PATH
from tests.browser.conftest import CheckedPerson
from tests.factories.aanvragen import actor, ready

pytestmark = pytest.mark.browser
Person = Callable[[str | None], CheckedPerson]


@pytest.fixture(scope="module")
def sealed(running: stack.Stack) -> tuple[str, str]:
    """Return the id of an aanvraag whose events are in the tree, and the control line of the newest checkpoint."""
    with running.app.app_context():
        aanvraag_id = ready(pakket="Bewijspakket")
        review.take_step(actor("rik"), aanvraag_id, Step.TAKE_UP)
        review.take_step(actor("rik"), aanvraag_id, Step.ASK, "Welke versie gebruikt u?")
        point = seal()
        assert point
        db.session.remove()
        return str(aanvraag_id), control_line(point.size, point.root)


def test_a_line_is_checked(person: Person, sealed: tuple[str, str]) -> None:
    visitor = person(None)
    visitor.open(CONTROL_PATH)
    visitor.check("controle")
    for typed, said, name in (
        (sealed[1], "Deze regel klopt", "klopt"),
        ("999999-abcdefghij234567abcd", "Deze regel kennen wij niet", "onbekend"),
        ("geen regel", "Er is 1 veld niet goed ingevuld", "fout"),
    ):
        visitor.fill("Controleregel", typed)
        visitor.press("Regel controleren")
        assert visitor.page.get_by_role("heading", name=said).count() == 1
        visitor.check(f"controle-{name}")


@pytest.mark.parametrize(("login", "page"), [("anna", "aanvragen"), ("ada", "dossiers")])
def test_a_dossier_is_downloaded(
    person: Person, sealed: tuple[str, str], login: str, page: str, tmp_path: Path
) -> None:
    someone = person(login)
    someone.open(f"/{page}/{sealed[0]}")
    someone.check(f"dossier-downloaden-{login}")
    with someone.page.expect_download() as download:
        someone.page.get_by_role("button", name="Dossier downloaden").click()
    download.value.save_as(tmp_path / "dossier.zip")
    files, damage = verify.unpack((tmp_path / "dossier.zip").read_bytes())
    assert (damage, verify.check(files)[0]) == ("", [])
