"""The pages of the auditor: the search and its file, the time line of a dossier, one event with its proof."""

import json
from typing import Any
from uuid import UUID

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from keyservice.accounts.queries import names
from keyservice.audit import queries as trail
from keyservice.audit.inclusion import stored
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import NotFound
from keyservice.overview import auditor, queries, search_export
from keyservice.overview.blueprint import bp
from keyservice.overview.forms import EventsForm
from keyservice.web import access
from keyservice.web.csv_file import csv_file


@bp.get("/gebeurtenissen")
@access.allow(Role.AUDITOR)
def events() -> ResponseReturnValue:
    """Search the audit trail, newest first."""
    return _search(EventsForm(request.args))


@bp.post("/gebeurtenissen/downloaden")
@access.allow(Role.AUDITOR, step_up=True)
def export_events() -> ResponseReturnValue:
    """Give what a search finds as a file for a spreadsheet."""
    form = EventsForm(request.form)
    if not form.validate():
        return _search(form)
    rows = search_export.take(access.actor(), form.wanted())
    return csv_file(f"gebeurtenissen-{clock.local(clock.now()):%Y-%m-%d-%H%M}.csv", search_export.HEADINGS, rows)


@bp.get("/gebeurtenissen/<uuid:event_id>")
@access.allow(Role.AUDITOR)
def event(event_id: UUID) -> ResponseReturnValue:
    """Show one event: all it says, the bytes that are sealed, and the proof that they are in the tree."""
    found = auditor.with_words([trail.one(event_id)])
    bytes_and_place = stored(event_id)
    return render_template(
        "overview/event.html",
        found=found,
        event=found.events[0],
        stored=bytes_and_place,
        content=_pretty(bytes_and_place.canonical),
        breadcrumbs=[("Gebeurtenissen", url_for("front.events")), ("Gebeurtenis", request.path)],
    )


@bp.get("/dossiers/<uuid:aanvraag_id>/tijdlijn")
@access.allow(Role.AUDITOR)
def dossier_timeline(aanvraag_id: UUID) -> ResponseReturnValue:
    """Show everything that ever happened to an aanvraag, day by day, also when the aanvraag itself is gone."""
    found = auditor.of_dossier(aanvraag_id)
    number = queries.numbers([aanvraag_id]).get(aanvraag_id)
    back = [(number, url_for("front.dossier", aanvraag_id=aanvraag_id))] if number else []
    return render_template(
        "overview/dossier_timeline.html",
        found=found,
        days=auditor.by_day(found.events),
        number=number,
        aanvraag_id=aanvraag_id,
        breadcrumbs=[("Dossiers", url_for("front.worklist", status="alle")), *back, ("Tijdlijn", request.path)],
    )


def _search(form: EventsForm) -> ResponseReturnValue:
    before, valid = _row_number(), form.validate()
    found = auditor.found(form.wanted(), before) if valid else auditor.with_words([])
    body = render_template(
        "overview/events.html",
        form=form,
        form_errors=form.errors,
        found=found,
        most=search_export.MOST,
        chosen=names([form.found.get("persoon")]),
        next_url=_page_url(form, na=found.next) if found.next else None,
        first_url=_page_url(form) if before else None,
    )
    return body, 200 if valid else 422


def _pretty(canonical: bytes) -> str:
    """Return the bytes of an event as people read JSON; what is damaged as it stands there."""
    try:
        return json.dumps(json.loads(canonical), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return canonical.decode(errors="replace")


def _page_url(form: EventsForm, **more: Any) -> str:
    typed: dict[str, Any] = form.typed | more
    return url_for("front.events", **typed)


def _row_number() -> int | None:
    text = request.args.get("na", "")
    if text and not (text.isascii() and text.isdigit() and len(text) < len(str(2**63))):
        raise NotFound("page")
    return int(text) if text else None
