"""The dossier to download, and the public page that checks a control line."""

import json
from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from keyservice import settings
from keyservice.audit import verify
from keyservice.audit.checkpoint import control_line, read
from keyservice.audit.models import AuditCheckpoint
from keyservice.audit.sealer import newest, public_keys, seal
from keyservice.database import db
from keyservice.overview.bundle import CONTROL_PATH
from tests.conftest import post
from tests.factories.aanvragen import ready
from tests.factories.sealed import walked
from tests.pages import check

Browser = Callable[[str], FlaskClient]
BUTTON = "Dossier downloaden"
UNKNOWN = "Deze regel kennen wij niet"


@pytest.fixture
def dossier(app: Flask) -> UUID:
    """Return an aanvraag with its key, all in the tree."""
    with app.app_context():
        return walked()


@pytest.fixture
def line(app: Flask, dossier: UUID) -> str:
    """Return the control line of the newest checkpoint."""
    with app.app_context():
        point = newest()
        assert point
        return control_line(point.size, point.root)


@pytest.mark.parametrize(("login", "page"), [("anna", "aanvragen"), ("gert", "aanvragen"), ("ada", "dossiers")])
def test_a_gemeente_and_an_auditor_download_the_dossier_from_its_page(
    browser_of: Browser, dossier: UUID, login: str, page: str
) -> None:
    browser = browser_of(login)
    shown = browser.get(f"/{page}/{dossier}")
    check(shown.text)
    assert BUTTON in shown.text
    assert f'action="/dossiers/{dossier}/downloaden"' in shown.text
    answer = post(browser, f"/dossiers/{dossier}/downloaden")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert answer.headers["Content-Disposition"] == "attachment; filename=dossier-AA-2026-00001.zip"
    files, damage = verify.unpack(answer.data)
    assert (damage, verify.check(files)[0]) == ("", [])


def test_a_relatiebeheerder_sees_no_button_and_may_not(browser_of: Browser, dossier: UUID) -> None:
    browser = browser_of("rik")
    assert BUTTON not in browser.get(f"/dossiers/{dossier}").text
    assert post(browser, f"/dossiers/{dossier}/downloaden").status_code == 403


def test_i9_the_dossier_of_another_gemeente_is_not_there(browser_of: Browser, dossier: UUID) -> None:
    assert post(browser_of("tom"), f"/dossiers/{dossier}/downloaden").status_code == 404


def test_i10_a_dossier_is_not_handed_out_by_get(browser_of: Browser, dossier: UUID) -> None:
    assert browser_of("anna").get(f"/dossiers/{dossier}/downloaden").status_code == 405


def test_a_draft_has_no_dossier_yet(browser_of: Browser) -> None:
    browser = browser_of("anna")
    draft = post(browser, "/aanvragen/nieuw").headers["Location"].split("/")[2]
    page = browser.get(f"/aanvragen/{draft}")
    assert page.status_code == 200
    assert BUTTON not in page.text
    assert post(browser, f"/dossiers/{draft}/downloaden").status_code == 404


def test_who_comes_before_the_sealer_reads_that_it_takes_a_minute(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        settings.current().checkpoints.unlink(missing_ok=True)
        aanvraag_id = ready()
    answer = post(browser_of("anna"), f"/dossiers/{aanvraag_id}/downloaden")
    assert answer.status_code == 409
    assert "Dit dossier staat nog niet in het logboek" in answer.text


@pytest.mark.parametrize("form", ["{}", "  {}  ", "Controleregel (u hoeft hier niets mee te doen): {}"])
def test_a_line_of_a_mail_is_confirmed_however_it_was_pasted(client: FlaskClient, line: str, form: str) -> None:
    for typed in (form.format(line), form.format(line.upper())):
        page = client.get(CONTROL_PATH, query_string={"regel": typed})
        assert page.status_code == 200
        check(page.text)
        assert "Deze regel klopt" in page.text
        assert "uur precies deze regel" in page.text


def test_an_unknown_size_and_another_root_get_the_same_answer(client: FlaskClient, line: str) -> None:
    size, _, root = line.partition("-")
    other = root[:-1] + ("a" if root[-1] != "a" else "b")
    lines = (f"{size}-{other}", f"{int(size) + 1}-{root}", f"{'9' * 18}-{root}", f"0-{root}")
    pages = {client.get(CONTROL_PATH, query_string={"regel": typed}).text.replace(typed, "") for typed in lines}
    (page,) = pages
    check(page)
    assert UNKNOWN in page
    assert root not in page


@pytest.mark.parametrize(
    "typed", ["", "12", "12-abc", "x-abcdefghij234567abcd", "12-abcdefghij234567abc1", f"{'9' * 19}-{'a' * 20}"]
)
def test_what_is_no_control_line_is_told_at_the_field_and_kept(client: FlaskClient, typed: str) -> None:
    page = client.get(CONTROL_PATH, query_string={"regel": typed})
    assert page.status_code == 422
    check(page.text)
    assert "<title>Fout: Controleregel controleren" in page.text
    assert 'id="regel-fout"' in page.text
    assert f'value="{typed}"' in page.text
    assert UNKNOWN not in page.text


def test_the_page_opens_without_an_answer_and_every_page_leads_to_it(client: FlaskClient) -> None:
    page = client.get(CONTROL_PATH)
    assert page.status_code == 200
    check(page.text)
    assert UNKNOWN not in page.text
    assert 'class="utrecht-form-field-error-message"' not in page.text
    assert f'href="{CONTROL_PATH}"' in client.get("/").text


def test_witnesses_get_checkpoint_keys_and_verifier(app: Flask, client: FlaskClient, dossier: UUID) -> None:
    point, keys, program = (client.get(f"{CONTROL_PATH}/{name}") for name in ("controlepunt", "sleutels", "verify.py"))
    assert {point.content_type, keys.content_type} == {"text/plain; charset=utf-8"}
    with app.app_context():
        found = newest()
        assert found
        assert read(point.text, *public_keys()).root == found.root
    # What a bundle needs to be checked, got from elsewhere than the bundle.
    assert verify.read_checkpoint(point.data, verify.read_keys(keys.data)).size == found.size
    assert program.text == client.get(f"{CONTROL_PATH}/verify.py").text
    assert program.text.startswith("#!/usr/bin/env python3")
    for key in keys.text.split():
        assert key.replace("+", "&#43;") in client.get(CONTROL_PATH).text or key in client.get(CONTROL_PATH).text


def test_without_any_checkpoint_there_is_none_to_get(app: Flask, client: FlaskClient) -> None:
    assert client.get(f"{CONTROL_PATH}/controlepunt").status_code == 404
    with app.app_context():
        settings.current().checkpoints.unlink(missing_ok=True)
        seal()
        db.session.remove()
    assert client.get(f"{CONTROL_PATH}/controlepunt").status_code == 200


def test_e_everybody_gets_the_proof_that_the_log_only_grew_and_nothing_of_unknown_sizes(
    client: FlaskClient, app: Flask, dossier: UUID
) -> None:
    with app.app_context():
        sizes = sorted(db.session.scalars(select(AuditCheckpoint.size)))
    answer = client.get(f"{CONTROL_PATH}/bewijs?van={sizes[0]}&tot={sizes[-1]}")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    row = json.loads(answer.data)
    with app.app_context():
        assert read(row["checkpoint"], *public_keys()).size == sizes[0]
    for odd in ("", "?van=1", "?van=0&tot=1", "?van=-1&tot=2", f"?van=1&tot={'9' * 30}", "?van=\u0663&tot=%00"):
        assert client.get(f"{CONTROL_PATH}/bewijs{odd}").status_code == 404, odd
