"""Events of the handing over of a key."""

from keyservice.audit import define

STARTED = define(
    "issuance:start",
    "De levering van de sleutel is gestart. Het zipbestand gaat naar de contactpersoon voor de sleutel.",
    fields="number approval sleutel deadline renews overlap",
)
RESENT = define("issuance:resend", "Hetzelfde zipbestand is nog een keer verstuurd.", fields="copy")
RECEIVED = define("issuance:receive", "De contactpersoon voor de sleutel heeft het zipbestand.")
RELEASED = define(
    "issuance:release",
    "De relatiebeheerder heeft de gemeente gebeld en het wachtwoord vrijgegeven.",
    fields="called",
    private="reason",
)
FETCHED = define("issuance:fetch", "De contactpersoon voor de sleutel heeft het zipbestand opgehaald.")
PASSWORD_READY = define("issuance:make-ready", "Het wachtwoord staat klaar voor de contactpersoon voor het wachtwoord.")
PASSWORD_SHOWN = define("issuance:show", "De contactpersoon voor het wachtwoord heeft het wachtwoord bekeken.")
PASSWORD_QUEUED = define("issuance:hand-over", "Het wachtwoord gaat naar de contactpersoon voor het wachtwoord.")
CODE_REFUSED = define("issuance:refuse-code", "Er is een verkeerde activatiecode ingevuld.", fields="tries")
DONE = define("issuance:finish", "De levering van de sleutel is klaar.")
CANCELLED = define("issuance:cancel", "De levering van de sleutel is geannuleerd.", private="reason")
DISOWNED = define(
    "issuance:disown", "De contactpersoon zei: 'Dit was ik niet'. De sleutel is ingetrokken.", fields="part"
)
LEAKED = define(
    "issuance:leak", "Iemand vond de sleutel en meldde dat. De sleutel is daarom ingetrokken.", private="found"
)
LAPSED = define("issuance:lapse", "De levering van de sleutel duurde te lang en is vervallen.")
RING_KEY_DESTROYED = define(
    "ring:destroy", "Een oude sleutel van de verzegeling is vernietigd.", fields="ring key values"
)
RING_ROTATED = define("ring:rotate", "Een ring heeft een nieuwe sleutel.", fields="ring key previous")
RING_RESEALED = define(
    "ring:reseal", "Wat met oude sleutels van een ring was verzegeld, is opnieuw verzegeld.", fields="ring key values"
)
REMINDED = define("issuance:remind", "De contactpersoon voor de sleutel is herinnerd.", fields="day")
LETTER_OPENED = define("letter:open", "DUO heeft de brief met het wachtwoord geopend om te printen.")
LETTER_POSTED = define("letter:post", "DUO heeft de brief met het wachtwoord op de post gedaan.")
LETTER_FAILED = define(
    "letter:fail", "De brief met het wachtwoord is niet goed geprint. De sleutel is ingetrokken.", private="reason"
)
LETTER_RETURNED = define(
    "letter:return", "De brief met het wachtwoord kwam terug. De sleutel is ingetrokken.", private="reason"
)
LETTER_REMINDED = define(
    "letter:remind", "De relatiebeheerders zijn aan de brief met het wachtwoord herinnerd.", fields="reminder"
)
RENEWED = define(
    "issuance:renew",
    "De sleutel wordt vernieuwd. De oude sleutel blijft nu nog werken.",
    fields="previous wave prepared_by started_by",
)
# What time does to a key changes no fact of it: these are not events of the key itself, which the file outside lists.
WARNED = define("issuance:warn", "De gemeente is gewaarschuwd dat de sleutel verloopt.", fields="sleutel day")
EXPIRED = define("issuance:expire", "De sleutel is verlopen en werkt niet meer.", fields="sleutel")
FIRST_USED = define(
    "issuance:first-use",
    "De nieuwe sleutel wordt gebruikt. De oude sleutel stopt vanzelf.",
    fields="previous used_at old_until",
)
OLD_USED = define("issuance:use-old", "De oude sleutel is nog gebruikt na de nieuwe sleutel.", fields="previous")

WAVE_PREPARED = define(
    "wave:prepare",
    "Een vernieuwingsronde is voorbereid.",
    fields="omgeving expires_until gemeenten items able list",
    private="name reason",
)
WAVE_STARTED = define("wave:start", "Een vernieuwingsronde is gestart.", fields="list")
WAVE_PAUSED = define("wave:pause", "Een vernieuwingsronde is gepauzeerd.", private="reason")
WAVE_RESUMED = define("wave:resume", "Een vernieuwingsronde gaat verder.", private="reason")
WAVE_STOPPED = define("wave:stop", "Een vernieuwingsronde is gestopt.", private="reason")
WAVE_FINISHED = define("wave:finish", "Een vernieuwingsronde is klaar.", fields="done refused")
WAVE_LAPSED = define("wave:lapse", "Een vernieuwingsronde is vervallen.")
WAVE_REFUSED = define("wave:refuse", "De sleutel is in een vernieuwingsronde niet vernieuwd.", fields="wave reason")
