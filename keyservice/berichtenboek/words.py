"""The words for the states of a copy, with the tone of their badge."""

from collections.abc import Mapping
from types import MappingProxyType

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
