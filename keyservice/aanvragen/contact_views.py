"""The pages about the contacts of an aanvraag: what is proven, the codes, and vouching."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug import Response

from keyservice.aanvragen import contact_use, words
from keyservice.aanvragen.blueprint import bp
from keyservice.aanvragen.contact_forms import CallForm, LetterCallForm, PracticeForm, VouchForm
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import aanvraag_for, aanvraag_of_contact
from keyservice.accounts.queries import holders, names
from keyservice.contacts import by_login, service, vouching
from keyservice.contacts.models import Contact, Via
from keyservice.contacts.queries import obstacle, practice_password, proven
from keyservice.gemeenten.phones import show_phone
from keyservice.kernel import clock
from keyservice.kernel.actor import GEMEENTE_ROLES, Role
from keyservice.kernel.errors import Invalid
from keyservice.kernel.secret import Secret
from keyservice.web import access
from keyservice.web.forms import Form

_CONTACTS = "/aanvragen/<uuid:aanvraag_id>/contactpersonen"
_CONTACT = f"{_CONTACTS}/<uuid:contact_id>"
_GEMEENTE = (Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
_WRONG_CODE = "Deze code klopt niet. U kunt het nog {left} keer proberen"
_NO_TRIES_LEFT = "Deze code klopt niet. U hebt het 5 keer geprobeerd. Stuur een nieuw oefenbestand."


@bp.get(_CONTACTS)
@access.allow(*_GEMEENTE)
def contacts(aanvraag_id: UUID) -> ResponseReturnValue:
    """Show what is proven of the contacts, what still lacks, and what to do about it."""
    aanvraag = aanvraag_for(access.actor(), aanvraag_id)
    return render_template(
        "aanvragen/contacts.html",
        aanvraag=aanvraag,
        view=contact_use.read(access.actor(), aanvraag),
        show_phone=show_phone,
        via=words.VIA,
        beheerders=_beheerders(),
        breadcrumbs=_breadcrumbs(aanvraag),
    )


def _beheerders() -> list[str]:
    """Return whom somebody may ask to vouch: never himself."""
    actor = access.actor()
    return [one.name for one in holders(Role.GEMEENTEBEHEERDER, actor.gemeente) if one.id != actor.person]


@bp.post(f"{_CONTACT}/oefenzip")
@access.allow(*_GEMEENTE)
def send_practice(aanvraag_id: UUID, contact_id: UUID) -> ResponseReturnValue:
    """Mail a practice zip to the key contact, and go to the page with its password."""
    contact_use.to_prove(access.actor(), aanvraag_id, contact_id)
    service.send_practice_zip(access.actor(), contact_id, aanvraag_id)
    flash("Wij sturen het oefenbestand. De mail komt binnen enkele minuten aan.", "gelukt")
    return redirect(url_for("aanvragen.practice", aanvraag_id=aanvraag_id, contact_id=contact_id), 303)


@bp.route(f"{_CONTACT}/oefenzip-code", methods=["GET", "POST"])
@access.allow(*_GEMEENTE)
def practice(aanvraag_id: UUID, contact_id: UUID) -> ResponseReturnValue:
    """Show the password of the practice zip and take the code that lies inside."""
    aanvraag, contact = contact_use.to_prove(access.actor(), aanvraag_id, contact_id)
    form = PracticeForm()
    if form.validate_on_submit() and _proven(aanvraag, contact, form):
        return _to_contacts(aanvraag_id, "Het e-mailadres is bewezen.")
    password = practice_password(contact_id)
    if password is None:
        return _to_contacts(aanvraag_id, *((_NO_TRIES_LEFT, "fout") if form.errors else ()))
    return _practice_page(aanvraag, contact, form, password), 422 if form.errors else 200


def _proven(aanvraag: Aanvraag, contact: Contact, form: PracticeForm) -> bool:
    try:
        service.prove_mailbox(access.actor(), contact.id, form.code.data or "", aanvraag.id)
    except Invalid as error:
        form.code.errors = [_WRONG_CODE.format(**error.data)]
        return False
    return True


def _practice_page(aanvraag: Aanvraag, contact: Contact, form: PracticeForm, password: Secret) -> str:
    return render_template(
        "aanvragen/contact_practice.html",
        aanvraag=aanvraag,
        contact=contact,
        form=form,
        form_errors=form.errors,
        password=password.reveal(),
        breadcrumbs=_breadcrumbs(aanvraag, "Oefenbestand"),
    )


@bp.post(f"{_CONTACT}/sms")
@access.allow(*_GEMEENTE)
def send_sms(aanvraag_id: UUID, contact_id: UUID) -> ResponseReturnValue:
    """Send a code to the mobile of the password contact."""
    contact_use.to_prove(access.actor(), aanvraag_id, contact_id)
    service.send_sms_code(access.actor(), contact_id, aanvraag_id)
    return _to_contacts(aanvraag_id, "Wij sturen de sms. De code erin werkt 10 minuten.")


@bp.post(f"{_CONTACT}/vragen")
@access.allow(*_GEMEENTE)
def ask_log_in(aanvraag_id: UUID, contact_id: UUID) -> ResponseReturnValue:
    """Mail a contact who gets something by logging in to log in and confirm."""
    contact_use.to_prove(access.actor(), aanvraag_id, contact_id)
    by_login.ask(access.actor(), contact_id, aanvraag_id)
    return _to_contacts(aanvraag_id, "Wij mailen uw collega. De mail komt binnen enkele minuten aan.")


@bp.route(f"{_CONTACT}/dit-ben-ik", methods=["GET", "POST"])
@access.allow(*GEMEENTE_ROLES, step_up=True)
def this_is_me(aanvraag_id: UUID, contact_id: UUID) -> ResponseReturnValue:
    """Let a contact who logged in say that it is him."""
    aanvraag, contact = aanvraag_of_contact(access.actor(), aanvraag_id, contact_id)
    if Form().validate_on_submit():
        contact_use.require_provable(aanvraag)
        by_login.prove(access.actor(), contact_id, aanvraag_id)
        flash("Bedankt. U hebt bevestigd dat u dit bent.", "gelukt")
        return redirect(request.path, 303)
    done = proven(contact, clock.now())
    return render_template("aanvragen/contact_this_is_me.html", aanvraag=aanvraag, contact=contact, done=done)


@bp.route(f"{_CONTACT}/instaan", methods=["GET", "POST"])
@access.allow(Role.GEMEENTEBEHEERDER, step_up=True)
def vouch(aanvraag_id: UUID, contact_id: UUID) -> ResponseReturnValue:
    """Let a gemeentebeheerder vouch for the key contact, or say why this one cannot."""
    aanvraag, contact = contact_use.to_vouch(access.actor(), aanvraag_id, contact_id)
    requesters, form = aanvraag.requesters, VouchForm()
    if form.validate_on_submit():
        vouching.vouch_as_gemeentebeheerder(access.actor(), contact_id, aanvraag_id, requesters, form.seen.data or "")
        return _to_contacts(aanvraag_id, "U staat in voor deze contactpersoon.")
    form.seen.data = contact.fingerprint
    page = render_template(
        "aanvragen/contact_vouch.html",
        aanvraag=aanvraag,
        contact=contact,
        form=form,
        form_errors=form.errors,
        obstacle=obstacle(access.actor(), contact, requesters),
        breadcrumbs=_breadcrumbs(aanvraag, "Instaan"),
    )
    return page, 422 if form.errors else 200


@bp.route("/dossiers/<uuid:aanvraag_id>/contactpersonen/<uuid:contact_id>/instaan", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def vouch_call(aanvraag_id: UUID, contact_id: UUID) -> ResponseReturnValue:
    """Show the registered number, and let a relatiebeheerder who called it vouch for a contact."""
    aanvraag, contact = contact_use.to_vouch(access.actor(), aanvraag_id, contact_id)
    by_letter, other = contact.via is Via.LETTER, contact_use.other_of(aanvraag, contact)
    form = LetterCallForm() if by_letter else CallForm()
    if form.validate_on_submit():
        values = form.nummer.data or "", aanvraag_id, form.seen.data or ""
        vouching.vouch_by_call(access.actor(), contact_id, *values, beside=form.naast.data, confirmed=by_letter)
        flash("U staat in voor deze contactpersoon.", "gelukt")
        return redirect(url_for("front.dossier", aanvraag_id=aanvraag_id), 303)
    form.seen.data, form.nummer.data = contact.fingerprint, contact_use.registered_phone(aanvraag)
    form.naast.data = other.fingerprint if other else ""
    page = render_template(
        "aanvragen/contact_vouch_call.html",
        aanvraag=aanvraag,
        contact=contact,
        form=form,
        by_letter=by_letter,
        form_errors=form.errors,
        other=other,
        requesters=names(aanvraag.requesters).values(),
        show_phone=show_phone,
        breadcrumbs=[
            ("Werkvoorraad", url_for("front.worklist")),
            (aanvraag.number or "", url_for("front.dossier", aanvraag_id=aanvraag_id)),
            ("Bellen en instaan", request.path),
        ],
    )
    return page, 422 if form.errors else 200


def _breadcrumbs(aanvraag: Aanvraag, *more: str) -> list[tuple[str, str]]:
    return [
        ("Aanvragen", url_for("aanvragen.index")),
        (aanvraag.number or "Concept", url_for("front.status", aanvraag_id=aanvraag.id)),
        ("Contactpersonen", url_for("aanvragen.contacts", aanvraag_id=aanvraag.id)),
        *((label, request.path) for label in more),
    ]


def _to_contacts(aanvraag_id: UUID, text: str = "", category: str = "gelukt") -> Response:
    if text:
        flash(text, category)
    return redirect(url_for("aanvragen.contacts", aanvraag_id=aanvraag_id), 303)
