"""The pages of the handing over: issue and what DUO does afterwards, the receipt page, and activation."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug import Response

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import aanvraag_for
from keyservice.gemeenten.phones import show_phone
from keyservice.gemeenten.queries import gemeente
from keyservice.issuance import leak_views, letter_views, queries, receiving_views, service
from keyservice.issuance.blueprint import bp
from keyservice.issuance.eligibility import issuable, reissuable, renewable
from keyservice.issuance.forms import ActivateForm, CancelForm, ReleaseForm
from keyservice.issuance.messages import by_letter
from keyservice.issuance.models import Issuance
from keyservice.issuance.recipients import recipients
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import Conflict, Invalid, NotFound
from keyservice.kernel.secret import Secret
from keyservice.outbox.service import retry
from keyservice.web import access
from keyservice.web.forms import Form

# Importing these modules hangs their pages into the one blueprint.
__all__ = ["bp", "leak_views", "receiving_views"]
bp.register_blueprint(letter_views.bp)
_RETRIED = (
    "Het systeem verstuurt het bericht zo opnieuw. Lukt dat niet, dan probeert het systeem het nog 4 dagen. "
    "Daarna staat het bericht weer bij 'Mislukte berichten'."
)
_WRONG_CODE = "Deze activatiecode klopt niet. U kunt het nog {left} keer proberen."
_LAST_WRONG_CODE = "Deze activatiecode klopt niet. U kunt het over 15 minuten opnieuw proberen."


@bp.route("/dossiers/<uuid:aanvraag_id>/uitgeven", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def issue(aanvraag_id: UUID) -> ResponseReturnValue:
    """Ask once more, and make the key."""
    if Form().validate_on_submit():
        service.issue(access.actor(), aanvraag_id)
        return _done(aanvraag_id, "De sleutel is uitgegeven. Het zipbestand is onderweg.")
    aanvraag, approval = issuable(access.actor(), aanvraag_id)
    return _page("issue", "Sleutel uitgeven", aanvraag, to=recipients(approval.snapshot), again=False, renews=None)


@bp.route("/dossiers/<uuid:aanvraag_id>/opnieuw-uitgeven", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def reissue(aanvraag_id: UUID) -> ResponseReturnValue:
    """Ask once more, and make a new key after a delivery that stopped."""
    if Form().validate_on_submit():
        service.reissue(access.actor(), aanvraag_id)
        return _done(aanvraag_id, "De nieuwe sleutel is uitgegeven. Het zipbestand is onderweg.")
    aanvraag, approval = reissuable(access.actor(), aanvraag_id)
    return _page(
        "issue", "Nieuwe sleutel uitgeven", aanvraag, to=recipients(approval.snapshot), again=True, renews=None
    )


@bp.route("/dossiers/<uuid:aanvraag_id>/vernieuwen", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def renew(aanvraag_id: UUID) -> ResponseReturnValue:
    """Ask once more, and make a new key to follow the one that works."""
    if Form().validate_on_submit():
        service.renew(access.actor(), aanvraag_id)
        return _done(aanvraag_id, "De nieuwe sleutel is uitgegeven. De oude sleutel blijft nu nog werken.")
    found = renewable(access.actor(), aanvraag_id)
    to = recipients(found.approval.snapshot)
    return _page("issue", "Sleutel vernieuwen", found.aanvraag, to=to, again=False, renews=found.sleutel)


@bp.post("/uitgiften/<uuid:issuance_id>/opnieuw-versturen")
@access.allow(Role.RELATIEBEHEERDER)
def resend(issuance_id: UUID) -> ResponseReturnValue:
    """Send the same zip to the same contact again."""
    service.resend_zip(access.actor(), issuance_id)
    return _done(_aanvraag_of(issuance_id), "Hetzelfde zipbestand is opnieuw onderweg.")


@bp.route("/uitgiften/<uuid:issuance_id>/vrijgeven", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def release(issuance_id: UUID) -> ResponseReturnValue:
    """Ask who was called and why, and send the password without a receipt."""
    form = ReleaseForm()
    if form.validate_on_submit():
        service.release(access.actor(), issuance_id, form.nummer.data or "", form.reden.data or "")
        return _done(_aanvraag_of(issuance_id), "Het wachtwoord is vrijgegeven. Beide contactpersonen horen dit.")
    issuance = _open(issuance_id)
    registered = gemeente(issuance.aanvraag.gemeente)
    if registered is None or registered.phone is None:
        raise Conflict("no-registered-number")
    form.nummer.data = registered.phone
    told = {"phone": show_phone(registered.phone), "by_letter": by_letter(issuance)}
    return _page("release", "Wachtwoord vrijgeven", issuance.aanvraag, form, **told)


@bp.route("/uitgiften/<uuid:issuance_id>/annuleren", methods=["GET", "POST"])
@access.allow(Role.AANVRAGER, Role.RELATIEBEHEERDER, step_up=True)
def cancel(issuance_id: UUID) -> ResponseReturnValue:
    """Ask why, and stop the delivery."""
    form = CancelForm()
    if form.validate_on_submit():
        service.cancel(access.actor(), issuance_id, form.reden.data or "")
        return _done(_aanvraag_of(issuance_id), "De levering is geannuleerd. De sleutel is ingetrokken.")
    issuance = _open(issuance_id)
    return _page("cancel", "Levering annuleren", issuance.aanvraag, form, sleutel=issuance.sleutel)


@bp.route("/aanvragen/<uuid:aanvraag_id>/activeren", methods=["GET", "POST"])
@access.allow(Role.AANVRAGER, Role.GEMEENTEBEHEERDER, step_up=True)
def activate(aanvraag_id: UUID) -> ResponseReturnValue:
    """Ask for the code from the zip, and wake the key."""
    aanvraag = aanvraag_for(access.actor(), aanvraag_id)
    issuance = queries.underway(aanvraag_id)
    if issuance is None:
        raise Conflict("issuance-ended")
    form = ActivateForm()
    if form.validate_on_submit() and _activated(form, issuance.id):
        return _done(aanvraag_id, "De sleutel is geactiveerd. De koppeling werkt nu.")
    return _page("activate", "Sleutel activeren", aanvraag, form, deadline=issuance.deadline)


@bp.route("/ontvangst/<token>", methods=["GET", "POST"])
@access.public
def receipt(token: str) -> ResponseReturnValue:
    """Show the button of the key contact, who needs no account; every link that does not work gives the same page."""
    form = Form()
    if form.validate_on_submit():
        service.confirm_receipt(access.actor(), Secret(token))
        return redirect(request.path, 303)
    issuance = queries.by_receipt_token(Secret(token))
    if issuance is None:
        raise NotFound("receipt")
    return render_template(
        "issuance/receipt.html", form=form, received=issuance.received_at is not None, by_letter=by_letter(issuance)
    )


@bp.post("/berichten/<uuid:message_id>/opnieuw")
@access.allow(Role.RELATIEBEHEERDER)
def retry_message(message_id: UUID) -> ResponseReturnValue:
    """Send a message again that could not be sent."""
    retry(message_id, access.actor())
    flash(_RETRIED, "gelukt")
    return redirect(url_for("front.messages"), 303)


def _activated(form: ActivateForm, issuance_id: UUID) -> bool:
    try:
        service.activate(access.actor(), issuance_id, form.activatiecode.data or "")
    except Invalid as error:
        left = error.data.get("left")
        form.activatiecode.errors = [_WRONG_CODE.format(left=left) if left else _LAST_WRONG_CODE]
        form.activatiecode.data = ""
        return False
    return True


def _page(name: str, label: str, aanvraag: Aanvraag, form: Form | None = None, **values: object) -> ResponseReturnValue:
    errors, back_url = form.errors if form else {}, _dossier(aanvraag.id)
    duo = access.actor().has(Role.RELATIEBEHEERDER)
    first = ("Werkvoorraad", url_for("front.worklist")) if duo else ("Aanvragen", url_for("aanvragen.index"))
    page = render_template(
        f"issuance/{name}.html",
        aanvraag=aanvraag,
        form=form,
        form_errors=errors,
        back_url=back_url,
        breadcrumbs=[first, (aanvraag.number or "", back_url), (label, request.path)],
        **values,
    )
    return page, 422 if errors else 200


def _open(issuance_id: UUID) -> Issuance:
    """Return an issuance for the page of an act. Raises NotFound, or Conflict when it has ended."""
    issuance = queries.issuance_for(access.actor(), issuance_id)
    if issuance.ended_at is not None:
        raise Conflict("issuance-ended", back=_dossier(issuance.aanvraag_id))
    return issuance


def _aanvraag_of(issuance_id: UUID) -> UUID:
    return queries.issuance_for(access.actor(), issuance_id).aanvraag_id


def _dossier(aanvraag_id: UUID) -> str:
    duo = access.actor().has(Role.RELATIEBEHEERDER)
    return url_for("front.dossier" if duo else "front.status", aanvraag_id=aanvraag_id)


def _done(aanvraag_id: UUID, text: str) -> Response:
    flash(text, "gelukt")
    return redirect(_dossier(aanvraag_id), 303)
