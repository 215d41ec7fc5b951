"""The pages of waves: prepare the list, look at it and start it, follow it, halt it, and the report."""

from typing import Any
from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug import Response

from keyservice.accounts.queries import names
from keyservice.issuance import wave_queries, wave_report, waves, words
from keyservice.issuance.wave_forms import HALTS, HaltForm, PrepareForm
from keyservice.issuance.wave_models import Wave
from keyservice.issuance.wave_queries import PAGE
from keyservice.issuance.wave_workflow import Result, WaveStatus, WaveStep, possible
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import Conflict, Invalid, Refused
from keyservice.web import access, errors
from keyservice.web.csv_file import csv_file
from keyservice.web.forms import Form

bp = Blueprint("waves", __name__)
REFRESH_SECONDS = 15
# A page that asks for itself keeps a session from idling out: after ten minutes it asks no more.
MOST_REFRESHES = 40
_ANY = UUID(int=0)
_WAVE = "/vernieuwingsrondes/<uuid:wave_id>"


@bp.errorhandler(Conflict)
@bp.errorhandler(Refused)
def _back_to_wave(error: Conflict | Refused) -> ResponseReturnValue:
    """Let the page of an error lead back to the wave."""
    wave_id = (request.view_args or {}).get("wave_id")
    error.data["back"] = _url(wave_id) if wave_id else url_for("waves.index")
    return errors.use_case_error(error)


@bp.context_processor
def _words() -> dict[str, object]:
    base = url_for("front.dossier", aanvraag_id=_ANY).removesuffix(str(_ANY))  # once, and not for each row
    return {"words": words, "report": wave_report, "WaveStep": WaveStep, "dossier_base": base}


@bp.get("/vernieuwingsrondes")
@access.allow(Role.RELATIEBEHEERDER, Role.AUDITOR)
def index() -> ResponseReturnValue:
    """Show the waves, newest first."""
    last = request.args.get("na", type=UUID)
    found = wave_queries.waves(wave_queries.wave(last).prepared_at if last else None, PAGE + 1)
    return render_template(
        "issuance/waves.html",
        waves=found[:PAGE],
        counts=wave_queries.counts([wave.id for wave in found[:PAGE]]),
        may_act=access.actor().has(Role.RELATIEBEHEERDER),
        next_url=url_for("waves.index", na=found[PAGE - 1].id) if len(found) > PAGE else None,
    )


