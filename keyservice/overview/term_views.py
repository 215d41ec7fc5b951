"""How a gemeente stands in the portaal: who signed, and whose term ends. Changes nothing but the log of looks."""

from flask import Response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import format_date

from keyservice.kernel import clock
from keyservice.overview.blueprint import bp
from keyservice.portaal import terms, words
from keyservice.portaal.queries import ROLES
from keyservice.web import access
from keyservice.web.csv_file import csv_file

_PAGE = "/inburgering/overzicht"
MOST_SHOWN = 50


@bp.get(_PAGE)
@access.allow(*ROLES)
def terms_page() -> ResponseReturnValue:
    """Show how the people of a gemeente stand, and who must be helped first."""
    today, found = clock.local_date(clock.now()), terms.counts(access.actor())
    months = terms.months(found, today)
    return render_template(
        "overview/terms.html",
        summaries=terms.summaries(found, today),
        months=months,
        labels=[str(format_date(month.first, "MMMM yyyy", rebase=False)) for month in months],
        waiting=terms.waiting(access.actor(), terms.last_day_soon(), MOST_SHOWN),
        most=MOST_SHOWN,
        soon=terms.SOON.days,
        today=today,
        words=words,
    )


@bp.get(f"{_PAGE}/bestand")
@access.allow(*ROLES)
def terms_file() -> Response:
    """Return everybody who did not sign as a table for a spreadsheet; no BSN stands in it."""
    today = clock.local_date(clock.now())
    lines = [words.line(person, today) for person in terms.waiting(access.actor())]
    headings = ("Naam", "Geboortedatum", "Wet", "Stand", "Termijn tot en met", "Termijn")
    return csv_file(f"niet-ondertekend-{today}.csv", headings, lines)
