"""Row `pages`: the worklist over 1,000,000 aanvragen, beside the page as one would write it first and Flask's hello."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from urllib.parse import quote

from flask import Flask, render_template_string, request
from flask.testing import FlaskClient
from sqlalchemy import select, text

from benchmarks.harness import SLICE_SECONDS, Case, measure
from benchmarks.report import Figure, figure
from benchmarks.stage import databases, stage
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status
from keyservice.accounts.models import PortfolioEntry
from keyservice.accounts.queries import names, portfolio
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.gemeenten.models import Gemeente
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.kernel.ids import new_id
from keyservice.overview.forms import WorklistForm
from keyservice.overview.keyset import PAGE, Cursor
from keyservice.web import access
from tests.factories.rights import EVERYBODY, take_seat

ROWS, OWN = 1_000_000, 20
"""How many aanvragen, and how many gemeenten (of some 340) the portfolio of who looks has."""
NAIVE_GOAL, HELLO_GOAL, DEEP_GOAL, SEARCH_GOAL, LIKE_GOAL = 0.65, 20.0, 1.2, 12.0, 1 / 30
"""P11."""

# Those of the last year, one every half minute; the newest 6 of 100 are open, every 10,000th has a word of its own.
_VALUES = """
  g.code, g.name, 'Fictief B.V.',
  CASE WHEN n.i % 10000 = 7 THEN 'Zeldzaam ' ELSE 'Volgpakket ' END || (n.i % 50), 'k' || n.i,
  CASE WHEN n.i % 3 = 0 THEN 'acceptatie' ELSE 'productie' END, 'eerste',
  CASE WHEN n.i < :closed THEN CASE WHEN n.i % 10 = 0 THEN 'rejected' ELSE 'issued' END
       WHEN n.i % 3 = 0 THEN 'submitted' WHEN n.i % 3 = 1 THEN 'in_review' ELSE 'approved' END
"""
_FROM = """
  FROM n JOIN (SELECT code, name, row_number() OVER (ORDER BY code) - 1 AS place FROM gemeente) AS g
    ON g.place = (n.i * 7919) % (SELECT count(*) FROM gemeente)
"""
_COLUMNS = """
  (id, number, status_since, created_at, submitted_at, created_by, submitted_by, revision, reminders,
   gemeente, gemeente_name, leverancier, pakket, pakket_key, omgeving, kind, status)