@bp.route("/vernieuwingsrondes/voorbereiden", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def prepare() -> ResponseReturnValue:
    """Ask what to renew, and make the list."""
    form = PrepareForm()
    if form.validate_on_submit() and (wave_id := _prepared(form)):
        flash("De lijst is klaar. Een collega kan de ronde nu starten.", "gelukt")
        return redirect(_url(wave_id), 303)
    crumbs = [*_crumbs(), ("Ronde voorbereiden", request.path)]
    page = render_template("issuance/wave_prepare.html", form=form, form_errors=form.errors, breadcrumbs=crumbs)
    return page, 422 if form.errors else 200


@bp.get(_WAVE)
@access.allow(Role.RELATIEBEHEERDER, Role.AUDITOR)
def show(wave_id: UUID) -> ResponseReturnValue:
    """Show how far a wave is and, page by page, what became of each gemeente."""
    wave, result = wave_queries.wave(wave_id), _result()
    after = max(request.args.get("na", 0, type=int), 0)
    rows = wave_queries.report(wave_id, result=result, after=min(after, 2**31 - 1), limit=PAGE + 1)
    left = _refreshes_left(wave)
    page = render_template(
        "issuance/wave.html",
        wave=wave,
        count=wave_queries.counts([wave_id])[wave_id],
        names=names([wave.prepared_by, wave.started_by, wave.halted_by]),
        steps=possible(wave.status) if access.actor().has(Role.RELATIEBEHEERDER) else frozenset(),
        own=wave.prepared_by == access.person(),
        rows=rows[:PAGE],
        result=result,
        refreshes=left,
        next_url=_url(wave_id, toon=result, na=rows[PAGE - 1].position, verversen=0) if len(rows) > PAGE else None,
        first_url=_url(wave_id, toon=result, verversen=0) if after else None,
        breadcrumbs=_crumbs(wave),
    )  # fmt: skip
    return _refreshing(page, _url(wave_id, toon=result, na=after or None, verversen=left - 1) if left else None)


@bp.route(f"{_WAVE}/starten", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def start(wave_id: UUID) -> ResponseReturnValue:
    """Show what can be renewed now and what changed since the list was made, and let the wave run."""
    if Form().validate_on_submit():
        waves.start(access.actor(), wave_id)
        flash("De ronde is gestart. Binnen een minuut gaan de eerste sleutels de deur uit.", "gelukt")
        return redirect(_url(wave_id), 303)
    wave = wave_queries.wave(wave_id)
    waves.require_startable(access.actor(), wave)
    return render_template(
        "issuance/wave_start.html",
        wave=wave,
        now=wave_report.before_start(wave, access.person()),
        names=names([wave.prepared_by]),
        back_url=_url(wave_id),
        breadcrumbs=[*_crumbs(wave), ("Ronde starten", request.path)],
    )


@bp.route(f"{_WAVE}/<any(pauzeren, stoppen):halt>", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER)
def halt(wave_id: UUID, halt: str) -> ResponseReturnValue:
    """Ask why, and pause or stop a wave: both only take, so no fresh factor is asked."""
    return _halted(wave_id, halt)


@bp.route(f"{_WAVE}/hervatten", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def resume(wave_id: UUID) -> ResponseReturnValue:
    """Ask why, and let a wave go on."""
    return _halted(wave_id, "hervatten")


@bp.get(f"{_WAVE}/verslag.csv")
@access.allow(Role.RELATIEBEHEERDER, Role.AUDITOR)
def download(wave_id: UUID) -> ResponseReturnValue:
    """Give the whole report as a file for a spreadsheet."""
    wave = wave_queries.wave(wave_id)
    rows = wave_queries.report(wave_id, limit=None)
    return csv_file(f"vernieuwingsronde-{wave.prepared_at:%Y-%m-%d}.csv", *wave_report.table(wave, rows))


def _prepared(form: PrepareForm) -> UUID | None:
    try:
        return waves.prepare(access.actor(), form.naam.data or "", form.reden.data or "", form.wanted())
    except Invalid:
        form.verloopt.errors = ["Er zijn geen sleutels die hierbij passen. Kies een latere dag of meer gemeenten."]
        return None


def _halted(wave_id: UUID, how: str) -> ResponseReturnValue:
    """Show the form of an act with a reason, or do it."""
    act, form, wave = HALTS[how], HaltForm(), wave_queries.wave(wave_id)
    if form.validate_on_submit():
        acts = {WaveStep.PAUSE: waves.pause, WaveStep.RESUME: waves.resume, WaveStep.STOP: waves.stop}
        acts[act.step](access.actor(), wave_id, form.reden.data or "")
        flash(act.done, "gelukt")
        return redirect(_url(wave_id), 303)
    if act.step not in possible(wave.status):
        raise Conflict("wave-moved", status=wave.status)
    crumbs = [*_crumbs(wave), (act.label, request.path)]
    page = render_template(
        "issuance/wave_halt.html", wave=wave, form=form, form_errors=form.errors, act=act, back_url=_url(wave_id),
        breadcrumbs=crumbs,
    )  # fmt: skip
    return page, 422 if form.errors else 200


def _result() -> Result | None:
    """Return which outcome is asked for; what is none shows all."""
    text = request.args.get("toon")
    return Result(text) if text in set(Result) else None


def _refreshes_left(wave: Wave) -> int:
    if wave.status is not WaveStatus.RUNNING:
        return 0
    return min(max(request.args.get("verversen", MOST_REFRESHES, type=int), 0), MOST_REFRESHES)


def _refreshing(page: str, url: str | None) -> Response:
    """Return a page that asks for the next one by itself, without a script; the page has a link that stops it."""
    response = make_response(page)
    if url:
        response.headers["Refresh"] = f"{REFRESH_SECONDS}; url={url}"
    return response


def _url(wave_id: UUID, **more: Any) -> str:
    return url_for("waves.show", wave_id=wave_id, **more)


def _crumbs(wave: Wave | None = None) -> list[tuple[str, str]]:
    return [("Vernieuwingsrondes", url_for("waves.index")), *([(wave.name, _url(wave.id))] if wave else [])]
