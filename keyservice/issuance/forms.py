"""The forms of the handing over."""

from collections.abc import Mapping
from types import MappingProxyType

from wtforms import (
    BooleanField,
    Field,
    HiddenField,
    IntegerField,
    RadioField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import DataRequired, Length

from keyservice.issuance.key_acts import Why
from keyservice.issuance.leaks import LONGEST_PLACE
from keyservice.sleutels.activation import parse_activation_code
from keyservice.sleutels.leaks import without_keys
from keyservice.sleutels.life import MOST_OVERLAP_DAYS, OVERLAP_DAYS
from keyservice.web.forms import Form, parsed, remark_field, text_field

LONGEST_PASTE = 100_000
_TOO_LONG = "Plak hoogstens 100.000 tekens: alleen het stuk waarin de sleutel staat."
_CODE = "Vul de activatiecode in: 8 letters en cijfers, bijvoorbeeld 2K7M-4QXP"

WHY: Mapping[str, str] = MappingProxyType(
    {
        Why.EXPOSED: "Iemand anders heeft de sleutel, of dat kan",
        Why.NOT_NEEDED: "De sleutel is niet meer nodig",
        Why.OTHER: "Iets anders",
    }
)


def _well_formed(text: str) -> str:
    parse_activation_code(text)
    return text


class ActivateForm(Form):
    """The code that lies beside the key in the zip."""

    activatiecode = text_field("Activatiecode", _CODE, shortest=1, longest=40)
    validate_activatiecode = parsed(_well_formed, _CODE)


class IssueForm(Form):
    """How long the old key lives on; asked only when there is one."""

    overlap = IntegerField(
        "Hoeveel dagen blijft de oude sleutel werken na het eerste gebruik van de nieuwe sleutel?", default=OVERLAP_DAYS
    )

    def validate_overlap(self, field: Field) -> None:
        """Refuse what is no number of days from 0 to 30; a form without the field keeps the usual number."""
        if not field.raw_data:
            field.data = OVERLAP_DAYS
        if field.data is None or not 0 <= field.data <= MOST_OVERLAP_DAYS:
            field.errors = []  # without the English sentence for what is no number
            raise ValidationError(f"Vul een heel getal in van 0 tot en met {MOST_OVERLAP_DAYS}.")

    @property
    def days(self) -> int:
        """Return the days of a form that validated."""
        return int(self.overlap.data or 0)


def _explanation(label: str, missing: str) -> TextAreaField:
    return remark_field(label, missing, longest=1000, shortest=5)


class SuspendForm(Form):
    """Why a key is blocked."""

    reden = _explanation("Waarom blokkeert u de sleutel?", "Schrijf op waarom u de sleutel blokkeert.")


class ResumeForm(Form):
    """Why a key may work again."""

    reden = _explanation(
        "Waarom mag de sleutel weer werken?", "Schrijf op wat u hebt uitgezocht en waarom de sleutel weer mag werken."
    )


class RevokeForm(Form):
    """Why a key is revoked."""

    waarom = RadioField("Waarom trekt u de sleutel in?", choices=dict(WHY), validate_choice=False)
    reden = _explanation("Toelichting", "Schrijf op waarom u de sleutel intrekt.")

    def validate_waarom(self, field: Field) -> None:
        """Refuse another reason than the page offers."""
        if field.data not in WHY:
            raise ValidationError("Kies waarom u de sleutel intrekt.")


class RefuseForm(Form):
    """Why the successor of a gemeente may not use its keys."""

    reden = _explanation("Waarom wijst u de vraag af?", "Schrijf op waarom u de vraag afwijst.")


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
