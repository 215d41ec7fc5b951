"""The form on which a contact confirms, without an account."""

import re

from wtforms import Field, ValidationError

from keyservice.kernel.ids import READABLE, normalise_code, normalise_z_number
from keyservice.web.forms import Form, optional_field, text_field

_Z_NUMBER = re.compile(rf"Z-[{READABLE}]{{6}}")
_DIGITS = re.compile(r"[0-9]{8}")
_WANTED_NUMBER = "Vul het Z-nummer uit de sms in, bijvoorbeeld Z-4K7M2Q"
_WANTED_CODE = "Vul de code van 8 cijfers uit de sms in"


class NewCodeForm(Form):
    """The number that stands in the sms; the code is not there yet."""

    nummer = text_field("Z-nummer", _WANTED_NUMBER, shortest=1, longest=40)
    code = optional_field("Code", longest=40)

    def validate_nummer(self, field: Field) -> None:
        """Replace what was typed by the number as it stands in the sms."""
        number = normalise_z_number(field.data)
        if not _Z_NUMBER.fullmatch(number):
            raise ValidationError(_WANTED_NUMBER)
        field.data = number


class ConfirmForm(NewCodeForm):
    """Number and code. What cannot be a code at all costs no try."""

    code = text_field("Code", _WANTED_CODE, shortest=1, longest=40)

    def validate_code(self, field: Field) -> None:
        """Replace what was typed by 8 digits."""
        digits = normalise_code(field.data)
        if not _DIGITS.fullmatch(digits):
            raise ValidationError(_WANTED_CODE)
        field.data = digits
