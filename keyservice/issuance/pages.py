"""What the pages of acts on a key share."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug import Response

from keyservice.aanvragen.models import Aanvraag
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.web import access
from keyservice.web.forms import Form


def page(name: str, label: str, aanvraag: Aanvraag, form: Form | None = None, **values: object) -> ResponseReturnValue:
    """Return the page of an act, with what is wrong with its form."""
    errors, back_url = form.errors if form else {}, dossier_url(aanvraag.id)
    duo = access.actor().has(Role.RELATIEBEHEERDER)
    first = ("Werkvoorraad", url_for("front.worklist")) if duo else ("Aanvragen", url_for("aanvragen.index"))
    page = render_template(
        f"issuance/{name}.html",
        aanvraag=aanvraag,
        form=form,
        form_errors=errors,
        back_url=back_url,
        now=clock.now(),
        breadcrumbs=[first, (aanvraag.number or "", back_url), (label, request.path)],
        **values,
    )
    return page, 422 if errors else 200


def dossier_url(aanvraag_id: UUID) -> str:
    """Return the page of an aanvraag for this reader."""
    duo = access.actor().has(Role.RELATIEBEHEERDER)
    return url_for("front.dossier" if duo else "front.status", aanvraag_id=aanvraag_id)


def done(aanvraag_id: UUID, text: str) -> Response:
    """Return to the page of an aanvraag, and say what was done."""
    flash(text, "gelukt")
    return redirect(dossier_url(aanvraag_id), 303)
