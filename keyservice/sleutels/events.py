"""Events of a key. No event holds a character or a digest of it."""

from keyservice.audit import define

MADE = define("sleutel:make", "Er is een sleutel gemaakt.", fields="number omgeving expires_at")
ACTIVATED = define("sleutel:activate", "De sleutel is geactiveerd en werkt nu.", fields="number")
REVOKED = define("sleutel:revoke", "De sleutel is ingetrokken en werkt niet meer.", fields="number reason")
DAMAGED = define("sleutel:damage", "De gegevens van de sleutel kloppen niet. De sleutel werkt niet.", fields="number")
SUSPENDED = define("sleutel:suspend", "De sleutel is geblokkeerd en werkt nu niet.", fields="number cause")
