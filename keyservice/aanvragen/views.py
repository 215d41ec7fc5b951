"""The pages of a gemeente: its list, the form in four steps and a check page, sending and withdrawing."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug import Response

from keyservice import audit
from keyservice.aanvragen import contact_views, queries, replacing, review_views, service, summary, words
from keyservice.aanvragen.blueprint import bp
from keyservice.aanvragen.content import WET, Section, editable
from keyservice.aanvragen.forms import FORMS, StepForm, WithdrawForm
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import EDITABLE, Status, Step, allowed
from keyservice.accounts.queries import account
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import Conflict, Invalid
from keyservice.web import access
from keyservice.web.forms import Form

__all__ = ["bp", "contact_views", "review_views"]  # importing these modules hangs their pages into the one blueprint

_SECTION = f"<any({', '.join(repr(str(section)) for section in Section)}):step>"
LATER, BACK = "later", "vorige"


@bp.get("/aanvragen")
@access.allow(Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
def index() -> ResponseReturnValue:
    """Show the aanvragen of the gemeente acted for, newest first."""
    before = request.args.get("voor", type=UUID)
    rows = list(queries.list_for_gemeente(access.actor().gemeente or "", before, queries.PAGE + 1))
    more = rows[queries.PAGE - 1].id if len(rows) > queries.PAGE else None
    return render_template(
        "aanvragen/index.html",
        aanvragen=rows[: queries.PAGE],
        more=more,
        before=before,
        may_start=access.actor().has(Role.AANVRAGER),
        words=words,
    )


@bp.get("/aanvragen/nieuw")
@access.allow(Role.AANVRAGER)
def start() -> ResponseReturnValue:
    """Say what an aanvraag asks for, before it is started."""
    gemeente = queries.existing_gemeente(access.actor().gemeente)
    return render_template("aanvragen/start.html", gemeente=gemeente)


@bp.post("/aanvragen/nieuw")
@access.allow(Role.AANVRAGER)
def create() -> ResponseReturnValue:
    """Start a draft and go to its first step."""
    return _to("aanvragen.step", service.start(access.actor()), step=Section.GEMEENTE)


@bp.post("/aanvragen/<uuid:aanvraag_id>/vervangen")
@access.allow(Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
def start_replacement(aanvraag_id: UUID) -> ResponseReturnValue:
    """Start a prefilled draft that is to replace the key of this aanvraag, or go on with the one that is there."""
    draft = replacing.start_replacement(access.actor(), aanvraag_id)
    flash("Dit is de aanvraag voor een nieuwe sleutel. Een aanvrager controleert en verstuurt die.", "info")
    return _to("front.status", draft)


@bp.route(f"/aanvragen/<uuid:aanvraag_id>/stap/{_SECTION}", methods=["GET", "POST"])
@access.allow(Role.AANVRAGER)
def step(aanvraag_id: UUID, step: str) -> ResponseReturnValue:
    """Show a step of the form, or save it and go on."""
    section = Section(step)
    aanvraag = queries.aanvraag_for(access.actor(), aanvraag_id)
    if section not in editable(aanvraag.status):
        if request.method == "GET":
            return _to("front.status", aanvraag_id)
        raise Conflict("not-editable")
    form = FORMS[section](aanvraag, account(access.person()))
    if request.method == "GET":
        return _step_page(aanvraag, section, form)
    if not form.validate() and request.form.get("actie") not in {LATER, BACK}:
        return _step_page(aanvraag, section, form), 422
    return _save(aanvraag, section, form)


def _save(aanvraag: Aanvraag, section: Section, form: StepForm) -> ResponseReturnValue:
    try:
        service.save_step(access.actor(), aanvraag.id, section, form.valid_values(), form.seen_revision)
    except Conflict as conflict:
        if conflict.code != "saved-meanwhile":
            raise
        audit.record_refusal(access.actor(), "aanvragen.step", conflict.code, dossier=aanvraag.id)
        form.revision.data = str(aanvraag.revision)
        return _step_page(aanvraag, section, form, meanwhile=True), 409
    return _go_on(aanvraag, section, form)


def _go_on(aanvraag: Aanvraag, section: Section, form: StepForm) -> Response:
    """Go where the pressed button leads; a complete form leads back to its check page."""
    steps, action = list(Section), request.form.get("actie")
    if form.errors:
        flash(f"Wij hebben uw concept bewaard, maar nog niet: {', '.join(form.refused_labels())}.", "info")
    elif action == LATER:
        flash("Uw concept is bewaard.", "gelukt")
    if action == LATER or (action == BACK and section is steps[0]):
        return redirect(url_for("aanvragen.index"), 303)
    if action == BACK:
        return _to("aanvragen.step", aanvraag.id, step=steps[steps.index(section) - 1])
    if aanvraag.status not in EDITABLE:
        flash("De contactpersonen zijn bewaard.", "gelukt")
        return _to("front.status", aanvraag.id)
    if section is steps[-1] or not queries.unfinished(aanvraag):
        return _to("aanvragen.check", aanvraag.id)
    return _to("aanvragen.step", aanvraag.id, step=steps[steps.index(section) + 1])


def _step_page(aanvraag: Aanvraag, section: Section, form: StepForm, *, meanwhile: bool = False) -> str:
    return render_template(
        f"aanvragen/step_{section}.html",
        aanvraag=aanvraag,
        form=form,
        form_errors=form.errors,
        meanwhile=meanwhile,
        number=list(Section).index(section) + 1,
        heading=words.SECTION[section],
        steps=_steps(aanvraag, section),
        whole=aanvraag.status in EDITABLE,
        breadcrumbs=_breadcrumbs(aanvraag, words.SECTION[section]),
        wet=WET,
    )


def _steps(aanvraag: Aanvraag, current: Section | None) -> list[tuple[str, str, str | None]]:
    """Return the steps of the form for the list at the side; `current` None is the check page."""
    unfinished = queries.unfinished(aanvraag)
    items: list[tuple[str, str, str | None]] = []
    for section in Section:
        state = "not-checked" if section in unfinished else "checked"
        url = url_for("aanvragen.step", aanvraag_id=aanvraag.id, step=section)
        items.append((words.SECTION[section], "current" if section is current else state, url))
    last = "current" if current is None else "not-checked"
    return [*items, (words.CHECK, last, url_for("aanvragen.check", aanvraag_id=aanvraag.id))]


@bp.get("/aanvragen/<uuid:aanvraag_id>/controleren")
@access.allow(Role.AANVRAGER)
def check(aanvraag_id: UUID) -> ResponseReturnValue:
    """Show all answers, each with a way back to its step, and the button that sends them."""
    aanvraag = queries.aanvraag_for(access.actor(), aanvraag_id)
    if aanvraag.status not in EDITABLE:
        return _to("front.status", aanvraag_id)
    return render_template(
        "aanvragen/check.html",
        aanvraag=aanvraag,
        sections=_answers(aanvraag),
        unfinished=queries.unfinished(aanvraag),
        draft=aanvraag.status is Status.DRAFT,
        breadcrumbs=_breadcrumbs(aanvraag, "Controleren"),
        steps=_steps(aanvraag, None),
        words=words,
    )


def _answers(aanvraag: Aanvraag) -> dict[Section, list[tuple[str, str, str | None, None]]]:
    urls = {section: url_for("aanvragen.step", aanvraag_id=aanvraag.id, step=section) for section in Section}
    return {
        section: [(label, answer, None if label in summary.FIXED else urls[section], None) for label, answer in rows]
        for section, rows in summary.sections(aanvraag).items()
    }


@bp.post("/aanvragen/<uuid:aanvraag_id>/versturen")
@access.allow(Role.AANVRAGER)
def submit(aanvraag_id: UUID) -> ResponseReturnValue:
    """Send the aanvraag; a second click leads to the same confirmation."""
    try:
        service.submit(access.actor(), aanvraag_id)
    except Invalid:  # the check page says what is missing
        return _to("aanvragen.check", aanvraag_id)
    return _to("aanvragen.sent", aanvraag_id)


@bp.post("/aanvragen/<uuid:aanvraag_id>/opnieuw-versturen")
@access.allow(Role.AANVRAGER)
def resubmit(aanvraag_id: UUID) -> ResponseReturnValue:
    """Send what the relatiebeheerder asked for."""
    try:
        service.resubmit(access.actor(), aanvraag_id)
    except Invalid:
        return _to("aanvragen.check", aanvraag_id)
    return _to("aanvragen.sent", aanvraag_id)


@bp.get("/aanvragen/<uuid:aanvraag_id>/verstuurd")
@access.allow(Role.AANVRAGER)
def sent(aanvraag_id: UUID) -> ResponseReturnValue:
    """Confirm with the number, and say what happens next."""
    aanvraag = queries.aanvraag_for(access.actor(), aanvraag_id)
    if aanvraag.status in EDITABLE:
        return _to("aanvragen.check", aanvraag_id)
    crumbs = _breadcrumbs(aanvraag, "Verstuurd")
    return render_template("aanvragen/sent.html", aanvraag=aanvraag, breadcrumbs=crumbs)


@bp.route("/aanvragen/<uuid:aanvraag_id>/intrekken", methods=["GET", "POST"])
@access.allow(Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
def withdraw(aanvraag_id: UUID) -> ResponseReturnValue:
    """Ask whether the aanvraag is to be withdrawn, and do it."""
    form = WithdrawForm()
    if form.validate_on_submit():
        service.withdraw(access.actor(), aanvraag_id, form.reden.data or "")
        flash("Uw aanvraag is ingetrokken.", "gelukt")
        return _to("front.status", aanvraag_id)
    aanvraag = queries.aanvraag_for(access.actor(), aanvraag_id)
    if not allowed(aanvraag.standing, Step.WITHDRAW, access.actor()):
        return _to("front.status", aanvraag_id)
    page = render_template(
        "aanvragen/withdraw.html",
        aanvraag=aanvraag,
        form=form,
        form_errors=form.errors,
        breadcrumbs=_breadcrumbs(aanvraag, "Intrekken"),
    )
    return page, 422 if form.errors else 200


@bp.route("/aanvragen/<uuid:aanvraag_id>/verwijderen", methods=["GET", "POST"])
@access.allow(Role.AANVRAGER)
def discard(aanvraag_id: UUID) -> ResponseReturnValue:
    """Ask whether the draft is to be deleted, and do it."""
    form = Form()
    if form.validate_on_submit():
        service.discard(access.actor(), aanvraag_id)
        flash("Uw concept is verwijderd.", "gelukt")
        return redirect(url_for("aanvragen.index"), 303)
    aanvraag = queries.aanvraag_for(access.actor(), aanvraag_id)
    if aanvraag.status is not Status.DRAFT:
        return _to("front.status", aanvraag_id)
    crumbs = _breadcrumbs(aanvraag, "Verwijderen")
    return render_template("aanvragen/discard.html", aanvraag=aanvraag, form=form, breadcrumbs=crumbs)


def _breadcrumbs(aanvraag: Aanvraag, label: str) -> list[tuple[str, str]]:
    return [
        ("Aanvragen", url_for("aanvragen.index")),
        (aanvraag.number or "Concept", url_for("front.status", aanvraag_id=aanvraag.id)),
        (label, request.path),
    ]


def _to(endpoint: str, aanvraag_id: UUID, step: Section | None = None) -> Response:
    return redirect(url_for(endpoint, aanvraag_id=aanvraag_id, step=step), 303)
