"""The pages about keys of an ended gemeente: its successor asks for them, and a relatiebeheerder decides."""

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from keyservice.gemeenten.queries import gemeente, names
from keyservice.issuance import succession
from keyservice.issuance.forms import RefuseForm
from keyservice.issuance.words import sleutel_badge
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.sleutels import succession as successions
from keyservice.web import access
from keyservice.web.forms import Form

bp = Blueprint("succession", __name__)


@bp.get("/opvolging")
@access.allow(Role.GEMEENTEBEHEERDER)
def predecessors() -> ResponseReturnValue:
    """Show the gemeenten that this one follows, their keys, and what was asked."""
    ended = successions.predecessors(access.actor().gemeente or "", clock.now())
    found = successions.newest_of([one.code for one in ended])
    rows = [(one, succession.last_moment_of(one), found.get(one.code), succession.keys_of(one.code)) for one in ended]
    crumbs = _crumbs("Sleutels van uw voorganger")
    return render_template(
        "issuance/predecessors.html", rows=rows, badge=sleutel_badge, now=clock.now(), breadcrumbs=crumbs
    )


@bp.post("/opvolging/<code>/vragen")
@access.allow(Role.GEMEENTEBEHEERDER)
def ask(code: str) -> ResponseReturnValue:
    """Ask that the keys of an ended gemeente act for this one."""
    succession.ask(access.actor(), code)
    flash("Uw vraag is verstuurd. Uw relatiebeheerder beslist en u krijgt daarover een e-mail.", "gelukt")
    return redirect(url_for("issuance.succession.predecessors"), 303)


@bp.get("/opvolgingen")
@access.allow(Role.RELATIEBEHEERDER)
def index() -> ResponseReturnValue:
    """Show the questions that wait for a decision."""
    rows = successions.waiting()
    known = names(code for row in rows for code in (row.gemeente, row.successor))
    crumbs = _crumbs("Sleutels van opgeheven gemeenten")
    return render_template("issuance/successions.html", rows=rows, names=known, breadcrumbs=crumbs)


@bp.get("/opvolgingen/<uuid:succession_id>")
@access.allow(Role.RELATIEBEHEERDER)
def show(succession_id: UUID) -> ResponseReturnValue:
    """Show a question, the keys it is about, and the buttons to decide."""
    return _page(succession_id, RefuseForm())


@bp.post("/opvolgingen/<uuid:succession_id>/goedkeuren")
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def approve(succession_id: UUID) -> ResponseReturnValue:
    """Let the keys act for the successor."""
    succession.approve(access.actor(), succession_id)
    flash("De vraag is goedgekeurd. De gemeente krijgt bericht.", "gelukt")
    return redirect(url_for("issuance.succession.index"), 303)


@bp.post("/opvolgingen/<uuid:succession_id>/afwijzen")
@access.allow(Role.RELATIEBEHEERDER)
def refuse(succession_id: UUID) -> ResponseReturnValue:
    """Refuse; the keys stop at the end of their gemeente."""
    form = RefuseForm()
    if not form.validate_on_submit():
        return _page(succession_id, form)
    succession.refuse(access.actor(), succession_id, form.reden.data or "")
    flash("De vraag is afgewezen. De gemeente krijgt bericht.", "gelukt")
    return redirect(url_for("issuance.succession.index"), 303)


def _page(succession_id: UUID, form: Form) -> ResponseReturnValue:
    row = successions.succession(succession_id)
    title = "Sleutels van een opgeheven gemeente"
    back = url_for("issuance.succession.index")
    page = render_template(
        "issuance/succession.html",
        row=row,
        ended=gemeente(row.gemeente),
        successor=gemeente(row.successor),
        keys=succession.keys_of(row.gemeente),
        days=successions.DAYS,
        badge=sleutel_badge,
        now=clock.now(),
        form=form,
        form_errors=form.errors,
        breadcrumbs=[("Sleutels van opgeheven gemeenten", back), (title, request.path)],
    )
    return page, 422 if form.errors else 200


def _crumbs(title: str) -> list[tuple[str, str]]:
    return [("Overzicht", url_for("front.home")), (title, request.path)]
