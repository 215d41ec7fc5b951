"""Events of messages."""

from keyservice.audit import define

OFFERED = define("message:offer", "Een bericht is verstuurd.", fields="kind channel attempts")
DEAD = define("message:fail", "Een bericht kon niet worden verstuurd.", fields="kind channel attempts cause")
RETRIED = define("message:retry", "Een mislukt bericht wordt opnieuw verstuurd.", fields="kind")
EXPIRED = define(
    "message:expire",
    "Een bericht bleef te lang liggen en kan niet meer worden verstuurd. De inhoud is vernietigd.",
    fields="kind channel",
)
LETTER_READY = define("letter:make", "De brief met het wachtwoord is klaar om te printen.", fields="number")
BOUNCED = define("message:bounce", "Een bericht is niet aangekomen.", fields="kind status")
DELAYED = define("message:delay", "Een bericht komt later aan, meldt een mailserver.", fields="kind status")
ESCALATED = define(
    "message:escalate", "Er is verteld dat een bericht niet is aangekomen.", fields="kind channel readers"
)
