"""Every route, asked by somebody of every role, for things of the own, another and a former gemeente (I9).

docs/rechten.md is made by this module: `.venv/bin/python -m tests.journeys.test_rights_crawl` writes it anew. A route
with a part in its address that tests/factories/addresses.py does not know fails: add there what the part may be.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from keyservice.database import db
from tests.conftest import _sqlite
from tests.factories.addresses import Row, address, rows, typed
from tests.factories.rights import EVERYBODY, HERE, Own, Seat, Somebody, Things, World, populate, take_seat

DOCUMENT = Path(__file__).parents[2] / "docs" / "rechten.md"
_CONVERTER = re.compile(r"<(\w+)(\([^)]*\))?:")
COLUMNS = [who.label for who in EVERYBODY]


@dataclass
class Table:
    """The answers: per row and person the class of the answer for things of each kind of gemeente."""

    cells: dict[Row, dict[str, dict[str, str]]] = field(default_factory=dict)
    acts: set[tuple[str, str]] = field(default_factory=set)  # who did something, at which endpoint
    asked: int = 0

    def each(self) -> Iterator[tuple[Row, Somebody, dict[str, str]]]:
        """Yield every cell."""
        for row, people in self.cells.items():
            for who in EVERYBODY:
                yield row, who, people[who.label]


def classify(answer: TestResponse, row: Row, *, visitor: bool) -> str:
    """Return what an answer says about the right: a wrong state or an unfinished form is a yes to the person."""
    status, location = answer.status_code, answer.location or ""
    public = row.access is not None and row.access.public
    if location.startswith("/inloggen") or (visitor and status == 400 and not public):
        return "login"
    if status in {403, 404, 405}:
        return str(status)
    # The crawl runs without a worker, and /health says so.
    if status < 400 or status in {409, 422, 429} or row.rule == "/health":
        return "yes"
    raise AssertionError((row.method, row.rule, status, answer.text))


class Crawler:
    """Asks for pages as one person, and puts the data back after an act that succeeded."""

    def __init__(self, app: Flask, seat: Seat, restore: Callable[[], None]) -> None:
        self.app, self.seat, self.restore = app, seat, restore
        self.asked, self.acts = 0, set[str]()

    def ask(self, row: Row, rule: Rule, things: Things | Own) -> str:
        """Return the class of the answer; for a form those of sending it empty and filled in, if they differ."""
        url, filled = address(self.app, row, rule, things), typed(things)
        # Who lacks the role is refused before the form is read: once is enough.
        lacks = row.access and row.access.roles and row.access.roles.isdisjoint(self.seat.who.roles)
        bodies = [{}] if row.method == "GET" else [filled] if lacks else [{}, filled]
        return "/".join(sorted({self._one(row, url, body) for body in bodies}))

    def _one(self, row: Row, url: str, body: Mapping[str, str]) -> str:
        self.asked += 1
        data = None if row.method == "GET" else {"csrf_token": self.seat.token, **body}
        # To its end, also what is sent bit by bit: until then its request is not over.
        answer = self.seat.client.open(url, method=row.method, data=data, buffered=True)
        if row.method != "GET" and answer.status_code < 400:
            self.acts.add(row.endpoint)
            self.restore()
            self.seat.sit_again()
        found = classify(answer, row, visitor=self.seat.who.login is None)
        answer.close()  # a static file stays open otherwise
        return found


def crawl(
    app: Flask, world: World, seats: Iterable[Seat], restore: Callable[[], None],
    wanted: Callable[[Row], bool] = lambda _row: True,
) -> Table:  # fmt: skip
    """Ask everything wanted as everybody who has a seat."""
    table, asked = Table(), {row: rule for row, rule in rows(app).items() if wanted(row)}
    for seat in seats:
        crawler = Crawler(app, seat, restore)
        for row, rule in asked.items():
            scopes = _scopes(row, seat.who)
            answers = {scope: crawler.ask(row, rule, world[key]) for scope, key in scopes.items()}
            table.cells.setdefault(row, {})[seat.who.label] = answers
        table.asked += crawler.asked
        table.acts |= {(seat.who.label, endpoint) for endpoint in crawler.acts}
    return table


def _scopes(row: Row, who: Somebody) -> Mapping[str, str]:
    if row.personal:
        return who.people
    return who.scopes if row.scoped else {"any": HERE}


def crawl_on_sqlite(folder: Path) -> Table:
    """Crawl everything on a database file, which is quick to put back."""
    with _sqlite(folder) as backend:
        world, seats = start(backend.app)
        database, copy = folder / "keyservice.sqlite", folder / "world.sqlite"

        def swap(source: Path, target: Path) -> None:
            with backend.app.app_context():
                db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
                db.session.remove()
                db.engine.dispose()
            target.write_bytes(source.read_bytes())

        swap(database, copy)
        return crawl(backend.app, world, seats, lambda: swap(copy, database))


def start(app: Flask) -> tuple[World, list[Seat]]:
    """Store people, things and sessions."""
    with app.app_context():
        world = populate()
    return world, [take_seat(app, who) for who in EVERYBODY]


HEAD = """\
# Rights

Who may open and send what. Below `/v1` only a key opens anything, but for the report of a found one: see `/api`.
Made by asking every route as everybody: do not edit, but run `.venv/bin/python -m tests.journeys.test_rights_crawl`.

