"""Events of the berichtenboek. The person of a supplier and reasons are private; the event names the version."""

from keyservice.audit import define

ASKED = define(
    "berichtenboek:ask",
    "De gemeente heeft het berichtenboek aangevraagd.",
    fields="receiver",
    private="leverancier name mailbox",
)
WITHDRAWN = define("berichtenboek:withdraw", "De gemeente heeft de aanvraag van het berichtenboek ingetrokken.")
HANDED_OUT = define(
    "berichtenboek:hand-out", "De relatiebeheerder heeft het berichtenboek uitgereikt.", fields="version until"
)
REFUSED = define(
    "berichtenboek:refuse", "De relatiebeheerder heeft het berichtenboek niet uitgereikt.", private="reason"
)
LINK_RENEWED = define(
    "berichtenboek:renew-link", "De leverancier heeft een nieuwe link naar het berichtenboek gekregen.", fields="until"
)
ENDED = define("berichtenboek:end", "De toegang tot het berichtenboek is beëindigd.")
LAPSED = define("berichtenboek:lapse", "Het berichtenboek is vervallen: er gebeurde te lang niets mee.")
REMINDED = define(
    "berichtenboek:remind",
    "De relatiebeheerders zijn herinnerd aan een aanvraag van het berichtenboek.",
    fields="reminder",
)
ANNOUNCED = define(
    "berichtenboek:announce", "Een nieuwe versie van het berichtenboek is gemeld.", fields="version until"
)
OPENED = define("berichtenboek:open", "Het berichtenboek is geopend.", fields="version")
