"""The page that opens a zip: what it may reach, the page as one file, and where it is linked from."""

import base64
import hashlib
import html
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from keyservice.aanvragen.workflow import Status
from keyservice.issuance.service import issue
from keyservice.web import opener
from keyservice.web.opener import BUILD, compose
from tests.factories.aanvragen import actor, ready
from tests.factories.contacts import logins_only
from tests.factories.issued_rows import approve
from tests.pages import check


def directives(policy: str) -> dict[str, list[str]]:
    """Return what a content security policy allows, by directive."""
    return {words[0]: words[1:] for part in policy.split(";") if (words := part.split())}


def inlined(page: str, tag: str) -> str:
    """Return the text in the only element of a kind."""
    (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return str(text)


@pytest.fixture
def single_file(client: FlaskClient) -> str:
    """Download the page as one file."""
    answer = client.get("/openen/openpagina.html")
    assert answer.status_code == 200, "the asset build writes it"
    return answer.text


def test_the_page_reaches_nothing_and_sends_nothing(client: FlaskClient) -> None:
    answer = client.get("/openen")
    check(answer.text)
    allowed = directives(answer.headers["Content-Security-Policy"])
    for closed in ("default-src", "connect-src", "form-action", "frame-ancestors", "base-uri"):
        assert allowed.pop(closed) == ["'none'"], closed
    assert {source for sources in allowed.values() for source in sources} == {"'self'", "data:"}
    assert allowed["script-src"] == ["'self'"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert re.findall(r'<script src="([^"]+)"', answer.text) == ["/static/build/opener.js"]
    assert "csrf" not in answer.text, "nothing is posted"


def test_the_single_file_is_a_download(client: FlaskClient) -> None:
    answer = client.get("/openen/openpagina.html")
    assert answer.headers["Content-Disposition"] == "attachment; filename=openpagina.html"
    assert answer.mimetype == "application/octet-stream", "never a page of this site"


def test_the_policy_of_the_single_file_allows_its_own_script_and_style_only(single_file: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', single_file)
    allowed = directives(html.unescape(policy))
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        digest = hashlib.sha256(inlined(single_file, tag).encode()).digest()
        assert allowed.pop(directive) == [f"'sha256-{base64.b64encode(digest).decode()}'"]
    closed = {name: ["'none'"] for name in ("default-src", "form-action", "base-uri")}
    assert allowed == {**closed, "img-src": ["data:"]}
    assert single_file.index("Content-Security-Policy") < single_file.index("<style>"), "it stands before all it guards"


def test_the_single_file_needs_nothing_else(single_file: str) -> None:
    page = single_file.replace(inlined(single_file, "script"), "").replace(inlined(single_file, "style"), "")
    assert set(re.findall(r'\b(?:src|href|action)="([^"]*)"', page)) == {"data:,", "#bestand", "#geopend"}
    assert re.findall(r"<(?:iframe|object|embed|img|base|link(?! rel=\"icon\"))", page) == []
    style = inlined(single_file, "style")
    assert "@import" not in style
    assert all(url.startswith("data:") for url in re.findall(r"url\([\"']?([^)]*)", style))
    script = inlined(single_file, "script")
    assert not re.search(r"https?:|\bfetch\(|XMLHttpRequest|sendBeacon|WebSocket|EventSource|WebAssembly", script)


def test_the_script_is_the_same_on_the_site_and_in_the_file(single_file: str) -> None:
    assert inlined(single_file, "script") == (BUILD / "opener.js").read_text("utf-8").strip()


def test_the_licences_travel_along(single_file: str) -> None:
    licences = (BUILD / "licences.txt").read_text("utf-8")
    assert "@zip.js/zip.js 2.24.0\n\nBSD 3-Clause License" in licences
    (shown,) = re.findall(r'<pre [^>]*lang="en">(.*?)</pre>', single_file, re.DOTALL)
    assert html.unescape(shown) == licences


def test_what_would_break_out_of_its_element_is_refused() -> None:
    for style, script in (("a{}</style>", ""), ("", "'</script>'")):
        with pytest.raises(ValueError, match="end early"):
            compose(style, script, "")


def test_every_page_links_to_it(client: FlaskClient) -> None:
    assert '<a class="nl-link" href="/openen">Zipbestand openen</a>' in client.get("/contact").text


def test_the_page_with_the_download_links_to_it(app: Flask, browser_of: Callable[[str], FlaskClient]) -> None:
    with app.app_context():
        aanvraag_id = ready(status=Status.SUBMITTED)
        logins_only(aanvraag_id, "anna", "bea")
        approve(aanvraag_id)
        issuance_id = issue(actor("rosa"), aanvraag_id)
    page = browser_of("anna").get(f"/uitgiften/{issuance_id}/zipbestand").text
    assert '<a class="nl-link" href="/openen">onze openpagina</a>' in page


@pytest.mark.parametrize("kind", ["sleutel-zip", "sleutel-klaar", "practice-zip"])
@pytest.mark.parametrize("body", ["body.txt", "body.html"])
def test_every_mail_with_a_zip_links_to_it(app: Flask, kind: str, body: str) -> None:
    template = app.jinja_env.get_template(f"post/{kind}/{body}")
    with app.app_context():
        values = dict.fromkeys(("name", "url", "omgeving", "number", "control_line"), "x") | {"old_until": ""}
        text = " ".join(template.render(**values, opener=opener.address()).split())
    assert "Windows Verkenner kan dit soort bestanden niet openen. Gebruik 7-Zip of" in text
    assert "http://localhost/openen" in text
