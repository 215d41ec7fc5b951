"""The public pages for a password contact: "Ja, ik ontvang het wachtwoord", with number and code from the sms."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from keyservice.contacts import messages, service
from keyservice.contacts.forms import ConfirmForm, NewCodeForm
from keyservice.kernel.errors import Invalid
from keyservice.web import access

bp = Blueprint("contacts", __name__)
NEW_CODE = "nieuwe-code"
# The same for every reason: the page must not tell which numbers exist.
WRONG = "Z-nummer of code klopt niet, of de code is verlopen"


@bp.route(messages.CONFIRM_PATH, methods=["GET", "POST"])
@access.public
def confirm() -> ResponseReturnValue:
    """Take the confirmation; the second button sends a new code."""
    if request.form.get("actie") == NEW_CODE:
        return _new_code()
    form = ConfirmForm()
    if form.validate_on_submit():
        try:
            service.confirm_by_code(access.actor(), form.nummer.data or "", form.code.data or "")
        except Invalid:
            form.code.errors = [WRONG]
        else:
            return redirect(url_for("contacts.confirmed"), 303)
    return _page(form)


def _new_code() -> ResponseReturnValue:
    form = NewCodeForm()
    if not form.validate():
        return _page(form)
    service.request_new_code(access.actor(), form.nummer.data or "")
    flash("Wij sturen een nieuwe sms als dit Z-nummer bij ons op een bevestiging wacht.", "gelukt")
    return redirect(url_for("contacts.confirm"), 303)


def _page(form: NewCodeForm) -> ResponseReturnValue:
    page = render_template("contacts/confirm.html", form=form, form_errors=form.errors)
    return page, 422 if form.errors else 200


@bp.get(f"{messages.CONFIRM_PATH}/gelukt")
@access.public
def confirmed() -> ResponseReturnValue:
    """Say what happens next."""
    return render_template("contacts/confirmed.html")
