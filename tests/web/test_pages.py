"""Every page that needs no address of its own, as every person sees it: valid, labelled, in Dutch."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from keyservice.demo import people
from keyservice.web import machine
from tests.pages import check, parse
from tests.web.test_access import CLOSED

# What Flask, WTForms and Flask-Security say by themselves, and words that no Dutch page holds.
ENGLISH = re.compile(
    r"\b(the|this field|is required|invalid|not a valid|please|submit|login|log in|log out|sign in|password|"
    r"forgot|remember me|next page|previous page|not found|forbidden|error|success|none|null|true|false|undefined|"
    r"january|february|march|may|june|july|august|october|monday|tuesday|wednesday|thursday|friday|saturday|sunday|"
    r"pending|approved|rejected|draft|unknown|required|email address|save|cancel|delete|search)\b",
    re.IGNORECASE,
)
NOT_READ = {"script", "style", "code", "option"}


# Who did not log in at a provider has nothing to confirm; no worker runs here, and nothing was sealed; there is no
# token for the figures.
ELSE = {
    "/inloggen/bevestigen": 404,
    "/health": 503,
    "/metrics": 404,
    "/controle/controlepunt": 404,
    "/controle/bewijs": 404,
}


def urls(app: Flask) -> list[str]:
    """Return the address of every page without parts to fill in."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or set()) and not rule.arguments]
    return sorted(rule.rule for rule in rules if rule.endpoint not in CLOSED and not machine.serves(rule.rule))


def words(html: str) -> str:
    """Return what a person reads, hints in attributes included."""
    root, _ = parse(html)
    texts: list[str] = []
    for element in root.iter():
        if element.tag not in NOT_READ:
            texts.append(element.text or "")
            texts += [element.get(name, "") for name in ("aria-label", "placeholder", "title", "alt")]
        texts.append(element.tail or "")
    return " ".join(" ".join(texts).split())


@pytest.mark.parametrize("login", [None, *(person.login for person in people.PEOPLE)])
def test_every_page_is_valid_and_dutch(app: Flask, browser_of: Callable[[str], FlaskClient], login: str | None) -> None:
    browser = browser_of(login) if login else app.test_client()
    seen = 0
    for url in urls(app):
        answer = browser.get(url, buffered=True)  # a file is read to its end, as a server does
        assert answer.status_code in {200, 302, 303, 403, ELSE.get(url)}, url
        if answer.mimetype == "text/html" and answer.status_code in {200, 403, 404}:
            seen += 1
            try:
                check(answer.text)
            except AssertionError as fault:
                raise AssertionError(f"{login} {url}\n{fault}") from fault
            assert not (found := ENGLISH.findall(words(answer.text))), (url, found)
    assert seen >= 5


def test_an_empty_form_is_refused_in_dutch(app: Flask, client: FlaskClient) -> None:
    token = client.get("/inloggen").text.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    for data in ({}, {"email": "geen adres", "password": "x"}, {"email": "a@b.example", "password": "fout"}):
        answer = client.post("/inloggen", data={"csrf_token": token, **data})
        check(answer.text)
        assert "<title>Fout: " in answer.text
        assert not ENGLISH.findall(words(answer.text)), data


def test_the_checker_finds_what_is_wrong() -> None:
    good = (
        '<!DOCTYPE html><html lang="nl"><head><title>Inloggen - x</title></head><body><h1>Inloggen</h1>{}</body></html>'
    )
    check(good.format('<label for="a">Naam</label><input id="a" name="a">'))
    for bad, named in {
        "<h1>Nog een</h1>": "2 h1",
        '<p id="a"></p><p id="a"></p>': "stands 2 times",
        '<input name="naam">': "no label",
        '<p style="color:red">x</p>': "style",
        '<p onclick="x()">x</p>': "onclick",
        "<script>x</script>": "inline",
        "<p><div></div></p>": "HTML5",
        '<a href="#weg">x</a>': "not there",
        '<label for="weg">x</label>': "not there",
        "<button></button>": "no text",
    }.items():
        with pytest.raises(AssertionError, match=named):
            check(good.format(bad))
    with pytest.raises(AssertionError, match="does not begin with"):
        check(good.replace("<title>Inl", "<title>Uitl").format(""))
    with pytest.raises(AssertionError, match="language"):
        check(good.replace('lang="nl"', 'lang="en"').format(""))
