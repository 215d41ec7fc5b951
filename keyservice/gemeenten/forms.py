"""Forms of the register of gemeenten."""

from keyservice.gemeenten.phones import parse_phone
from keyservice.web.forms import Form, optional_field, parsed, text_field

PHONE_WANTED = "Vul een Nederlands telefoonnummer in, bijvoorbeeld 030 1234567"


class SearchForm(Form):
    """What to look for in the register."""

    class Meta:
        """A search changes nothing and its address may be shared."""

        csrf = False

    zoek = optional_field("Naam of code van de gemeente")


class PhoneForm(Form):
    """The number at which DUO reaches a gemeente; afterwards `telefoon` holds it in E.164."""

    telefoon = text_field("Telefoonnummer", PHONE_WANTED, longest=40)
    validate_telefoon = parsed(parse_phone, PHONE_WANTED)
