"""Forms of the second step of logging in, and of the pages where it is set up."""

from wtforms import HiddenField

from keyservice.accounts.passkeys import LONGEST_NAME
from keyservice.web.forms import Form, text_field

CODE_WRONG = "Deze code klopt niet of is al gebruikt. Vul de nieuwste code uit uw app in."
RECOVERY_CODE_WRONG = "Deze herstelcode klopt niet of is al gebruikt."
PASSKEY_REFUSED = "De passkey is niet toegevoegd. Probeer het opnieuw."


class CodeForm(Form):
    """The six digits of the app."""

    code = text_field("Code uit uw app", "Vul de 6 cijfers uit uw app in", shortest=6, longest=12)


class RecoveryForm(Form):
    """One recovery code, typed with or without its dashes."""

    herstelcode = text_field("Herstelcode", "Vul een van uw herstelcodes in", shortest=8, longest=30)


class PasskeyForm(Form):
    """The name of a new passkey, and what the browser says of it."""

    naam = text_field("Naam van de passkey", "Geef de passkey een naam", longest=LONGEST_NAME)
    antwoord = HiddenField()
