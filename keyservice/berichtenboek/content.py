"""What stands in the berichtenboek, all of it read from the program: nothing is written twice.

The operations and headers come from the OpenAPI document, the problems from their registry, the form of a key from
where it is checked, the limits from where they are kept, the rules from the function that applies them, and the example
is the file that the tests run.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from flask import current_app
from markupsafe import Markup

from keyservice import settings
from keyservice.api import problems, reference
from keyservice.api.document import document
from keyservice.api.problems import Problem
from keyservice.api.reference import Operation
from keyservice.api.registering import LONGEST_BODY
from keyservice.api.registering_fields import MOST
from keyservice.api.versions import RELEASES, Release
from keyservice.berichtenboek.cases import HEADINGS, Case, cases_on, coming, first_days, texts, valid
from keyservice.berichtenboek.editions import CURRENT, EDITIONS, Edition
from keyservice.berichtenboek.workflow import LINK_LIVES
from keyservice.issuance.contents import KEY_ENTRY
from keyservice.kernel import clock
from keyservice.portaal.machine import KEEP_ANSWERS
from keyservice.settings_portaal import EXAMPLES, Openings, Portaal, read_reasons
from keyservice.sleutels import limits
from keyservice.sleutels.format import CHECK_LENGTH, KEY_PATTERN
from keyservice.sleutels.life import MOST_OVERLAP_DAYS, OVERLAP_DAYS, WARN_DAYS
from keyservice.sleutels.service import LIFE_DAYS
from keyservice.web.machine import ROOT

# The chapters by their anchors, in their order.
_CHAPTERS: Mapping[str, str] = {
    "begin": "Waar dit boek over gaat",
    "sleutel-krijgen": "Zo komt een gemeente aan een sleutel",
    "sleutel-bewaren": "De sleutel bewaren en vervangen",
    "adressen": "Adressen en omgevingen",
    "headers": "Aanmelden en headers",
    "operaties": "Wat uw programma kan vragen",
    "regels": "Regels van de participatieverklaring",
    "problemen": "Als het niet lukt",
    "opnieuw": "Opnieuw sturen en hoeveel tegelijk",
    "voorbeeld": "Een voorbeeldprogramma",
    "contact": "Contact",
    "versies": "Versies en wijzigingen",
}
# Whether to send the same request again, by problem or else its status; after all others
# something must be put right first.
_AGAIN: Mapping[int | str, str] = {
    problems.RUNNING.slug: "Ja, na de seconden van Retry-After.",
    409: "Nee. Kijk eerst wat er is veranderd.",
    429: "Ja, na de seconden van Retry-After.",
    500: "Ja, later. Wacht elke keer langer.",
    503: "Ja, na de seconden van Retry-After.",
}
# Operations that a key opens, or that need none; the others are for systems of DUO.
SCHEMES = ("sleutel", None)
CLIENT, REGISTERING = "voorbeeldclient.py", "voorbeeldregistreren.py"
IDEMPOTENCY = "Idempotency-Key"


@dataclass(frozen=True)
class Place:
    """What the book says of the installation that shows it: where it stands, whom to ask, what its operator set."""

    base_url: str
    email: str
    portaal: Portaal
    today: date

    @property
    def root(self) -> str:
        """Return what the address of every operation begins with."""
        return self.base_url + ROOT


# For the digest of an edition: the same on every installation and day. Reasons and days that an operator sets are no
# change of the program.
ANYWHERE = Place(
    "https://sleuteluitgifte.example",
    "contact@sleuteluitgifte.example",
    Portaal(Openings(), read_reasons(EXAMPLES)),
    date(2026, 11, 25),
)


@dataclass(frozen=True)
class Book:
    """The book as its template reads it."""

    place: Place
    edition: Edition
    editions: Sequence[Edition]
    releases: Sequence[Release]
    operations: Sequence[Operation]
    problems: Sequence[Problem]
    problem_example: str
    cases: Sequence[Case]
    changes_on: Sequence[date]
    answer_headers: Mapping[str, Any]
    key_pattern: str
    client: str
    registering: str

    # The figures of the prose, each from where the program reads it.
    key_file, check_length = KEY_ENTRY, CHECK_LENGTH
    life_days = LIFE_DAYS
    warn_days = f"{', '.join(map(str, WARN_DAYS[:-1]))} en {WARN_DAYS[-1]}"
    overlap_days, most_overlap_days = OVERLAP_DAYS, MOST_OVERLAP_DAYS
    per_second, burst = int(limits.KEY_PER_SECOND), limits.KEY_BURST
    most_items, longest_mib, answer_days = MOST, LONGEST_BODY // 2**20, KEEP_ANSWERS.days
    link_days = LINK_LIVES.days
    # What we advise, and what the example programs do.
    tries, longest_wait, timeout = 10, 60, 30

    headings = HEADINGS
    rules = staticmethod(texts)
    first_days = staticmethod(first_days)
    valid = staticmethod(valid)

    @property
    def repeatable(self) -> Sequence[Operation]:
        """Return the operations that take a key by which the same message twice is registered once."""
        return [one for one in self.operations if any(row.name == IDEMPOTENCY for row in one.sent)]

    def label_of(self, operation_id: str) -> str:
        """Return how an operation is headed."""
        return next(f"{one.method} {one.path}" for one in self.operations if one.id == operation_id)

    @property
    def chapters(self) -> Mapping[str, str]:
        """Return the headings of the chapters by their anchors, in their order."""
        return _CHAPTERS

    @property
    def contents(self) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """Return the table of contents: per chapter its anchor and heading, and those of its parts."""
        parts = {
            "operaties": [(one.id, f"{one.method} {one.path}") for one in self.operations],
            "problemen": [(f"probleem-{one.slug}", f"{one.status}: {one.title}") for one in self.problems],
        }
        return [(anchor, label, parts.get(anchor, [])) for anchor, label in _CHAPTERS.items()]

    def again(self, problem: Problem) -> str:
        """Return whether a program may send the same request again after a problem."""
        return _AGAIN.get(problem.slug) or _AGAIN.get(problem.status, "Nee. Los het eerst op.")


def here() -> Place:
    """Return this installation."""
    conf = settings.current()
    today = clock.local_date(clock.now())
    return Place(conf.base_url, conf.contact_email or conf.mail_from, conf.portaal, today)


def book(place: Place | None = None) -> Book:
    """Return the book of the running program, for an installation (default: this one)."""
    place, made = place or here(), document()
    found = list(reference.operations({**made, "servers": [{"url": place.root}]}))
    operations = [operation for scheme in SCHEMES for operation in found if operation.scheme == scheme]
    told = {problem for operation in operations for problem in (*operation.problems, *operation.per_item)}
    return Book(
        place=place,
        edition=CURRENT,
        editions=EDITIONS,
        releases=RELEASES,
        operations=operations,
        # Those of an address or method that does not exist belong to no operation.
        problems=[one for one in problems.ALL if one in told or one in {problems.NOT_FOUND, problems.METHOD}],
        cases=list(cases_on(place.today, place.portaal.openings, place.portaal.reasons)),
        changes_on=coming(place.portaal.openings, place.today),
        problem_example=reference.example_of_problem(),
        answer_headers=made["components"]["headers"],
        key_pattern=KEY_PATTERN.pattern,
        client=example(CLIENT).read_text("utf-8"),
        registering=example(REGISTERING).read_text("utf-8"),
    )


def example(name: str) -> Path:
    """Return an example program: in a wheel it stands beside this module, in a checkout among the documents."""
    here = Path(__file__)
    return next(path for path in (here.with_name(name), here.parents[2] / "docs" / name) if path.is_file())


def text_of_program() -> str:
    """Return all words of the book but those on its versions, the same on every installation.

    Words and not markup: another look is no other book.
    """
    # Not as a page: nothing of the request or of who asks may get in.
    article = current_app.jinja_env.get_template("berichtenboek/_chapters.html").render(book=book(ANYWHERE))
    return str(Markup(article).striptags())  # noqa: S704 - it is not shown: only its words are counted


def digest_of_program() -> str:
    """Return the SHA-256 that the newest edition must name."""
    return hashlib.sha256(text_of_program().encode()).hexdigest()
