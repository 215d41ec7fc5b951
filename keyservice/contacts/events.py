"""Events of contacts. Names and addresses are private; the number that was called is the gemeente's own."""

from keyservice.audit import define

_PERSON = "name function mailbox phone mobile"

PROPOSED = define(
    "contact:propose", "De gemeente heeft een contactpersoon opgegeven.", fields="part via", private=_PERSON
)
CHANGED = define(
    "contact:change",
    "De gemeente heeft een contactpersoon gewijzigd.",
    fields="part via proof_forgotten copied_from",
    private=_PERSON,
)
REPLACED = define(
    "contact:replace",
    "De gemeentebeheerder heeft een contactpersoon vervangen.",
    fields="part via replaced retired",
    private=_PERSON,
)
RETIRED = define("contact:retire", "De gemeentebeheerder biedt een contactpersoon niet meer aan.", fields="part")
PRACTICE_SENT = define("contact:send-practice", "Er is een oefenbestand gestuurd naar de contactpersoon.")
MAILBOX_PROVEN = define("contact:prove-mailbox", "Het e-mailadres van de contactpersoon is bewezen.")
SMS_SENT = define("contact:send-sms", "Er is een code per sms gestuurd naar de contactpersoon.")
ACCOUNT_ASKED = define("contact:ask-account", "De contactpersoon is gevraagd om in te loggen en te bevestigen.")
ACCOUNT_PROVEN = define("contact:prove-account", "De contactpersoon heeft ingelogd en bevestigd: 'Dit ben ik'.")
CONFIRMED = define("contact:confirm", "De contactpersoon heeft bevestigd: 'Ja, ik ontvang het wachtwoord'.")
CALLED = define(
    "contact:vouch-by-call",
    "De relatiebeheerder heeft de gemeente gebeld en staat in voor de contactpersoon.",
    fields="part number",
)
CONFIRMED_BY_CALL = define(
    "contact:confirm-by-call",
    "Aan de telefoon is bevestigd: 'Ja, ik ontvang het wachtwoord'. De brief gaat naar het adres in het register.",
    fields="address",
)
VOUCHED = define("contact:vouch", "De gemeentebeheerder staat in voor de contactpersoon.", fields="part")
