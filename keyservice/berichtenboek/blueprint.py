"""The blueprint of the berichtenboek; the modules with its pages hang their routes into it."""

from flask import Blueprint

from keyservice.berichtenboek.words import STATUS
from keyservice.berichtenboek.workflow import Status, Step, possible

bp = Blueprint("berichtenboek", __name__)


@bp.context_processor
def _words() -> dict[str, object]:
    return {"statuses": STATUS, "Status": Status, "Step": Step, "possible": possible}
