"""The pages of letters with a password: what waits to be printed, opening one once, and what became of it."""

from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from keyservice.accounts.queries import names
from keyservice.issuance import letters, queries
from keyservice.issuance.forms import LetterForm
from keyservice.issuance.models import Issuance
from keyservice.issuance.words import LETTER
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import NotFound
from keyservice.outbox.models import Letter, LetterStatus
from keyservice.web import access

bp = Blueprint("letters", __name__)
# By the last part of the address.
_FAILURES = {"mislukt": LetterStatus.FAILED, "retour": LetterStatus.RETURNED}
_LETTER = "/brieven/<uuid:letter_id>"
_REVOKED = (
    "De sleutel is ingetrokken. Kies 'Opnieuw uitgeven' voor een nieuwe sleutel. "
    "Ziet u die knop niet? Dan hebt u de aanvraag zelf goedgekeurd en geeft een collega de sleutel uit."
)


@bp.get("/brieven")
@access.allow(Role.RELATIEBEHEERDER)
def index() -> ResponseReturnValue:
    """Show the letters that wait to be printed or posted, and those on their way."""
    return render_template("issuance/letters.html", rows=queries.letters_underway(), words=LETTER)


@bp.get(_LETTER)
@access.allow(Role.RELATIEBEHEERDER)
def show(letter_id: UUID) -> ResponseReturnValue:
    """Show where a letter stands and what can be done with it; never what it says."""
    letter, issuance = _found(letter_id)
    return render_template(
        "issuance/letter.html",
        letter=letter,
        words=LETTER,
        issuance=issuance,
        over=issuance.ended_at is not None,
        late=clock.now() >= issuance.deadline,
        mine=letter.maker == access.person(),
        names=names((letter.opened_by, letter.posted_by)),
        breadcrumbs=_breadcrumbs(letter),
    )


@bp.post(f"{_LETTER}/openen")
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def open_letter(letter_id: UUID) -> ResponseReturnValue:
    """Hand the letter to who prints it, this once."""
    pdf = letters.open_letter(access.actor(), letter_id)
    # Shown, not saved: no copy stays behind in a folder.
    return Response(pdf, mimetype="application/pdf", headers={"Content-Disposition": 'inline; filename="brief.pdf"'})


@bp.post(f"{_LETTER}/gepost")
@access.allow(Role.RELATIEBEHEERDER)
def post(letter_id: UUID) -> ResponseReturnValue:
    """Note that the letter went to the post."""
    letters.mark_posted(access.actor(), letter_id)
    flash("De brief is gepost. Beide contactpersonen horen dit.", "gelukt")
    return redirect(url_for("issuance.letters.index"), 303)


@bp.route(f"{_LETTER}/<any(mislukt, retour):how>", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def fail(letter_id: UUID, how: str) -> ResponseReturnValue:
    """Ask what went wrong, and end the delivery."""
    form = LetterForm()
    if form.validate_on_submit():
        aanvraag_id = letters.fail(access.actor(), letter_id, _FAILURES[how], form.reden.data or "")
        flash(_REVOKED, "gelukt")
        return redirect(url_for("front.dossier", aanvraag_id=aanvraag_id), 303)
    letter, issuance = _found(letter_id)
    label = "Print is mislukt" if how == "mislukt" else "Brief kwam terug"
    crumbs = [*_breadcrumbs(letter), (label, request.path)]
    values = {"form": form, "form_errors": form.errors, "label": label, "breadcrumbs": crumbs}
    page = render_template("issuance/letter_failed.html", letter=letter, issuance=issuance, **values)
    return page, 422 if form.errors else 200


def _found(letter_id: UUID) -> tuple[Letter, Issuance]:
    letter = queries.letter(letter_id)
    if letter is None:
        raise NotFound("letter")
    return letter, queries.issuance_for(access.actor(), letter.subject)


def _breadcrumbs(letter: Letter) -> list[tuple[str, str]]:
    return [
        ("Brieven", url_for("issuance.letters.index")),
        (letter.number, url_for("issuance.letters.show", letter_id=letter.id)),
    ]
