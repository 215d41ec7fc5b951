"""Events of the handing over of a key."""

from keyservice.audit import define

STARTED = define(
    "issuance:start",
    "De levering van de sleutel is gestart. Het zipbestand gaat naar de contactpersoon voor de sleutel.",
    fields="number approval sleutel deadline",
)
RESENT = define("issuance:resend", "Hetzelfde zipbestand is nog een keer verstuurd.", fields="copy")
RECEIVED = define("issuance:receive", "De contactpersoon voor de sleutel heeft het zipbestand.")
RELEASED = define(
    "issuance:release",
    "De relatiebeheerder heeft de gemeente gebeld en het wachtwoord vrijgegeven.",
    fields="called",
    private="reason",
)
PASSWORD_QUEUED = define("issuance:hand-over", "Het wachtwoord gaat naar de contactpersoon voor het wachtwoord.")
CODE_REFUSED = define("issuance:refuse-code", "Er is een verkeerde activatiecode ingevuld.", fields="tries")
DONE = define("issuance:finish", "De levering van de sleutel is klaar.")
CANCELLED = define("issuance:cancel", "De levering van de sleutel is geannuleerd.", private="reason")
LAPSED = define("issuance:lapse", "De levering van de sleutel duurde te lang en is vervallen.")
REMINDED = define("issuance:remind", "De contactpersoon voor de sleutel is herinnerd.", fields="day")
