"""The forms of the handing over."""

from wtforms import BooleanField, HiddenField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from keyservice.issuance.leaks import LONGEST_PLACE
from keyservice.sleutels.activation import parse_activation_code
from keyservice.sleutels.leaks import without_keys
from keyservice.web.forms import Form, parsed, remark_field, text_field

LONGEST_PASTE = 100_000
_TOO_LONG = "Plak hoogstens 100.000 tekens: alleen het stuk waarin de sleutel staat."
_CODE = "Vul de activatiecode in: 8 letters en cijfers, bijvoorbeeld 2K7M-4QXP"


def _well_formed(text: str) -> str:
    parse_activation_code(text)
    return text


class ActivateForm(Form):
    """The code that lies beside the key in the zip."""

    activatiecode = text_field("Activatiecode", _CODE, shortest=1, longest=40)
    validate_activatiecode = parsed(_well_formed, _CODE)


class CancelForm(Form):
    """Why a delivery is stopped."""

    reden = remark_field(
        "Waarom annuleert u de levering?", "Schrijf op waarom u de levering annuleert.", longest=1000, shortest=5
    )


class ReleaseForm(Form):
    """What was asked by telephone; `nummer` is the registered number that stood on the page, in E.164."""

    nummer = HiddenField()
    gebeld = BooleanField(
        "Ik heb dit nummer gebeld en de contactpersoon voor de sleutel gesproken.",
        validators=[DataRequired("Bel eerst het nummer uit het register en vink dit daarna aan.")],
    )
    reden = remark_field(
        "Waarom geeft u het wachtwoord vrij? Alleen DUO kan deze tekst lezen.",
        "Schrijf op waarom u het wachtwoord vrijgeeft.",
        longest=1000,
        shortest=5,
    )


class LetterForm(Form):
    """What became of a letter that will not arrive."""

    reden = remark_field(
        "Wat is er met de brief gebeurd?", "Schrijf op wat er met de brief is gebeurd.", longest=1000, shortest=5
    )


class LeakForm(Form):
    """What somebody pastes who found a key. Here a key may be typed; it is never shown back or kept."""

    sleutel = TextAreaField(
        "De sleutel die u vond",
        validators=[DataRequired("Plak de sleutel die u vond."), Length(max=LONGEST_PASTE, message=_TOO_LONG)],
    )
    gevonden_op = StringField(
        "Waar vond u de sleutel?",
        validators=[Length(max=LONGEST_PLACE, message=f"Gebruik hoogstens {LONGEST_PLACE} tekens.")],
    )

    def forget_secrets(self) -> None:
        """Empty what must not be shown back."""
        self.sleutel.data = self.sleutel.raw_data = None
        self.gevonden_op.data = without_keys(self.gevonden_op.data or "")
