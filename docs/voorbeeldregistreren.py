"""Voorbeeld: leg participatieverklaringen uit een CSV-bestand vast, met alleen de standaardbibliotheek (Python 3.10).

SLEUTEL="$(cat sleutel.txt)" python3 voorbeeldregistreren.py https://sleutels.voorbeeld.example verklaringen.csv

Het bestand is UTF-8, met ';' tussen de kolommen. De eerste regel noemt de velden van het berichtenboek, bijvoorbeeld
bsn;ondertekend;trajectGevolgd;startDeelname;eindeDeelname;datumOndertekening. Een leeg veld wordt niet verstuurd.
"""

import csv
import json
import os
import random
import sys
import time
import uuid
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PER_KEER = 1000  # zoveel registraties mogen er hoogstens in een bericht
POGINGEN, LANGST = 10, 60.0  # seconden tussen twee pogingen
JA_NEE = {"ja": True, "nee": False}
VRAGEN = ("ondertekend", "trajectGevolgd")  # hierop is het antwoord ja of nee
Regel = tuple[int, dict[str, Any]]


class Geweigerd(Exception):
    """Het hele bericht is geweigerd (RFC 9457): er is niets van vastgelegd."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(f"{told['title']}. {told['detail']} Meer uitleg: {told['type']}")
        self.fouten = told.get("fouten", [])


def lees(path: Path) -> Iterator[Regel]:
    """Geef elke registratie uit het bestand, met het nummer van de regel."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, restkey="kolomTeVeel", delimiter=";")  # dat veld kent de API niet: zij weigert het
        for row in rows:
            filled = {name: value for name, value in row.items() if value}
            answers = {name: JA_NEE.get(filled[name], filled[name]) for name in VRAGEN if name in filled}
            yield rows.line_num, filled | answers


def probleem_van(error: HTTPError) -> dict[str, Any]:
    """Geef wat de API zegt dat er mis is. Een proxy ertussen antwoordt misschien geen JSON."""
    other = {"title": f"Status {error.code}", "detail": "Dit antwoord is niet van de API.", "type": "about:blank"}
    try:
        told = json.load(error)
    except (OSError, HTTPException, ValueError):
        return other
    return told if isinstance(told, dict) and other.keys() <= told.keys() else other


def stuur(url: str, sleutel: str, registraties: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stuur één bericht, zo nodig vaker, en geef per registratie het resultaat. Lukt het niet: Geweigerd of OSError."""
    headers = {
        "Authorization": f"Bearer {sleutel}",
        "Content-Type": "application/json",
        "Idempotency-Key": str(uuid.uuid4()),  # elke poging heeft hetzelfde kenmerk: daarom gaat er niets dubbel
    }
    request = Request(
        f"{url}/v1/participatieverklaringen", json.dumps({"registraties": registraties}).encode(), headers
    )
    for poging in range(1, POGINGEN + 1):
        wacht = min(2.0 ** (poging - 1), LANGST) + random.random()
        try:
            with urlopen(request, timeout=30) as answer:
                return json.load(answer)["resultaten"]
        except HTTPError as error:
            with error:
                told, header = probleem_van(error), error.headers.get("Retry-After")
            if (header is None and error.code < 500) or poging == POGINGEN:
                raise Geweigerd(told) from None
            wacht = float(header) if header and header.isdecimal() else wacht  # een proxy noemt soms een datum
        except (OSError, HTTPException, ValueError, KeyError) as error:  # misschien is het wel vastgelegd
            if poging == POGINGEN:
                raise OSError(f"Geen goed antwoord: {error}") from error
        time.sleep(wacht)
    raise AssertionError


def leg_vast(url: str, sleutel: str, regels: list[Regel]) -> Iterator[tuple[int, str]]:
    """Leg een bericht vol vast en geef per geweigerde regel waarom. Een regel in een verkeerde vorm gaat eruit."""
    try:
        resultaten = stuur(url, sleutel, [registratie for _, registratie in regels])
    except Geweigerd as error:
        fout = {}
        for one in error.fouten:
            deel, _, rest = one["veld"].removeprefix("registraties.").partition(".")
            if deel.isdigit():
                fout.setdefault(int(deel), []).append(f"{rest}: {one['melding']}")
        if not fout:
            raise  # het ligt niet aan een regel
        yield from ((regels[place][0], " ".join(texts)) for place, texts in fout.items())
        goed = [regel for place, regel in enumerate(regels) if place not in fout]
        if goed:
            yield from leg_vast(url, sleutel, goed)
        return
    for (nummer, _), resultaat in zip(regels, resultaten, strict=True):
        if probleem := resultaat.get("probleem"):
            meldingen = [one["melding"] for one in probleem.get("fouten", [])] or [probleem["detail"]]
            yield nummer, f"{' '.join(meldingen)} Meer uitleg: {probleem['type']}"


def vertel(klaar: int, geweigerd: list[tuple[int, str]]) -> None:
    """Vertel hoeveel er van de verstuurde regels is vastgelegd, en wat er is geweigerd en waarom."""
    print(f"Vastgelegd: {klaar - len(geweigerd)}. Geweigerd: {len(geweigerd)}.")
    for nummer, reden in sorted(geweigerd):
        print(f"Regel {nummer}: {reden}")


def main(url: str, path: Path, sleutel: str) -> int:
    """Leg het hele bestand vast, toon hoe ver het is, en vertel wat er is geweigerd, ook als het halverwege stopt."""
    regels, geweigerd, klaar = list(lees(path)), [], 0
    try:
        while klaar < len(regels):
            geweigerd += list(leg_vast(url, sleutel, regels[klaar : klaar + PER_KEER]))
            klaar = min(klaar + PER_KEER, len(regels))
            balk = "#" * (40 * klaar // len(regels))
            print(f"\r[{balk:40}] {klaar} van {len(regels)}", end="", file=sys.stderr, flush=True)
    except (Geweigerd, OSError):
        if klaar:
            vertel(klaar, geweigerd)
        raise
    print(file=sys.stderr)
    vertel(klaar, geweigerd)
    return 1 if geweigerd else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1], Path(sys.argv[2]), os.environ["SLEUTEL"]))
    except UnicodeDecodeError:
        sys.exit("Het bestand is geen UTF-8. Er is niets vastgelegd. Bewaar het als UTF-8 en start opnieuw.")
    except (Geweigerd, OSError) as stopped:
        sys.exit(f"Gestopt. Start opnieuw: wat al is vastgelegd, gaat niet dubbel. {stopped}")
