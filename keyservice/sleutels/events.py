"""Events of a key. No event holds a character or a digest of it."""

from keyservice.audit import define

MADE = define("sleutel:make", "Er is een sleutel gemaakt.", fields="number omgeving expires_at not_before")
ACTIVATED = define("sleutel:activate", "De sleutel is geactiveerd.", fields="number")
REVOKED = define(
    "sleutel:revoke", "De sleutel is ingetrokken en werkt niet meer.", fields="number reason", private="text"
)
DAMAGED = define("sleutel:damage", "De gegevens van de sleutel kloppen niet. De sleutel werkt niet.", fields="number")
FIRST_USED = define(
    "sleutel:first-use", "De sleutel is voor het eerst gebruikt.", fields="number first_at", private="source"
)
USED_ELSEWHERE = define(
    "sleutel:use-elsewhere",
    "De sleutel is gebruikt vanaf een netwerk waar dat nog niet eerder gebeurde.",
    fields="number networks",
    private="source",
)
TRIED = define(
    "sleutel:try", "Iemand gebruikte de sleutel terwijl die niet werkt.", fields="number state", private="source"
)
ASKER_ADDED = define("asking-system:add", "Een systeem mag vragen of sleutels werken.", fields="name")
ASKER_ENDED = define("asking-system:end", "Een systeem mag niet meer vragen of sleutels werken.", fields="name")
SUSPENDED = define(
    "sleutel:suspend",
    "De sleutel is geblokkeerd en werkt nu niet.",
    fields="number cause by",
    private="text",
)
RESUME_ASKED = define(
    "sleutel:ask-resume",
    "Een relatiebeheerder vraagt om de sleutel weer te laten werken.",
    fields="number",
    private="text",
)
RESUMED = define("sleutel:resume", "De sleutel is niet meer geblokkeerd.", fields="number by", private="text")
SUCCESSION_ASKED = define(
    "succession:ask",
    "De opvolger van een gemeente vraagt om de sleutels nog even te gebruiken.",
    fields="ended successor",
)
SUCCESSION_APPROVED = define(
    "succession:approve", "De sleutels van de gemeente werken nog even voor haar opvolger.", fields="ended until"
)
SUCCESSION_REFUSED = define(
    "succession:refuse",
    "De opvolger van een gemeente mag de sleutels niet gebruiken.",
    fields="ended",
    private="text",
)
