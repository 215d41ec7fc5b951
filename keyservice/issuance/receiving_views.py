"""The pages for contacts who log in: the zip to download, the password that shows once, and "dit was ik niet"."""

from base64 import b64encode
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from keyservice.contacts.models import Part
from keyservice.issuance import messages, queries, receiving
from keyservice.issuance.blueprint import bp
from keyservice.issuance.models import Issuance
from keyservice.kernel.actor import GEMEENTE_ROLES
from keyservice.web import access

_ISSUANCE = "/uitgiften/<uuid:issuance_id>"


@bp.get(f"{_ISSUANCE}/zipbestand")
@access.allow(*GEMEENTE_ROLES)
def zip_page(issuance_id: UUID) -> ResponseReturnValue:
    """Show the key contact that the zip is there, when it was downloaded, and what comes next."""
    issuance = queries.for_recipient(access.actor(), issuance_id, Part.KEY)
    return _zip_page(issuance)


@bp.post(f"{_ISSUANCE}/zipbestand")
@access.allow(*GEMEENTE_ROLES, step_up=True)
def fetch_zip(issuance_id: UUID) -> ResponseReturnValue:
    """Hand the zip to the key contact, on a page that also says what comes next: a bare file would leave him behind."""
    data = receiving.fetch_zip(access.actor(), issuance_id)
    issuance = queries.for_recipient(access.actor(), issuance_id, Part.KEY)
    return _zip_page(issuance, f"data:application/zip;base64,{b64encode(data).decode()}")


@bp.post(f"{_ISSUANCE}/ontvangst")
@access.allow(*GEMEENTE_ROLES)
def report_receipt(issuance_id: UUID) -> ResponseReturnValue:
    """Note that the downloaded zip is there."""
    receiving.report_receipt(access.actor(), issuance_id)
    flash("Dank u. Uw collega krijgt nu het wachtwoord.", "gelukt")
    return redirect(url_for("issuance.zip_page", issuance_id=issuance_id), 303)


@bp.get(f"{_ISSUANCE}/wachtwoord")
@access.allow(*GEMEENTE_ROLES)
def password_page(issuance_id: UUID) -> ResponseReturnValue:
    """Show the password contact whether the password is there, or when it was looked at."""
    return _password_page(queries.for_recipient(access.actor(), issuance_id, Part.PASSWORD))


@bp.post(f"{_ISSUANCE}/wachtwoord")
@access.allow(*GEMEENTE_ROLES, step_up=True)
def show_password(issuance_id: UUID) -> ResponseReturnValue:
    """Show the password, this once."""
    password = receiving.show_password(access.actor(), issuance_id)
    issuance = queries.for_recipient(access.actor(), issuance_id, Part.PASSWORD)
    return _password_page(issuance, password.reveal())


@bp.post(f"{_ISSUANCE}/<any(zipbestand, wachtwoord):what>/dit-was-ik-niet")
@access.allow(*GEMEENTE_ROLES)
def disown(issuance_id: UUID, what: str) -> ResponseReturnValue:
    """End the key at once. It only takes, so it asks for no fresh factor."""
    part = Part.KEY if what == "zipbestand" else Part.PASSWORD
    receiving.disown(access.actor(), issuance_id, part)
    flash("De sleutel is ingetrokken. Uw relatiebeheerder en uw collega zien dit.", "gelukt")
    page = "issuance.zip_page" if part is Part.KEY else "issuance.password_page"
    return redirect(url_for(page, issuance_id=issuance_id), 303)


def _zip_page(issuance: Issuance, file: str | None = None) -> str:
    return render_template(
        "issuance/zip.html",
        issuance=issuance,
        file=file,
        file_name=messages.ZIP_NAME,
        by_letter=messages.by_letter(issuance),
    )


def _password_page(issuance: Issuance, password: str | None = None) -> str:
    return render_template("issuance/password.html", issuance=issuance, password=password)
