"""Events of an aanvraag. Free text and names are private; each sentence may be read by a gemeente."""

from keyservice.audit import define

STARTED = define("aanvraag:start", "De gemeente heeft een aanvraag gestart.")
SAVED = define("aanvraag:save", "De gemeente heeft de aanvraag bijgewerkt.", fields="step revision")
STARTED_AGAIN = define(
    "aanvraag:start-replacement", "De gemeente vraagt een nieuwe sleutel, in plaats van een eerdere.", fields="replaces"
)
CONTACT_CHOSEN = define(
    "aanvraag:choose-contact", "De gemeente heeft een bekende contactpersoon gekozen.", fields="part contact"
)
CONTACT_REPLACED = define(
    "aanvraag:replace-contact",
    "De gemeentebeheerder heeft een contactpersoon vervangen.",
    fields="part contact replaced",
)
SUBMITTED = define("aanvraag:submit", "De gemeente heeft de aanvraag verstuurd.", fields="number")
RESUBMITTED = define("aanvraag:resubmit", "De gemeente heeft de aanvulling verstuurd.")
WITHDRAWN = define("aanvraag:withdraw", "De gemeente heeft de aanvraag ingetrokken.", private="reason")
DISCARDED = define("aanvraag:discard", "Het concept van de aanvraag is verwijderd.")

TAKEN_UP = define("aanvraag:take-up", "De relatiebeheerder heeft de aanvraag in behandeling genomen.")
RELEASED = define("aanvraag:release", "De relatiebeheerder heeft de aanvraag losgelaten.")
TAKEN_OVER = define("aanvraag:take-over", "Een andere relatiebeheerder behandelt de aanvraag.")
ASKED = define("aanvraag:ask", "De relatiebeheerder heeft om een aanvulling gevraagd.", private="question")
TAKEN_BACK = define("aanvraag:take-back", "De relatiebeheerder vraagt niet langer om een aanvulling.")
APPROVED = define(
    "aanvraag:approve",
    "De relatiebeheerder heeft de aanvraag goedgekeurd.",
    fields="approval content_hash four_eyes",
    private="motivation",
)
REJECTED = define("aanvraag:reject", "De relatiebeheerder heeft de aanvraag afgewezen.", private="reason")
RETRACTED = define(
    "aanvraag:retract", "De relatiebeheerder heeft de goedkeuring ingetrokken.", fields="approval", private="reason"
)
RETURNED = define(
    "aanvraag:return", "De gegevens zijn veranderd. De aanvraag wordt opnieuw bekeken.", fields="approval"
)
ISSUED = define("aanvraag:issue", "Er is een sleutel uitgegeven voor de aanvraag.")
LAPSED = define("aanvraag:lapse", "De aanvraag is vervallen, omdat er te lang niets gebeurde.")
NOTED = define("aanvraag:note", "De relatiebeheerder heeft een notitie gemaakt.", private="text")
REMINDED = define("aanvraag:remind", "De relatiebeheerders zijn aan de aanvraag herinnerd.", fields="reminder")
