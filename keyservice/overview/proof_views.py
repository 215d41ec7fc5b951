"""What proves our words to others: the dossier bundle, and the public page that checks a control line."""

import re
from uuid import UUID

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from keyservice.audit import proofs, sealer
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import NotFound
from keyservice.overview import bundle
from keyservice.overview.blueprint import bp
from keyservice.overview.forms import ControlForm
from keyservice.web import access


@bp.post("/dossiers/<uuid:aanvraag_id>/downloaden")
@access.allow(Role.AANVRAGER, Role.GEMEENTEBEHEERDER, Role.AUDITOR)
def take_bundle(aanvraag_id: UUID) -> ResponseReturnValue:
    """Hand out the bundle of a dossier."""
    name, data = bundle.take(access.actor(), aanvraag_id)
    return _file(data, "application/zip", name)


@bp.get(bundle.CONTROL_PATH)
@access.public
def control() -> ResponseReturnValue:
    """Tell whether a control line is one of ours."""
    form = ControlForm(request.args)
    asked = "regel" in request.args and form.validate()
    body = render_template(
        "overview/control.html",
        form=form,
        form_errors=form.errors,
        asked=asked,
        point=proofs.confirmed(form.regel.data or "") if asked else None,
        keys=bundle.public_keys().splitlines(),
    )
    return body, 422 if form.errors else 200


@bp.get(f"{bundle.CONTROL_PATH}/controlepunt")
@access.public
def checkpoint() -> ResponseReturnValue:
    """Return the newest checkpoint, for who wants to keep it."""
    newest = sealer.newest()
    if newest is None:
        raise NotFound("page")
    return Response(newest.text, mimetype="text/plain")


@bp.get(f"{bundle.CONTROL_PATH}/bewijs")
@access.public
def proof() -> ResponseReturnValue:
    """Return what proves that the log of a later checkpoint only added to that of an earlier one."""
    return _file(bundle.extension(_size("van"), _size("tot")), "application/json", "bewijs.jsonl")


@bp.get(f"{bundle.CONTROL_PATH}/sleutels")
@access.public
def keys() -> ResponseReturnValue:
    """Return the public keys that belong to the checkpoints."""
    return Response(bundle.public_keys(), mimetype="text/plain")


@bp.get(f"{bundle.CONTROL_PATH}/verify.py")
@access.public
def verifier() -> ResponseReturnValue:
    """Return the program that checks a bundle, to who got his bundle from another."""
    return _file(bundle.VERIFIER, "text/x-python", "verify.py")


def _size(name: str) -> int:
    """Return the size of a checkpoint from the address; a database holds no number of more than 18 digits."""
    text = request.args.get(name, "")
    if not re.fullmatch("[1-9][0-9]{0,17}", text):
        raise NotFound("page")
    return int(text)


def _file(data: bytes, kind: str, name: str) -> Response:
    return Response(data, mimetype=kind, headers={"Content-Disposition": f"attachment; filename={name}"})