| person | is |
|---|---|
| visitor | not logged in |
| aanvrager, colleague, gemeentebeheerder | people of gemeente 9998 |
| raadplegen | somebody of 9998 with the roles of the portaal only |
| elsewhere | an aanvrager of gemeente 9999 |
| ended | was aanvrager and gemeentebeheerder of 9998 |
| both | an aanvrager of both gemeenten, acting for one of them |
| relatiebeheerder | claimed and approved what is tried, so another relatiebeheerder issues it |
| auditor, beheerder | people of DUO too |

| answer | means |
|---|---|
| yes | the page, or the act: done, or refused for its state or for what was typed |
| own | yes for one's own things and those of the gemeente acted for; 404 for others, a gemeente one left included |
| login | first log in |
| 403 | not with this role |
| 404 | there is no such thing for this person |

*Step-up*: the act asks for a fresh factor, because it gives something. Everybody here just gave one.

"""


def render(table: Table) -> str:
    """Return the document."""
    head = f"\n| route | | step-up | {' | '.join(COLUMNS)} |\n|---|---|---|{'---|' * len(COLUMNS)}\n"
    return HEAD + first_line(table) + head + "".join(_line(row, people) for row, people in table.cells.items())


def first_line(table: Table) -> str:
    """Return how much was asked."""
    routes = len({row.rule for row in table.cells})
    return (
        f"{routes} routes ({len(table.cells)} with their methods) × {len(EVERYBODY)} people: {table.asked} requests.\n"
    )


def _name(row: Row) -> str:
    return f"`{_CONVERTER.sub('<', row.rule)}`"


def _line(row: Row, people: Mapping[str, Mapping[str, str]]) -> str:
    step_up = "yes" if row.access and row.access.step_up and row.method != "GET" else ""
    cells = [_name(row), row.method, step_up, *(summary(people[label]) for label in COLUMNS)]
    return f"| {' | '.join(cells)} |\n".replace("|  |", "| |")


def summary(answers: Mapping[str, str]) -> str:
    """Return a cell in one word, or each scope with its answer."""
    if len(set(answers.values())) == 1:
        return next(iter(answers.values()))
    if answers.get("own") == "yes" and {answer for scope, answer in answers.items() if scope != "own"} == {"404"}:
        return "own"
    return ", ".join(f"{scope} {answer}" for scope, answer in answers.items())


def leaks(table: Table) -> list[str]:
    """Return where somebody gets another answer than 404 for a thing of another person or of a gemeente not granted.

    Who lacks the role is refused before anything is read: 403, and the same for every thing.
    """
    found = []
    for row, who, answers in table.each():
        guarded = row.personal or (row.scoped and who.of_gemeente)
        if guarded and who.login and row.access and not row.access.public:
            foreign = {answer for scope, answer in answers.items() if scope != "own"}
            if foreign != {"404"} and set(answers.values()) != {"403"}:
                found.append(f"{row.method} {row.rule} as {who.label}: {answers}")
    return found


def shown_to_visitors(table: Table) -> list[str]:
    """Return which pages a visitor gets that are not public."""
    return [
        f"{row.method} {row.rule}: {answers}"
        for row, who, answers in table.each()
        if who.login is None
        and not (row.access and row.access.public)
        and not set(answers.values()) <= {"login", "403"}
    ]


def shown_without_role(table: Table) -> list[str]:
    """Return where somebody gets another answer than 403 who holds none of the roles that a route asks."""
    return [
        f"{row.method} {row.rule} as {who.label}: {answers}"
        for row, who, answers in table.each()
        if who.login and row.access and row.access.roles and row.access.roles.isdisjoint(who.roles)
        if set(answers.values()) != {"403"}
    ]


def acts_of_the_auditor(table: Table) -> list[str]:
    """Return what an auditor did beyond the own account, what anybody may do without one, and taking a copy."""
    own = {row.endpoint for row in table.cells if row.access and not row.access.roles} | {"front.export_events"}
    return [f"{who}: {endpoint}" for who, endpoint in table.acts if who == "auditor" and endpoint not in own]


@pytest.mark.timeout(600)  # thousands of requests
def test_i9_every_route_answers_everybody_as_docs_rechten_says(tmp_path: Path) -> None:
    table = crawl_on_sqlite(tmp_path)
    assert leaks(table) == []
    assert shown_to_visitors(table) == []
    assert shown_without_role(table) == []
    assert acts_of_the_auditor(table) == []
    assert DOCUMENT.read_text("utf-8") == render(table), "renew docs/rechten.md: its first lines say how"


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_i9_postgresql_gives_the_same_answers_to_pages_of_a_gemeente(app: Flask) -> None:
    with app.app_context():
        world = populate()
    some = {"gemeentebeheerder", "elsewhere", "both, for 9999"}
    seats = [take_seat(app, who) for who in EVERYBODY if who.label in some]
    table = crawl(app, world, seats, lambda: None, lambda row: row.method == "GET" and row.scoped)
    document = DOCUMENT.read_text("utf-8")
    for row, people in table.cells.items():
        line = next(line for line in document.splitlines() if line.startswith(f"| {_name(row)} | GET |"))
        documented = dict(zip(COLUMNS, (cell.strip() for cell in line.split("|")[4:-1]), strict=True))
        assert {label: summary(answers) for label, answers in people.items()}.items() <= documented.items(), row.rule


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        found = crawl_on_sqlite(Path(temporary))
    DOCUMENT.write_text(render(found), "utf-8")
    sys.stdout.write(first_line(found))
