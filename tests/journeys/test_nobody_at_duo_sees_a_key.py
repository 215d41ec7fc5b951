"""Every page that anybody at DUO can reach, in each role, while keys are on their way, sleep, work and have ended."""

from collections.abc import Callable
from urllib.parse import urldefrag, urljoin

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient

from keyservice.kernel.ids import normalise_code
from tests.journeys.test_i6_no_secret_in_clear import KEY, PASSWORD, REAL, found, hand_over

MOST = 400  # pages: lists lead to filters of filters


def reached(browser: FlaskClient) -> dict[str, bytes]:
    """Follow every link from the front page on, and return what was shown, by address."""
    pages, waiting = dict[str, bytes](), ["/"]
    while waiting and len(pages) < MOST:
        url = waiting.pop(0)
        answer = browser.get(url)
        pages[url] = str(answer.headers).encode() + answer.data
        links = (
            BeautifulSoup(answer.data, "html.parser").find_all("a", href=True) if answer.mimetype == "text/html" else []
        )
        found_here = {urldefrag(urljoin(url, str(link["href"]))).url for link in links} - {*pages, *waiting}
        answer.close()
        new = {target for target in found_here if target.startswith("/") and not target.startswith("/static/")}
        # A dossier comes before another way to sort a list.
        waiting = sorted([*waiting, *new], key=lambda target: ("?" in target, target))
    return pages


@pytest.mark.parametrize("login", ["rik", "rosa", "ada", "ben"])
def test_i6_no_page_that_somebody_at_duo_can_reach_holds_a_key_password_code_or_link(
    app: Flask, browser_of: Callable[[str], FlaskClient], login: str
) -> None:
    with app.app_context():
        everything = [hand_over(number) for number in range(REAL)]
    pages = reached(browser_of(login))
    hidden = [secret.reveal() for _, one in everything for secret in (one.key, one.password, one.token)]
    codes = [spelling for _, one in everything for spelling in (one.code, normalise_code(one.code))]
    assert found([*hidden, *codes], *pages.values()) == []
    assert not [url for url, page in pages.items() if KEY.search(page) or PASSWORD.search(page)]
    if login != "ben":  # who manages accounts sees no dossier
        assert len([url for url in pages if url.startswith("/dossiers/")]) >= REAL // 2, "the dossiers were looked at"
