"""Voorbeeld: praat met de API van Sleuteluitgifte, met alleen de standaardbibliotheek van Python (3.9 of nieuwer).

SLEUTEL="$(cat sleutel.txt)" python3 voorbeeldclient.py https://sleutels.voorbeeld.example
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

NIET_VAN_ONS = {"title": "Geen antwoord van de API", "detail": "Dit kwam van iets ertussen.", "type": "about:blank"}


class Probleem(Exception):
    """Wat de API antwoordt als iets niet lukt (RFC 9457). Let in uw programma op `type`: dat verandert niet."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(f"{told['title']}. {told['detail']} Meer uitleg: {told['type']}")
        self.type, self.fouten = told["type"], told.get("fouten", [])


def call(url: str, sleutel: str, body: dict[str, Any] | None = None, tries: int = 3) -> Any:
    """Doe een verzoek: een GET, of een POST met JSON. Wacht als de API daarom vraagt, en probeer het dan opnieuw."""
    headers = {"Authorization": f"Bearer {sleutel}", "Accept": "application/json", "Content-Type": "application/json"}
    request = Request(url, None if body is None else json.dumps(body).encode(), headers)
    try:
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except HTTPError as error:
        with error:
            ours = error.headers.get_content_type() == "application/problem+json"
            wait, told = error.headers.get("Retry-After", ""), json.load(error) if ours else NIET_VAN_ONS
    if not wait.isdigit() or tries == 1:
        raise Probleem(told)
    time.sleep(int(wait))  # te veel verzoeken (429), of even niet bereikbaar (503)
    return call(url, sleutel, body, tries - 1)


if __name__ == "__main__":
    try:
        facts = call(f"{sys.argv[1]}/v1/sleutel", os.environ["SLEUTEL"])
    except Probleem as probleem:
        sys.exit(str(probleem))
    print(f"Sleutel {facts['nummer']} ({facts['omgeving']}) van gemeente {facts['gemeente']}")
    print(f"werkt tot {facts['geldigTot']}.")
