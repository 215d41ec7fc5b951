"""The words for the states of a copy, with the tone of their badge; and what the front page of a gemeente says."""

from collections.abc import Mapping
from types import MappingProxyType

from keyservice.berichtenboek.editions import CURRENT
from keyservice.berichtenboek.models import Copy
from keyservice.berichtenboek.workflow import Status

STATUS: Mapping[Status, tuple[str, str]] = MappingProxyType(
    {
        Status.ASKED: ("Aangevraagd", "neutral"),
        Status.HELD: ("Uitgereikt", "success"),
        Status.REFUSED: ("Geweigerd", "error"),
        Status.WITHDRAWN: ("Ingetrokken", "inactive"),
        Status.LAPSED: ("Vervallen", "inactive"),
        Status.ENDED: ("Gestopt", "inactive"),
    }
)


def standing(own: Copy | None) -> str:
    """Return how it stands with the copy of a gemeente itself, as one sentence."""
    if own is None:
        return "Uw gemeente heeft het nog niet. U kunt het aanvragen."
    if own.status is Status.ASKED:
        return "Uw aanvraag wacht op uw relatiebeheerder."
    if own.opened_version == CURRENT.number:
        return f"Uw gemeente heeft de nieuwste versie: versie {CURRENT.number}."
    return f"Versie {CURRENT.number} staat voor u klaar."
