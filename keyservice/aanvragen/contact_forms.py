"""The forms about contacts: the code of a practice zip, and vouching."""

from wtforms import BooleanField, HiddenField
from wtforms.validators import DataRequired

from keyservice.web.forms import Form, text_field


class PracticeForm(Form):
    """The code that lies inside the practice zip."""

    code = text_field("Code uit het oefenbestand", "Vul de code uit het oefenbestand in", shortest=1, longest=40)


class VouchForm(Form):
    """Somebody knows a contact. `seen` is the fingerprint of the contact that stood on the page."""

    seen = HiddenField()
    bekend = BooleanField(
        "Ik ken deze persoon, en dit e-mailadres is van deze persoon.",
        validators=[DataRequired("Vink aan dat u deze persoon kent en dat het e-mailadres klopt")],
    )


class CallForm(Form):
    """Somebody at the gemeente said that a contact works there; `nummer` is what was called, in E.164.

    `naast` is the fingerprint of the other contact on the page, from whom the gemeente told this one apart.
    """

    seen = HiddenField()
    naast = HiddenField()
    nummer = HiddenField()
    gebeld = BooleanField(
        "Ik heb dit nummer gebeld en alle vragen gesteld, ook of het echt verschillende personen zijn. "
        "De gemeente zei op elke vraag ja.",
        validators=[DataRequired("Bel eerst het nummer uit het register, stel alle vragen en vink dit daarna aan")],
    )


class LetterCallForm(CallForm):
    """The same about somebody who gets a letter, and has neither mobile nor account to confirm with."""

    bevestigd = BooleanField(
        'De contactpersoon bevestigt: "Ja, ik ontvang het wachtwoord."',
        validators=[DataRequired("Vraag de contactpersoon of die het wachtwoord ontvangt en vink dit daarna aan")],
    )