"""
_FILL = {
    "sqlite": f"""
      WITH RECURSIVE m(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM m WHERE i < :rows),
        n(i, at) AS (SELECT i, strftime('%Y-%m-%d %H:%M:%S.000000', :start, (i * 30) || ' seconds') FROM m)
      INSERT INTO aanvraag {_COLUMNS}
      SELECT lower(hex(randomblob(16))), printf('AA-2020-%07d', n.i), n.at, n.at, n.at, :who, :who, 1, 0, {_VALUES}
      {_FROM}""",  # noqa: S608 - constants of this file
    "postgresql": f"""
      WITH n AS (SELECT i, CAST(:start AS timestamptz) + i * interval '30 seconds' AS at
                 FROM generate_series(1, CAST(:rows AS bigint)) AS i)
      INSERT INTO aanvraag {_COLUMNS}
      SELECT gen_random_uuid(), 'AA-2020-' || lpad(n.i::text, 7, '0'), n.at, n.at, n.at,
             CAST(:who AS uuid), CAST(:who AS uuid), 1, 0, {_VALUES}
      {_FROM}""",  # noqa: S608 - constants of this file
}
# The page as one would write it first: whole objects, a url_for per row, a page by its number; no portfolio.
_NAIVE = """
{% extends "layout/page.html" %}
{% from "components/form.html" import button, error_summary, select, text %}
{% from "components/parts.html" import status_badge, table %}
{% block title %}Werkvoorraad{% endblock title %}
{% block content %}
  <h1 class="nl-heading nl-heading--level-1">Werkvoorraad</h1>
  {{ error_summary(form) }}
  <form class="utrecht-form ks-search" method="get" role="search" novalidate>
    {{ text(form.zoek, optional=true, mark=false, width=20) }}
    {{ select(form.status) }}
    {{ select(form.omgeving) }}
    {{ text(form.gemeente, optional=true, mark=false, width=5) }}
    {{ button("Aanvragen zoeken", kind="secondary") }}
  </form>
  {% call table("Aanvragen", ["Nummer", "Gemeente", "Pakket", "Omgeving", "Status", "Wacht", "Behandelaar"]) %}
    {% for row in rows %}
      <tr>
        <td><a class="nl-link" href="{{ url_for('front.dossier', aanvraag_id=row.id) }}">{{ row.number }}</a></td>
        <td>{{ row.gemeente_name }}</td>
        <td>{{ row.pakket }} ({{ row.leverancier }})</td>
        <td>{{ row.omgeving|capitalize }}</td>
        <td>{{ status_badge(*aanvraag_status[row.status]) }}</td>
        <td>{{ words.age(row, now) }}</td>
        <td>{{ names.get(row.claimed_by, "Niemand") }}</td>
      </tr>
    {% endfor %}
  {% endcall %}
{% endblock content %}
"""


def run(rounds: int = 15, slice_seconds: float = SLICE_SECONDS, rows: int = ROWS) -> list[Figure]:
    """Measure whole requests, answered in the process by the program with its session, guard and layout."""
    figures = []
    for database in databases():
        with worklist(database, rows) as gets:
            cases = {name: Case(partial(_call, get)) for name, get in gets.items()}
            samples = measure(cases, rounds=rounds, slice_seconds=slice_seconds)
        how = f"GET of 50 of {rows} aanvragen, in the process, with session, guard and layout, {database}"
        goals = (
            ("first page", "ORM, url_for, offset", NAIVE_GOAL),
            ("first page", "Flask hello", HELLO_GOAL),
            ("first page of open ones", "ORM, url_for, offset", None),
            ("last page", "first page", DEEP_GOAL),
            ("last page", "last page by offset", None),
            ("search, number", "first page", None),
            ("search, rare word", "first page", SEARCH_GOAL),
            ("search, common word", "first page", SEARCH_GOAL),
        )
        figures += [
            figure(samples, f"{own}, {database}", f"{peer}, {database}", goal, how) for own, peer, goal in goals
        ]
    return figures


def _call(get: Callable[[], object], _value: object) -> None:
    get()


@contextmanager
def worklist(database: str, rows: int) -> Iterator[dict[str, Callable[[], bytes]]]:
    """Give the pages to ask, by name, over so many aanvragen."""
    hello = Flask("hello")
    hello.add_url_rule("/", "hello", lambda: "Hello, World!")
    with stage(database) as app:
        app.add_url_rule("/naive", "front.naive", access.allow(Role.RELATIEBEHEERDER)(_naive))
        with app.app_context():
            _fill(rows)
            last = _last_page()
        client = take_seat(app, next(who for who in EVERYBODY if who.login == "rik")).client
        pages = {
            "first page": "/werkvoorraad?status=alle",
            "first page of open ones": "/werkvoorraad",
            "last page": f"/werkvoorraad?status=alle&na={quote(str(last))}",
            "ORM, url_for, offset": "/naive",
            "last page by offset": f"/naive?page={rows // PAGE - 3}",
            "search, number": "/werkvoorraad?status=alle&zoek=aa-2020-0000007",
            "search, rare word": "/werkvoorraad?status=alle&zoek=zeldzaam",
            "search, common word": "/werkvoorraad?status=alle&zoek=volgpakket",
        }
        found = {name: partial(_get, client, path) for name, path in pages.items()}
        found["Flask hello"] = partial(_get, hello.test_client(), "/")
        yield {f"{name}, {database}": get for name, get in found.items()}


def _get(client: FlaskClient, path: str) -> bytes:
    with client.get(path) as answer:
        if answer.status_code != 200:  # noqa: PLR2004 - the status itself
            raise AssertionError(answer.status)
        return bytes(answer.data)


def _naive() -> str:
    form, page = WorklistForm(request.args), int(request.args.get("page", 0))
    form.validate()
    query = select(Aanvraag).where(Aanvraag.status != Status.DRAFT).order_by(Aanvraag.status_since, Aanvraag.id)
    rows = db.session.scalars(query.offset(page * PAGE).limit(PAGE)).all()
    found = {"rows": rows, "names": names(row.claimed_by for row in rows), "form": form, "now": clock.now()}
    return render_template_string(_NAIVE, **found)


def _fill(rows: int) -> None:
    kind = db.engine.dialect.name
    who = person_id("anna")
    values = {"rows": rows, "who": who.hex if kind == "sqlite" else str(who), "closed": int(rows * 0.94)}
    start = clock.now() - timedelta(seconds=30 * rows)
    values["start"] = f"{start:%Y-%m-%d %H:%M:%S}"
    with transaction() as session:
        session.execute(text(_FILL[kind]), values)
        codes = session.scalars(select(Gemeente.code).order_by(Gemeente.code).limit(OWN)).all()
        now, own = clock.now(), portfolio(person_id("rik"))
        session.add_all(
            PortfolioEntry(id=new_id(), account_id=person_id("rik"), gemeente=code, valid_from=now)
            for code in set(codes) - own
        )
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))  # as PostgreSQL does by itself, and SQLite at `PRAGMA optimize`


def _last_page() -> Cursor:
    """Return the cursor of the last whole page."""
    own = portfolio(person_id("rik"))
    query = select(Aanvraag.status_since, Aanvraag.id).where(Aanvraag.gemeente.not_in(own))
    at = db.session.execute(
        query.order_by(Aanvraag.status_since.desc(), Aanvraag.id.desc()).offset(PAGE).limit(1)
    ).one()
    db.session.rollback()
    return Cursor(foreign=True, since=at.status_since, id=at.id)
