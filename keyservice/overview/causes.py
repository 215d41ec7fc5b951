"""Why a message did not arrive, in words: from what a server answered, what a report said, or what broke here. Pure."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from keyservice.outbox.models import OutboxMessage

_SMTP = re.compile(r"(?:SMTP )?([45]\d\d)\b")
_REFUSED_ADDRESS = frozenset({"550", "551", "553"})
# RFC 3463 3: the second and third number of a code, whatever the first; the second alone where no pair is listed.
_BY_STATUS: Mapping[str, str] = MappingProxyType(
    {
        "1": "Het adres van de ontvanger bestaat niet of werkt niet meer",
        "2": "De mailbox van de ontvanger neemt niets aan",
        "2.2": "De mailbox van de ontvanger is vol",
        "2.3": "Het bericht is te groot voor de mailbox van de ontvanger",
        "3": "De mailserver van de ontvanger kon het bericht niet verwerken",
        "3.4": "Het bericht is te groot voor de mailserver van de ontvanger",
        "4": "De mailserver van de ontvanger was niet bereikbaar",
        "6": "De mailserver van de ontvanger kon de inhoud niet verwerken",
        "7": "De mailserver van de ontvanger laat het bericht niet door",
    }
)
_BY_TEXT: tuple[tuple[str, str], ...] = (
    (r"seal broken", "De inhoud van het bericht is vernietigd of beschadigd"),
    (r"certificate|SSL|NotSupported", "De verbinding met onze mailserver is niet veilig"),
    (r"recipient is not", "Dit is geen goed e-mailadres"),
    (r"sms of \d+ characters", "De sms is te lang of bevat tekens die niet kunnen"),
    (r"no such sms provider", "Er is geen dienst ingesteld die sms'en verstuurt"),
    (r"Timeout|timed out", "De server antwoordde niet op tijd"),
    (r"Connect|connection|Disconnect|gaierror|OSError", "De server was niet bereikbaar"),
)


def cause(message: OutboxMessage) -> str:
    """Return why a message did not arrive, or not yet; the code at the end is for who looks into it further."""
    if message.bounced_at is not None:
        return _of_report(message.bounce_status or "")
    error = message.last_error or ""
    code = _SMTP.match(error)
    if code:
        return _of_answer(code[1], refused_address="recipient" in error)
    for pattern, words in _BY_TEXT:
        if re.search(pattern, error, re.IGNORECASE):
            return words
    return f"Versturen lukte niet ({error})" if error else "Onbekend"


def _of_report(status: str) -> str:
    _class, _dot, pair = status.partition(".")
    words = _BY_STATUS.get(pair) or _BY_STATUS.get(pair.partition(".")[0]) or "Een mailserver stuurde het bericht terug"
    return f"{words} ({status})"


def _of_answer(code: str, *, refused_address: bool) -> str:
    if code.startswith("4"):
        return f"De mailserver kon het bericht nog niet aannemen ({code})"
    if code in _REFUSED_ADDRESS or refused_address:
        return f"De mailserver weigerde het adres van de ontvanger ({code})"
    return f"De mailserver weigerde het bericht ({code})"
