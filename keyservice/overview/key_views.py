"""The pages about keys: those of a gemeente, the lists of DUO, and the calendar. Nothing here changes anything."""

from collections.abc import Iterator

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from keyservice.accounts.queries import portfolio
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import NotFound
from keyservice.overview import key_calendar, key_words
from keyservice.overview.blueprint import bp
from keyservice.overview.forms import KeyListForm
from keyservice.overview.key_buttons import key_acts
from keyservice.overview.key_calendar import Per
from keyservice.overview.key_lists import DEFAULT, Wanted, page
from keyservice.overview.keys import of_gemeente
from keyservice.overview.keyset import Page, each_row
from keyservice.overview.links import cursor, more_url
from keyservice.web import access
from keyservice.web.csv_file import csv_file

_LISTS = "/sleuteloverzicht"
_CALENDAR = f"{_LISTS}/kalender"
_AT_ONCE = 500


@bp.get("/sleutels")
@access.allow(Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
def own_keys() -> ResponseReturnValue:
    """Show a gemeente its keys."""
    actor, now = access.actor(), clock.now()
    found = of_gemeente(actor.gemeente or "")
    acts = {key.id: key_acts(actor, key.issuance, now) for key in found.living}
    return render_template("overview/keys.html", keys=found, acts=acts, key_words=key_words, now=now)


@bp.get(_LISTS)
@access.allow(Role.RELATIEBEHEERDER, Role.AUDITOR)
def key_lists() -> ResponseReturnValue:
    """Show which keys expire, are not used or are stuck: own portfolio first."""
    form, own = KeyListForm(request.args), portfolio(access.person())
    valid, after = form.validate(), cursor()
    wanted = form.wanted() if valid else Wanted(DEFAULT)
    found = page(own, wanted, after) if valid else Page((), None)
    body = render_template(
        "overview/key_lists.html",
        form=form,
        form_errors=form.errors,
        which=wanted.which,
        rows=found.rows,
        portfolio=own,
        key_words=key_words,
        now=clock.now(),
        next_url=more_url("front.key_lists", form, found.next),
        first_url=more_url("front.key_lists", form, "") if after else None,
        file_url=more_url("front.key_lists_file", form, ""),
    )
    return body, 200 if valid else 422


@bp.get(f"{_LISTS}/bestand")
@access.allow(Role.RELATIEBEHEERDER, Role.AUDITOR)
def key_lists_file() -> ResponseReturnValue:
    """Return a whole list as a table for a spreadsheet."""
    form, own = KeyListForm(request.args), portfolio(access.person())
    if not form.validate():
        raise NotFound("page")
    wanted, now = form.wanted(), clock.now()
    rows = each_row(lambda after: page(own, wanted, after, _AT_ONCE))
    lines = (key_words.line(row, wanted.which, now, own=row.gemeente in own) for row in rows)
    return csv_file(f"sleutels-{wanted.which}-{clock.local_date(now)}.csv", key_words.COLUMNS, lines)


@bp.get(_CALENDAR)
@access.allow(Role.RELATIEBEHEERDER, Role.AUDITOR)
def key_calendar_page() -> ResponseReturnValue:
    """Show when keys expire, and how long it takes from form to working key."""
    per, own = _per(), portfolio(access.person())
    return render_template(
        "overview/key_calendar.html",
        per=per,
        pers=Per,
        spans=key_calendar.expiries(per, own),
        lead_times=key_calendar.lead_times(),
        portfolio=own,
        key_words=key_words,
    )


@bp.get(f"{_CALENDAR}/bestand")
@access.allow(Role.RELATIEBEHEERDER, Role.AUDITOR)
def key_calendar_file() -> Response:
    """Return the figures of the calendar as a table for a spreadsheet."""
    per = _per()
    lines: Iterator[list[str]] = (
        [span.label, str(span.first), str(span.last), str(span.all), str(span.own)]
        for span in key_calendar.expiries(per, portfolio(access.person()))
    )
    headings = ("Periode", "Eerste dag", "Laatste dag", "Verloopt", "In uw portefeuille")
    return csv_file(f"verloopkalender-{clock.local_date(clock.now())}.csv", headings, lines)


@bp.get(f"{_CALENDAR}/doorlooptijden")
@access.allow(Role.RELATIEBEHEERDER, Role.AUDITOR)
def lead_times_file() -> Response:
    """Return the lead times as a table for a spreadsheet."""
    found = key_calendar.lead_times()
    lines = ([one.step, str(one.count), *(f"{days:.1f}".replace(".", ",") for days in one.figures)] for one in found)
    headings = ("Stap", "Aantal", "Middelste", "Helft, van", "Helft, tot", "8 van de 10, van", "8 van de 10, tot")
    return csv_file(f"doorlooptijden-{clock.local_date(clock.now())}.csv", headings, lines)


def _per() -> Per:
    try:
        return Per(request.args.get("per", Per.MONTH))
    except ValueError as error:
        raise NotFound("page") from error
