"""Events of a key. No event holds a character or a digest of it."""

from keyservice.audit import define

MADE = define("sleutel:make", "Er is een sleutel gemaakt.", fields="number omgeving expires_at")
ACTIVATED = define("sleutel:activate", "De sleutel is geactiveerd en werkt nu.", fields="number")
REVOKED = define("sleutel:revoke", "De sleutel is ingetrokken en werkt niet meer.", fields="number reason")
DAMAGED = define("sleutel:damage", "De gegevens van de sleutel kloppen niet. De sleutel werkt niet.", fields="number")
SUSPENDED = define("sleutel:suspend", "De sleutel is geblokkeerd en werkt nu niet.", fields="number cause")
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
