"""The pages of the handing over: issue and what DUO does afterwards, the receipt page, and activation."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.aanvragen.queries import aanvraag_for
from keyservice.gemeenten.phones import show_phone
from keyservice.gemeenten.queries import gemeente, starts_at
from keyservice.issuance import (
    key_views,
    leak_views,
    letter_views,
    queries,
    receiving_views,
    service,
    steps,
    succession_views,
)
from keyservice.issuance.blueprint import bp
from keyservice.issuance.eligibility import issuable, reissuable, renewable
from keyservice.issuance.forms import ActivateForm, CancelForm, IssueForm, ReleaseForm
from keyservice.issuance.messages import by_letter
from keyservice.issuance.models import Issuance
from keyservice.issuance.pages import done, dossier_url, page
from keyservice.issuance.recipients import recipients
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import Conflict, Invalid, NotFound
from keyservice.kernel.secret import Secret
from keyservice.outbox.service import retry
from keyservice.sleutels.models import Sleutel
from keyservice.web import access
from keyservice.web.forms import Form

# Importing these modules hangs their pages into the one blueprint.
__all__ = ["bp", "key_views", "leak_views", "receiving_views"]
bp.register_blueprint(letter_views.bp)
bp.register_blueprint(succession_views.bp)
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
    form = IssueForm()
    if form.validate_on_submit():
        service.issue(access.actor(), aanvraag_id, form.days)
        return done(aanvraag_id, "De sleutel is uitgegeven. Het zipbestand is onderweg.")
    aanvraag, approval = issuable(access.actor(), aanvraag_id)
    return _issue_page("Sleutel uitgeven", aanvraag, approval, form, queries.followed(aanvraag))


@bp.route("/dossiers/<uuid:aanvraag_id>/opnieuw-uitgeven", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def reissue(aanvraag_id: UUID) -> ResponseReturnValue:
    """Ask once more, and make a new key after a delivery that stopped."""
    form = IssueForm()
    if form.validate_on_submit():
        service.reissue(access.actor(), aanvraag_id, form.days)
        return done(aanvraag_id, "De nieuwe sleutel is uitgegeven. Het zipbestand is onderweg.")
    aanvraag, approval = reissuable(access.actor(), aanvraag_id)
    return _issue_page("Nieuwe sleutel uitgeven", aanvraag, approval, form, queries.followed(aanvraag), again=True)


@bp.route("/dossiers/<uuid:aanvraag_id>/vernieuwen", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def renew(aanvraag_id: UUID) -> ResponseReturnValue:
    """Ask once more, and make a new key to follow the one that works."""
    form = IssueForm()
    if form.validate_on_submit():
        service.renew(access.actor(), aanvraag_id, form.days)
        return done(aanvraag_id, "De nieuwe sleutel is uitgegeven. De oude sleutel blijft nu nog werken.")
    found = renewable(access.actor(), aanvraag_id)
    return _issue_page("Sleutel vernieuwen", found.aanvraag, found.approval, form, found.sleutel)


@bp.post("/uitgiften/<uuid:issuance_id>/opnieuw-versturen")
@access.allow(Role.RELATIEBEHEERDER)
def resend(issuance_id: UUID) -> ResponseReturnValue:
    """Send the same zip to the same contact again."""
    service.resend_zip(access.actor(), issuance_id)
    return done(_aanvraag_of(issuance_id), "Hetzelfde zipbestand is opnieuw onderweg.")


@bp.route("/uitgiften/<uuid:issuance_id>/vrijgeven", methods=["GET", "POST"])
@access.allow(Role.RELATIEBEHEERDER, step_up=True)
def release(issuance_id: UUID) -> ResponseReturnValue:
    """Ask who was called and why, and send the password without a receipt."""
    form = ReleaseForm()
    if form.validate_on_submit():
        service.release(access.actor(), issuance_id, form.nummer.data or "", form.reden.data or "")
        return done(_aanvraag_of(issuance_id), "Het wachtwoord is vrijgegeven. Beide contactpersonen horen dit.")
    issuance = _open(issuance_id)
    registered = gemeente(issuance.aanvraag.gemeente)
    if registered is None or registered.phone is None:
        raise Conflict("no-registered-number")
    form.nummer.data = registered.phone
    told = {"phone": show_phone(registered.phone), "by_letter": by_letter(issuance)}
    return page("release", "Wachtwoord vrijgeven", issuance.aanvraag, form, **told)


@bp.route("/uitgiften/<uuid:issuance_id>/annuleren", methods=["GET", "POST"])
@access.allow(Role.AANVRAGER, Role.RELATIEBEHEERDER, step_up=True)
def cancel(issuance_id: UUID) -> ResponseReturnValue:
    """Ask why, and stop the delivery."""
    form = CancelForm()
    if form.validate_on_submit():
        service.cancel(access.actor(), issuance_id, form.reden.data or "")
        return done(_aanvraag_of(issuance_id), "De levering is geannuleerd. De sleutel is ingetrokken.")
    issuance = _open(issuance_id)
    return page("cancel", "Levering annuleren", issuance.aanvraag, form, sleutel=issuance.sleutel)


@bp.route("/aanvragen/<uuid:aanvraag_id>/activeren", methods=["GET", "POST"])
@access.allow(Role.AANVRAGER, Role.GEMEENTEBEHEERDER, step_up=True)
def activate(aanvraag_id: UUID) -> ResponseReturnValue:
    """Ask for the code from the zip, and wake the key."""
    aanvraag = aanvraag_for(access.actor(), aanvraag_id)
    issuance = next(reversed(queries.of_aanvraag(aanvraag_id)), None)
    if issuance is None or issuance.ended_at is not None:
        raise steps.ended(issuance)
    form = ActivateForm()
    if form.validate_on_submit() and _activated(form, issuance.id):
        return done(aanvraag_id, "De sleutel is geactiveerd. De koppeling werkt nu.")
    return page("activate", "Sleutel activeren", aanvraag, form, deadline=issuance.deadline)


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


def _issue_page(
    label: str, aanvraag: Aanvraag, approval: Approval, form: IssueForm, old: Sleutel | None, *, again: bool = False
) -> ResponseReturnValue:
    to, starts = recipients(approval.snapshot), starts_at(aanvraag.gemeente)
    return page("issue", label, aanvraag, form, to=to, again=again, old=old, starts=starts)


def _open(issuance_id: UUID) -> Issuance:
    """Return an issuance for the page of an act. Raises NotFound, or Conflict when it has ended."""
    issuance = queries.issuance_for(access.actor(), issuance_id)
    if issuance.ended_at is not None:
        raise Conflict("issuance-ended", back=dossier_url(issuance.aanvraag_id))
    return issuance


def _aanvraag_of(issuance_id: UUID) -> UUID:
    return queries.issuance_for(access.actor(), issuance_id).aanvraag_id
