"""Forms of the register of gemeenten."""

from keyservice.gemeenten.addresses import parse_postcode
from keyservice.gemeenten.phones import parse_phone
from keyservice.web.forms import Form, optional_field, parsed, text_field

PHONE_WANTED = "Vul een Nederlands telefoonnummer in, bijvoorbeeld 030 1234567"
_LINE_WANTED = "Vul een straat met huisnummer of een postbus in, bijvoorbeeld Postbus 100"
_POSTCODE_WANTED = "Vul een postcode in, bijvoorbeeld 1234 AB"


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


class AddressForm(Form):
    """Where letters to a gemeente go; afterwards `postcode` holds it as `1234 AB`."""

    adres = text_field("Straat en huisnummer, of postbus", _LINE_WANTED, longest=60)
    postcode = text_field("Postcode", _POSTCODE_WANTED, longest=10)
    plaats = text_field("Plaats", "Vul de plaats in", longest=60)
    validate_postcode = parsed(parse_postcode, _POSTCODE_WANTED)
