"""The acts of relatiebeheerders on an aanvraag: those with input have a page, the others are a button."""

from uuid import UUID

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug import Response

from keyservice.aanvragen import queries, review, summary
from keyservice.aanvragen.blueprint import bp
from keyservice.aanvragen.content import content_hash
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.review_forms import ACTS, LACKING, ApproveForm, NoteForm
from keyservice.aanvragen.workflow import Step
from keyservice.gemeenten.phones import show_phone
from keyservice.kernel.actor import Role
from keyservice.web import access
from keyservice.web.forms import Form

_ACT = f"/dossiers/<uuid:aanvraag_id>/<any({', '.join(repr(slug) for slug in ACTS)}):act>"


@bp.route(_ACT, endpoint="review", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER)
def review_act(aanvraag_id: UUID, act: str) -> ResponseReturnValue:
    """Ask what an act needs to know, and do it."""
    chosen = ACTS[act]
    form = (chosen.form or Form)()
    if form.validate_on_submit():
        review.take_step(access.actor(), aanvraag_id, chosen.step, form.data.get("text"))
        return _done(aanvraag_id, chosen.done)
    if chosen.form is None:
        abort(405)
    aanvraag = review.aanvraag_for_step(access.actor(), aanvraag_id, chosen.step)
    page = render_template(
        "aanvragen/review_act.html",
        act=chosen,
        aanvraag=aanvraag,
        form=form,
        form_errors=form.errors,
        breadcrumbs=_breadcrumbs(aanvraag, chosen.label),
    )
    return page, 422 if form.errors else 200


@bp.route("/dossiers/<uuid:aanvraag_id>/goedkeuren", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def approve(aanvraag_id: UUID) -> ResponseReturnValue:
    """Show what will be approved and what it still lacks, ask what was checked, and approve."""
    form = ApproveForm()
    if form.validate_on_submit():
        review.approve(access.actor(), aanvraag_id, form.motivation.data or "", seen=form.seen.data or "")
        return _done(aanvraag_id, "De aanvraag is goedgekeurd.")
    aanvraag = review.aanvraag_for_step(access.actor(), aanvraag_id, Step.APPROVE)
    form.seen.data = content_hash(queries.current_content(aanvraag)).hex()
    page = render_template(
        "aanvragen/review_approve.html",
        aanvraag=aanvraag,
        form=form,
        form_errors=form.errors,
        lacking=[LACKING[code] for code in review.lacking(aanvraag)],
        names_equal=review.names_equal(aanvraag),
        kind=summary.kind(aanvraag),
        show_phone=show_phone,
        breadcrumbs=_breadcrumbs(aanvraag, "Aanvraag goedkeuren"),
    )
    return page, 422 if form.errors else 200


@bp.post("/dossiers/<uuid:aanvraag_id>/notities")
@access.allow(Role.RELATIEBEHEERDER)
def note(aanvraag_id: UUID) -> ResponseReturnValue:
    """Add an internal note, typed on the dossier page; what is wrong with it is said on a page of its own."""
    form = NoteForm()
    if form.validate_on_submit():
        review.add_note(access.actor(), aanvraag_id, form.text.data or "")
        return _done(aanvraag_id, "Uw notitie is bewaard.")
    aanvraag = queries.aanvraag_for(access.actor(), aanvraag_id)
    page = render_template("aanvragen/review_note.html", aanvraag=aanvraag, form=form, form_errors=form.errors)
    return page, 422


def _breadcrumbs(aanvraag: Aanvraag, label: str) -> list[tuple[str, str]]:
    return [
        ("Werkvoorraad", url_for("front.worklist")),
        (aanvraag.number or "", url_for("front.dossier", aanvraag_id=aanvraag.id)),
        (label, request.path),
    ]


def _done(aanvraag_id: UUID, text: str) -> Response:
    flash(text, "gelukt")
    return redirect(url_for("front.dossier", aanvraag_id=aanvraag_id), 303)
