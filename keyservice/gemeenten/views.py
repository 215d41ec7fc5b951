"""Pages of the register: every gemeente, and the number and address at which DUO reaches it."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from keyservice.gemeenten import queries, service
from keyservice.gemeenten.forms import AddressForm, PhoneForm, SearchForm
from keyservice.gemeenten.models import Gemeente
from keyservice.gemeenten.phones import show_phone
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import NotFound
from keyservice.web import access

bp = Blueprint("gemeenten", __name__)


@bp.get("/gemeenten")
@access.allow(Role.BEHEERDER, Role.RELATIEBEHEERDER, Role.AUDITOR)
def index() -> ResponseReturnValue:
    """Show the gemeenten, searched by name or code."""
    form = SearchForm(request.args)
    valid = form.validate()
    found = queries.search(form.zoek.data or "") if valid else []
    return render_template(
        "gemeenten/index.html",
        form=form,
        form_errors=form.errors,
        gemeenten=found,
        successors=queries.names(row.successor_code for row in found if row.successor_code),
        today=clock.local_date(clock.now()),
        show_phone=show_phone,
        may_change=access.actor().has(Role.BEHEERDER),
    ), 200 if valid else 422


@bp.route("/gemeenten/<code>/telefoon", methods=["GET", "POST"])
@access.allow(Role.BEHEERDER, step_up=True)
def phone(code: str) -> ResponseReturnValue:
    """Change the registered number of a gemeente."""
    gemeente = _known(code)
    form = PhoneForm(telefoon=show_phone(gemeente.phone) if gemeente.phone else "")
    if form.validate_on_submit():
        service.set_phone(access.actor(), code, str(form.telefoon.data))
        flash(f"Het telefoonnummer van {gemeente.name} is opgeslagen.", "gelukt")
        return redirect(url_for("gemeenten.index", zoek=code), 303)
    page = render_template("gemeenten/phone.html", form=form, form_errors=form.errors, gemeente=gemeente)
    return page, 422 if form.errors else 200


@bp.route("/gemeenten/<code>/adres", methods=["GET", "POST"])
@access.allow(Role.BEHEERDER, step_up=True)
def address(code: str) -> ResponseReturnValue:
    """Change the registered postal address of a gemeente."""
    gemeente = _known(code)
    form = AddressForm(adres=gemeente.address_line, postcode=gemeente.postcode, plaats=gemeente.town)
    if form.validate_on_submit():
        line, postcode, town = (str(field.data) for field in (form.adres, form.postcode, form.plaats))
        service.set_address(access.actor(), code, address_line=line, postcode=postcode, town=town)
        flash(f"Het postadres van {gemeente.name} is opgeslagen.", "gelukt")
        return redirect(url_for("gemeenten.index", zoek=code), 303)
    page = render_template("gemeenten/address.html", form=form, form_errors=form.errors, gemeente=gemeente)
    return page, 422 if form.errors else 200


def _known(code: str) -> Gemeente:
    gemeente = queries.gemeente(code)
    if gemeente is None:
        raise NotFound("gemeente")
    return gemeente
