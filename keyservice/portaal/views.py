"""Pages 'Raadplegen en muteren persoon': find somebody, see what is registered, register, correct, withdraw.

A BSN is typed into a form and never stands in an address: a person's page is found by a random number.
"""

from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from keyservice.kernel import clock
from keyservice.portaal import birth, bsn_text, queries, service, words
from keyservice.portaal import export as exporting
from keyservice.portaal.forms import BsnForm, CorrectionForm, NameForm, RegistrationForm, WithdrawForm
from keyservice.portaal.models import Inburgeraar
from keyservice.portaal.rules import Channel
from keyservice.portaal.service import Card
from keyservice.web import access

bp = Blueprint("portaal", __name__, url_prefix="/inburgering")
_TITLE = "Raadplegen en muteren persoon"


@bp.context_processor
def _words() -> dict[str, object]:
    frame = service.frame(Channel.WEB)
    return {"words": words, "today": frame.today, "reasons": frame.reasons}


@bp.get("")
@access.allow(*queries.ROLES)
def index() -> ResponseReturnValue:
    """Ask whom to look for."""
    return _search_page()


@bp.post("/zoeken/bsn")
@access.allow(*queries.ROLES)
def find_by_bsn() -> ResponseReturnValue:
    """Look somebody up by BSN, and go to that page."""
    form = BsnForm()
    if not form.validate_on_submit():
        return _search_page(by_bsn=form)
    found = service.find_by_bsn(access.actor(), bsn_text.parse(str(form.bsn.data)))
    if found:
        return redirect(url_for("portaal.person", inburgeraar_id=found.id), 303)
    form.bsn.data = ""  # a whole number need not stand there when somebody else walks by
    return _search_page(by_bsn=form, found=[])


@bp.post("/zoeken/naam")
@access.allow(*queries.ROLES)
def find_by_name() -> ResponseReturnValue:
    """Look people up by surname and birth date, and show who they are."""
    form = NameForm()
    if not form.validate_on_submit():
        return _search_page(by_name=form)
    found = service.find_by_name(access.actor(), str(form.achternaam.data), birth.parse(form.geboortedatum.data or ""))
    return _search_page(by_name=form, found=list(found))


@bp.get("/<uuid:inburgeraar_id>")
@access.allow(*queries.ROLES)
def person(inburgeraar_id: UUID) -> ResponseReturnValue:
    """Show somebody and everything that is registered; of the BSN three digits."""
    return _person_page(service.view(access.actor(), inburgeraar_id))


@bp.post("/<uuid:inburgeraar_id>/bsn")
@access.allow(*queries.ROLES)
def show_bsn(inburgeraar_id: UUID) -> ResponseReturnValue:
    """Show somebody with the whole BSN, this once."""
    shown = service.show_bsn(access.actor(), inburgeraar_id)
    return _person_page(service.view(access.actor(), inburgeraar_id), shown.reveal())


@bp.post("/<uuid:inburgeraar_id>/gegevens")
@access.allow(*queries.ROLES, step_up=True)
def export(inburgeraar_id: UUID) -> ResponseReturnValue:
    """Give everything that is kept about somebody as a file, for who asks for it (AVG art. 15)."""
    content = exporting.export(access.actor(), inburgeraar_id)
    answer = Response(exporting.pdf(content), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = 'attachment; filename="gegevens-inburgeraar.pdf"'
    return answer


@bp.route("/<uuid:inburgeraar_id>/vastleggen", methods=["GET", "POST"])
@access.allow(*queries.ROLES)
def register(inburgeraar_id: UUID) -> ResponseReturnValue:
    """Ask whether somebody signed, and register it."""
    card = service.view(access.actor(), inburgeraar_id)
    form = RegistrationForm(card.person.wet, service.frame(Channel.WEB), card.seen)
    if form.validate_on_submit():
        service.register(access.actor(), inburgeraar_id, form.facts, seen=form.seen)
        return _done(inburgeraar_id, "De participatieverklaring is vastgelegd.")
    service.require_unsigned(card.current)
    return _form_page("portaal/register.html", card, form, "Verklaring vastleggen")


@bp.route("/<uuid:inburgeraar_id>/verbeteren", methods=["GET", "POST"])
@access.allow(*queries.ROLES)
def correct(inburgeraar_id: UUID) -> ResponseReturnValue:
    """Ask what should be registered instead and why, and register it as a new version."""
    card = service.view(access.actor(), inburgeraar_id)
    facts = card.current.facts if card.current else None
    form = CorrectionForm(card.person.wet, service.frame(Channel.WEB), card.seen, facts)
    if form.validate_on_submit():
        service.correct(access.actor(), inburgeraar_id, form.facts, str(form.uitleg.data), seen=form.seen)
        return _done(inburgeraar_id, "De verbetering is vastgelegd. De eerdere versie blijft bewaard.")
    service.require_registered(card.current)
    return _form_page("portaal/register.html", card, form, "Verbeteren wat is vastgelegd")


@bp.route("/<uuid:inburgeraar_id>/intrekken", methods=["GET", "POST"])
@access.allow(*queries.ROLES)
def withdraw(inburgeraar_id: UUID) -> ResponseReturnValue:
    """Ask why, and take back what is registered."""
    card = service.view(access.actor(), inburgeraar_id)
    form = WithdrawForm(data={"versie": str(card.seen)})
    if form.validate_on_submit():
        service.withdraw(access.actor(), inburgeraar_id, str(form.uitleg.data), seen=form.seen)
        return _done(inburgeraar_id, "De registratie is ingetrokken. Er is nu niets vastgelegd.")
    service.require_registered(card.current)
    return _form_page("portaal/withdraw.html", card, form, "Registratie intrekken?")


def _done(inburgeraar_id: UUID, message: str) -> ResponseReturnValue:
    flash(message, "gelukt")
    return redirect(url_for("portaal.person", inburgeraar_id=inburgeraar_id), 303)


def _search_page(
    *, by_bsn: BsnForm | None = None, by_name: NameForm | None = None, found: list[Inburgeraar] | None = None
) -> ResponseReturnValue:
    errors = (by_bsn.errors if by_bsn else {}) | (by_name.errors if by_name else {})
    page = render_template(
        "portaal/search.html",
        by_bsn=by_bsn or BsnForm(formdata=None),
        by_name=by_name or NameForm(formdata=None),
        found=found,
        form_errors=errors,
        most=queries.MOST_FOUND,
        missing=words.missing_role(access.actor()),
        wetten=sorted(queries.wetten_of(access.actor())),
    )
    return page, 422 if errors else 200


def _person_page(card: Card, bsn: str | None = None) -> ResponseReturnValue:
    return render_template(
        "portaal/person.html",
        card=card,
        bsn=bsn,
        now=clock.now(),
        breadcrumbs=[(_TITLE, url_for("portaal.index")), (card.person.name, request.path)],
    )


def _form_page(template: str, card: Card, form: RegistrationForm | WithdrawForm, title: str) -> ResponseReturnValue:
    back = url_for("portaal.person", inburgeraar_id=card.person.id)
    page = render_template(
        template,
        card=card,
        form=form,
        form_errors=form.errors,
        title=title,
        back_url=back,
        breadcrumbs=[(_TITLE, url_for("portaal.index")), (card.person.name, back), (title, request.path)],
    )
    return page, 422 if form.errors else 200
