"""What pages call a letter's state, with the tone of its badge."""

from collections.abc import Mapping
from types import MappingProxyType

from keyservice.outbox.models import LetterStatus

LETTER: Mapping[LetterStatus, tuple[str, str]] = MappingProxyType(
    {
        LetterStatus.WAITING: ("Klaar om te printen", "warning"),
        LetterStatus.OPENED: ("Geprint, nog niet gepost", "warning"),
        LetterStatus.POSTED: ("Gepost", "success"),
        LetterStatus.FAILED: ("Print mislukt", "error"),
        LetterStatus.RETURNED: ("Retour", "error"),
        LetterStatus.STOPPED: ("Niet meer nodig", "inactive"),
    }
)
