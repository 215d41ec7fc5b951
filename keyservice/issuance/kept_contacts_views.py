"""The pages about the contacts of a gemeente: who they are, replacing one, and offering one no more."""

from collections.abc import Sequence
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug import Response

from keyservice.aanvragen.words import STATUS
from keyservice.contacts import keeping
from keyservice.issuance import kept_contacts, replacing
from keyservice.issuance.queries import active_keys
from keyservice.issuance.replacing_forms import FORMS
from keyservice.kernel.actor import Role
from keyservice.web import access

bp = Blueprint("contactpersonen", __name__, url_prefix="/contactpersonen")


@bp.context_processor
def _words() -> dict[str, object]:
    return {"statuses": STATUS}


@bp.app_context_processor
def _keys() -> dict[str, object]:
    """Let the pages of a new aanvraag offer to replace a key that works; the slice of the form knows no keys."""
    return {"active_keys": active_keys}


@bp.get("")
@access.allow(Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
def index() -> ResponseReturnValue:
    """Show the contacts of the gemeente acted for, and where each is named."""
    return render_template(
        "issuance/contacts.html",
        entries=kept_contacts.entries(access.actor()),
        may_replace=access.actor().has(Role.GEMEENTEBEHEERDER),
    )


@bp.route("/<uuid:contact_id>/vervangen", methods=["GET", "POST"])
@access.allow(Role.GEMEENTEBEHEERDER, step_up=True)
def replace(contact_id: UUID) -> ResponseReturnValue:
    """Ask who comes in the place of a contact and in which aanvragen, and do it."""
    contact = kept_contacts.contact_here(access.actor(), contact_id)
    found = replacing.targets(contact)
    form = FORMS[contact.part](contact, found)
    if form.validate_on_submit():
        seen = form.seen.data or ""
        return _replaced(replacing.replace_contact(access.actor(), contact_id, *form.person, form.wanted, seen=seen))
    form.seen.data = replacing.fingerprint(contact, found)
    page = render_template(
        "issuance/contact_replace.html",
        contact=contact,
        found=found,
        form=form,
        form_errors=form.errors,
        breadcrumbs=[("Contactpersonen", url_for("contactpersonen.index")), ("Vervangen", request.path)],
    )
    return page, 422 if form.errors else 200


@bp.post("/<uuid:contact_id>/niet-meer-aanbieden")
@access.allow(Role.GEMEENTEBEHEERDER)
def retire(contact_id: UUID) -> ResponseReturnValue:
    """Offer a contact no more for new aanvragen."""
    keeping.retire(access.actor(), contact_id)
    flash("Wij bieden deze persoon niet meer aan in nieuwe aanvragen.", "gelukt")
    return redirect(url_for("contactpersonen.index"), 303)


def _replaced(drafts: Sequence[UUID]) -> Response:
    """Say what happened, and lead to the new aanvraag when there is one."""
    flash("De contactpersoon is vervangen. De nieuwe persoon moet nog worden gecontroleerd.", "gelukt")
    if drafts:
        made = "1 nieuwe aanvraag" if len(drafts) == 1 else f"{len(drafts)} nieuwe aanvragen"
        flash(f"Wij hebben {made} klaargezet. Een aanvrager van uw gemeente maakt die af en verstuurt die.", "info")
    if len(drafts) == 1:
        return redirect(url_for("front.status", aanvraag_id=drafts[0]), 303)
    return redirect(url_for("contactpersonen.index"), 303)
