"""Every figure of the berichtenboek is that of the program: in its prose, its fixed texts and its example programs."""

import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask

from keyservice.api import answers, registering_fields
from keyservice.api.fields import Probleem
from keyservice.api.registering import LONGEST_BODY, leg_participatieverklaringen_vast
from keyservice.berichtenboek import content
from keyservice.berichtenboek.content import Book
from keyservice.issuance.leaks import MOST_KEYS
from keyservice.portaal.machine import KEEP_ANSWERS
from keyservice.sleutels import format as key_format
from keyservice.sleutels import life, limits, service
from keyservice.web.dates import getal

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates" / "berichtenboek"
# What may be typed into the text: no limit or term of the program, but how things are.
TYPED = {
    "1 softwarepakket": "what an aanvraag is for",
    "1 omgeving": "what an aanvraag is for, and an installation",
    "2 personen": "two channels, I1",
    "1 bericht": "an amount of one",
    "1 keer": "what Idempotency-Key is for",
    "1 seconde": "the promise of design 2.8, and the first wait",
    "2": "the second wait: twice the first",
    "4": "the third wait",
    "0 tot": "no overlap at all",
    "429 en": "a status of HTTP",
    "429.": "a status of HTTP",
    "500": "a status of HTTP",
    "503 de": "a status of HTTP",
    "9457": "an RFC",
    "7-Zip of": "a name",
    "UTF-8.": "a name",
    "7.82 of": "from which curl knows --json",
    "SHA-256": "a name",
}
DIRECTIVE = re.compile(r"\{#.*?#\}|\{\{.*?\}\}|<[^>]*>", re.DOTALL)
FIGURE = re.compile(r"[\w.-]*\d[\w.-]*(?: [a-z]+)?")


def program(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_no_figure_of_the_prose_is_typed_by_hand() -> None:
    sources = [(TEMPLATES / name).read_text("utf-8") for name in ("_chapters.html", "_book.html")]
    typed = {figure for source in sources for figure in FIGURE.findall(DIRECTIVE.sub(" ", source))}
    assert typed == TYPED.keys(), "let content.Book give it, or say why it is no figure of the program"


@pytest.mark.parametrize("name", sorted(path.name for path in TEMPLATES.glob("[a-z]*.html")))
def test_no_page_about_the_book_names_a_term_by_hand(name: str) -> None:
    assert re.findall(r"\d+ (?:dag|uur|minu|maand|jaar)\w*", (TEMPLATES / name).read_text("utf-8")) == []


def test_the_figures_of_the_prose_are_those_of_the_program(app: Flask) -> None:
    with app.app_context():
        told = content.text_of_program()
    *most, last = life.WARN_DAYS
    for text in (
        f"De laatste {key_format.CHECK_LENGTH} tekens",
        f"werkt hoogstens {service.LIFE_DAYS} dagen",
        f"krijgt {', '.join(map(str, most))} en {last} dag van tevoren bericht",
        f"nog {life.OVERLAP_DAYS} dagen werken",
        f"van 0 tot en met {life.MOST_OVERLAP_DAYS}.",
        f"{limits.KEY_PER_SECOND:.0f} verzoeken per seconde, en {limits.KEY_BURST} tegelijk",
        f"hoogstens {getal(registering_fields.MOST)} registraties, en het is niet groter dan",
        f"niet groter dan {LONGEST_BODY / 2**20:.0f} MiB",
        f"u krijgt {KEEP_ANSWERS.days} dagen lang hetzelfde antwoord",
    ):
        assert text in told


def test_the_figures_in_the_texts_of_the_document_are_those_of_the_program(app: Flask) -> None:
    text = " ".join((inspect.getdoc(leg_participatieverklaringen_vast) or "").split())
    assert f"of {getal(registering_fields.MOST)} tegelijk" in text
    assert f"{KEEP_ANSWERS.days} dagen lang" in text
    assert f"hoogstens {getal(answers.MOST_FAULTS)}" in str(Probleem.model_fields["fouten"].description)
    with app.app_context():
        assert f"dezelfde tekst, hoogstens {MOST_KEYS}." in content.text_of_program()


def test_the_example_programs_do_what_the_book_advises() -> None:
    registering, client = program("voorbeeldregistreren"), program("voorbeeldclient")
    assert registering.PER_KEER == registering_fields.MOST
    assert (Book.tries, Book.longest_wait) == (registering.POGINGEN, registering.LANGST)
    timeout = f"timeout={Book.timeout})"
    assert timeout in inspect.getsource(registering.stuur)
    assert timeout in inspect.getsource(client.call)
