"""The four steps of the form Aanvraag Applicatiesleutel: fields, faults, and what they store."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from wtforms import BooleanField, Field, HiddenField, RadioField, ValidationError
from wtforms.validators import AnyOf, DataRequired

from keyservice.aanvragen import words
from keyservice.aanvragen.choice_fields import Choice, choice_field
from keyservice.aanvragen.content import Section, oin_fits
from keyservice.aanvragen.models import Aanvraag
from keyservice.accounts.models import Account
from keyservice.contacts.independence import Party, conflicts
from keyservice.contacts.models import Contact, Part, Via
from keyservice.contacts.queries import account_with
from keyservice.gemeenten.oin import InvalidNumber, NumberFault, parse_kvk, parse_oin
from keyservice.gemeenten.phones import is_mobile, parse_mobile, parse_phone, show_phone
from keyservice.gemeenten.queries import registered_address
from keyservice.kernel.mailbox import parse_email
from keyservice.sleutels.format import Omgeving
from keyservice.web.forms import Form, optional_field, parsed, remark_field, text_field

NOT_INDEPENDENT = "Geef voor het wachtwoord een andere persoon op dan voor de sleutel"
TEST_OIN = "U hebt een test-OIN ingevuld. Dat kan alleen bij de omgeving acceptatie"
_LONGEST_REVISION = 9  # digits; the column is a 32-bit integer
_OIN_LENGTH = "Vul een OIN in van precies 20 cijfers"
_OIN_FAULTS: Mapping[NumberFault, str] = {NumberFault.LENGTH: _OIN_LENGTH, NumberFault.TEST: TEST_OIN}
_EMAIL = "Vul een e-mailadres in, bijvoorbeeld naam@gemeente.nl"
_PHONE = "Vul een Nederlands telefoonnummer in, bijvoorbeeld 030 2345678"
_MOBILE = "Vul een mobiel nummer in, bijvoorbeeld 06 12345678"
_NO_LETTER = "Een brief kan nog niet: wij hebben geen postadres van uw gemeente. Kies een andere manier"


def _via_field(label: str, ways: Mapping[Via, str]) -> RadioField:
    return RadioField(
        label,
        choices={str(via): text for via, text in ways.items()},
        validate_choice=False,  # its message is not ours
        validators=[AnyOf([str(via) for via in ways], "Maak een keuze")],
    )


class StepForm(Form):
    """One step. `stores` says which value of the use case each field fills; `revision` is that of the page."""

    stores: ClassVar[Mapping[str, str]] = {}
    revision = HiddenField()

    def __init__(self, aanvraag: Aanvraag, account: Account | None) -> None:
        """Take the aanvraag, whose values the fields show until something is typed, and who fills it in."""
        self.aanvraag = aanvraag
        super().__init__(data={"revision": str(aanvraag.revision), **self.stored(account)})

    def stored(self, _account: Account | None) -> dict[str, object]:
        """Return what the fields show at first."""
        return {field: getattr(self.aanvraag, name) or "" for field, name in self.stores.items()}

    @property
    def seen_revision(self) -> int:
        """Return the revision of the page that was sent; -1, which never fits, for a broken one."""
        text = self.revision.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_REVISION else -1

    def valid_values(self) -> dict[str, object]:
        """Return what may be stored: the values of the fields without a fault, by the names of the use case."""
        return {name: self[field].data for field, name in self.stores.items() if not self[field].errors}

    def refused_labels(self) -> list[str]:
        """Return the labels of the fields that have a fault."""
        return [field.label.text for field in self if field.errors]


class GemeenteForm(StepForm):
    """Step 1: the numbers of the gemeente."""

    stores: ClassVar[Mapping[str, str]] = {"oin": "oin", "kvk": "kvk"}
    oin = text_field("OIN", _OIN_LENGTH)
    kvk = optional_field("KvK-nummer")
    validate_kvk = parsed(parse_kvk, "Vul een KvK-nummer in van 8 cijfers")

    def validate_oin(self, field: Field) -> None:
        """Replace the typed OIN by its 20 digits, or say what is wrong with it."""
        try:
            field.data = parse_oin(field.data, omgeving_is_acceptatie=self.aanvraag.omgeving != Omgeving.PRODUCTIE)
        except InvalidNumber as error:
            raise ValidationError(_OIN_FAULTS.get(error.code, "Dit OIN klopt niet. Controleer de cijfers")) from error


class KeyFields:
    """Who receives the zip."""

    contact_via = _via_field("Hoe komt het zipbestand aan?", words.KEY_VIA)
    contact_naam = text_field("Naam", "Vul de naam in van de contactpersoon voor de sleutel")
    contact_functie = text_field("Functie", "Vul de functie in van de contactpersoon voor de sleutel")
    contact_email = text_field("E-mailadres", _EMAIL, longest=254)
    contact_telefoon = text_field("Telefoonnummer", _PHONE)
    validate_contact_email = parsed(parse_email, _EMAIL)
    validate_contact_telefoon = parsed(parse_phone, _PHONE)


class PasswordFields:
    """Who receives the password. No name holds "wachtwoord": such fields are not given back after a stale session."""

    ontvanger_via = _via_field("Hoe komt het wachtwoord aan?", words.PASSWORD_VIA)
    ontvanger_naam = text_field("Naam", "Vul de naam in van de ontvanger van het wachtwoord")
    ontvanger_functie = text_field("Functie", "Vul de functie in van de ontvanger van het wachtwoord")
    ontvanger_mobiel = optional_field("Mobiel nummer")
    ontvanger_email = optional_field("E-mailadres", longest=254)
    validate_ontvanger_mobiel = parsed(parse_mobile, _MOBILE)
    validate_ontvanger_email = parsed(parse_email, _EMAIL)

    letter_possible = False

    def offer_letter(self, gemeente: str) -> None:
        """Offer a letter when DUO knows the postal address of a gemeente."""
        self.letter_possible = registered_address(gemeente) is not None
        if not self.letter_possible:
            self.ontvanger_via.choices = {str(v): t for v, t in words.PASSWORD_VIA.items() if v is not Via.LETTER}

    def validate_ontvanger_via(self, field: Field) -> None:
        """Refuse a letter to a gemeente whose address DUO does not know."""
        if field.data == Via.LETTER and not self.letter_possible:
            raise ValidationError(_NO_LETTER)

    def address(self) -> tuple[Field, Field, str]:
        """Return the field of the address that the password uses, the one it does not, and what the first asks for."""
        if self.ontvanger_via.data in {Via.PAGE, Via.LETTER}:
            return self.ontvanger_email, self.ontvanger_mobiel, _EMAIL
        return self.ontvanger_mobiel, self.ontvanger_email, _MOBILE


class ContactsForm(KeyFields, PasswordFields, StepForm):
    """Step 2: who receives the zip and who the password: chosen among the contacts of the gemeente, or filled in."""

    stores: ClassVar[Mapping[str, str]] = {
        "contact_via": "key_via",
        "contact_naam": "key_name",
        "contact_functie": "key_function",
        "contact_email": "key_mailbox",
        "contact_telefoon": "key_phone",
        "ontvanger_via": "password_via",
        "ontvanger_naam": "password_name",
        "ontvanger_functie": "password_function",
        "ontvanger_mobiel": "password_mobile",
        "ontvanger_email": "password_mailbox",
    }
    contact_keuze = choice_field("Wie ontvangt het zipbestand?")
    ontvanger_keuze = choice_field("Wie ontvangt het wachtwoord?")

    def __init__(self, aanvraag: Aanvraag, account: Account | None) -> None:
        """Take the aanvraag and who fills it in, and offer the people whom the gemeente gave before."""
        super().__init__(aanvraag, account)
        self.offer_letter(aanvraag.gemeente)
        self.choices = {
            Part.KEY: Choice(self.contact_keuze, aanvraag, Part.KEY, aanvraag.key_contact),
            Part.PASSWORD: Choice(self.ontvanger_keuze, aanvraag, Part.PASSWORD, aanvraag.password_contact),
        }

    def valid_values(self) -> dict[str, object]:
        """Return what may be stored, and the ids of who was chosen."""
        values = super().valid_values()
        for part, choice in self.choices.items():
            if choice.chosen:
                values |= {f"{part}_choice": choice.chosen.id, f"{part}_seen": choice.chosen.fingerprint}
        return values

    def stored(self, account: Account | None) -> dict[str, object]:
        """Return what the fields show at first: without a key contact, the person who fills the form in."""
        key, password = self.aanvraag.key_contact, self.aanvraag.password_contact
        shown = self._shown(Part.KEY, key) | self._shown(Part.PASSWORD, password)
        shown = {"contact_via": Via.MAIL, "ontvanger_via": Via.SMS} | {name: v for name, v in shown.items() if v}
        if key is None and account is not None:
            shown |= {"contact_naam": account.name, "contact_email": account.email}
        return shown

    def _shown(self, part: Part, contact: Contact | None) -> dict[str, object]:
        """Return what the fields of a part show of a contact."""
        shown: dict[str, object] = {}
        for field, name in self.stores.items():
            owner, _, column = name.partition("_")
            if owner == part:
                value = getattr(contact, column, None) or ""
                shown[field] = show_phone(value) if value and column in {"phone", "mobile"} else value
        return shown

    def validate(self, extra_validators: Mapping[str, Sequence[object]] | None = None) -> bool:
        """Check every field, then whether the chosen address is there, and whether the two are independent."""
        for part, choice in self.choices.items():
            if choice.chosen:  # the fields then say who that is, and are checked like what somebody types
                for name, value in self._shown(part, choice.chosen).items():
                    self[name].data = value
        address, other, wanted = self.address()
        other.data = ""  # what belongs to the way that was not chosen
        valid = bool(super().validate(extra_validators))
        if not address.data and not address.errors:
            address.errors, valid = [wanted], False
        reachable = (self.contact_email, self.contact_telefoon, self.ontvanger_mobiel, self.ontvanger_email)
        if not any(field.errors for field in reachable) and conflicts(*self._parties()):
            at = self.ontvanger_keuze if self.choices[Part.PASSWORD].chosen else address
            at.errors, valid = [NOT_INDEPENDENT], False
        return valid

    def _parties(self) -> tuple[Party, Party]:
        typed: dict[str, str] = self.data
        mailbox, phone = typed["contact_email"], typed["contact_telefoon"]
        # An office line is shared by colleagues and says nothing about who somebody is.
        mobile = phone if is_mobile(phone) else None
        other_mailbox, other_mobile = typed["ontvanger_email"] or None, typed["ontvanger_mobiel"] or None
        return (
            Party(None, account_with(mailbox), typed["contact_naam"], mailbox, mobile),
            Party(None, account_with(other_mailbox), typed["ontvanger_naam"], other_mailbox, other_mobile),
        )


class SoftwareForm(StepForm):
    """Step 3: the package the key goes into."""

    stores: ClassVar[Mapping[str, str]] = {
        "leverancier": "leverancier",
        "pakket": "pakket",
        "pakket_versie": "pakket_versie",
        "leverancier_contact_naam": "leverancier_contact",
        "leverancier_contact_email": "leverancier_mailbox",
        "omgeving": "omgeving",
        "toelichting": "toelichting",
    }
    leverancier = text_field("Softwareleverancier", "Vul de naam van uw softwareleverancier in")
    pakket = text_field("Pakket", "Vul de naam van uw softwarepakket in")
    pakket_versie = text_field("Versie", "Vul de versie van uw softwarepakket in", shortest=1, longest=30)
    leverancier_contact_naam = optional_field("Naam contactpersoon leverancier")
    leverancier_contact_email = optional_field("E-mailadres contactpersoon leverancier", longest=254)
    omgeving = RadioField(
        "Omgeving",
        choices={str(Omgeving.ACCEPTATIE): "Acceptatie, om te testen", str(Omgeving.PRODUCTIE): "Productie"},
        validate_choice=False,  # its message is not ours
        validators=[AnyOf(list(Omgeving), "Kies een omgeving")],
    )
    toelichting = remark_field("Toelichting")
    validate_leverancier_contact_email = parsed(parse_email, _EMAIL)

    def validate_omgeving(self, field: Field) -> None:
        """Refuse productie with the test OIN of step 1."""
        if field.data == Omgeving.PRODUCTIE and self.aanvraag.oin and not oin_fits(self.aanvraag.oin, field.data):
            raise ValidationError(TEST_OIN)


class SignForm(StepForm):
    """Step 4: who signs, and the two declarations."""

    stores: ClassVar[Mapping[str, str]] = {
        "ondertekenaar_naam": "signer_name",
        "ondertekenaar_functie": "signer_function",
    }
    ondertekenaar_naam = text_field("Naam", "Vul de naam in van wie namens de gemeente tekent")
    ondertekenaar_functie = text_field("Functie", "Vul de functie in van wie namens de gemeente tekent")
    verklaring_bevoegd = BooleanField(
        "Ik ben bevoegd om deze aanvraag namens de gemeente te doen.",
        validators=[DataRequired("Vink aan dat u bevoegd bent")],
    )
    akkoord_verwerking = BooleanField(
        "Ik ga akkoord: wij delen de sleutel alleen met onze softwareleverancier, en wij hebben met die leverancier "
        "afspraken gemaakt over persoonsgegevens.",
        validators=[DataRequired("Vink aan dat u akkoord gaat")],
    )

    def stored(self, account: Account | None) -> dict[str, object]:
        """Return what the fields show at first."""
        declared = self.aanvraag.declared_at is not None
        return super().stored(account) | {"verklaring_bevoegd": declared, "akkoord_verwerking": declared}

    def valid_values(self) -> dict[str, object]:
        """Return what may be stored, and whether both declarations are ticked."""
        declared = bool(self.verklaring_bevoegd.data and self.akkoord_verwerking.data)
        return {**super().valid_values(), "declared": declared}


class WithdrawForm(Form):
    """Why an aanvraag is withdrawn."""

    reden = remark_field("Waarom trekt u de aanvraag in?", longest=1000)


FORMS: Mapping[Section, type[StepForm]] = MappingProxyType(
    {
        Section.GEMEENTE: GemeenteForm,
        Section.CONTACTPERSONEN: ContactsForm,
        Section.SOFTWARE: SoftwareForm,
        Section.ONDERTEKENING: SignForm,
    }
)
