"""The form on which a gemeentebeheerder says who comes in the place of a contact, and in which aanvragen."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

from wtforms import Field, HiddenField, SelectMultipleField
from wtforms.validators import DataRequired

from keyservice.aanvragen.contact_use import other_of
from keyservice.aanvragen.forms import NOT_INDEPENDENT, ContactsForm, KeyFields, PasswordFields
from keyservice.contacts.independence import Party, conflicts
from keyservice.contacts.models import Contact, Part, Via
from keyservice.contacts.queries import account_with, party
from keyservice.gemeenten.phones import is_mobile
from keyservice.issuance.replacing import Target
from keyservice.web.forms import Form

_OTHER = NOT_INDEPENDENT + ". Deze persoon is in een aangevinkte aanvraag al de andere contactpersoon"


class ReplaceForm(Form):
    """In which aanvragen; who comes there, the two forms below ask. `seen` is the fingerprint of the page."""

    seen = HiddenField()
    aanvraag = SelectMultipleField(
        "In welke aanvragen?",
        choices=[],
        validate_choice=False,
        validators=[DataRequired("Vink minstens 1 aanvraag aan")],
    )

    def __init__(self, contact: Contact, found: Sequence[Target]) -> None:
        """Take who is replaced, and where that can be: everything is ticked at first."""
        self.contact, self.found = contact, found
        self.columns = {
            field: column.removeprefix(f"{contact.part}_")
            for field, column in ContactsForm.stores.items()
            if column.startswith(f"{contact.part}_")
        }
        via = next(field for field, column in self.columns.items() if column == "via")
        super().__init__(data={"aanvraag": [str(target.aanvraag.id) for target in found], via: contact.via})

    @property
    def person(self) -> tuple[Via, dict[str, str]]:
        """Return how the new person gets it, and name, function and addresses."""
        values = {column: self[field].data or "" for field, column in self.columns.items()}
        return Via(values.pop("via")), values

    @property
    def wanted(self) -> Collection[UUID]:
        """Return the aanvragen that were ticked."""
        return [UUID(text) for text in self.aanvraag.data or () if text in self._known()]

    def _known(self) -> Mapping[str, Target]:
        return {str(target.aanvraag.id): target for target in self.found}

    def reached(self) -> tuple[Field, str]:
        """Return the field of the address that will be used, and what it asks for."""
        raise NotImplementedError

    def validate(self, extra_validators: Mapping[str, Sequence[object]] | None = None) -> bool:
        """Check every field, then whether the new person is another than the other contact of each aanvraag."""
        address, asked = self.reached()
        valid = bool(super().validate(extra_validators))
        if not address.data and not address.errors:
            address.errors, valid = [asked], False
        ticked = [self._known()[str(aanvraag_id)] for aanvraag_id in self.wanted]
        others = [other for target in ticked if (other := other_of(target.aanvraag, self.contact))]
        if valid and any(conflicts(self._party(), party(other)) for other in others):
            address.errors, valid = [_OTHER], False
        return valid

    def _party(self) -> Party:
        _via, values = self.person
        mailbox, phone = values.get("mailbox") or None, values.get("phone") or None
        mobile = values.get("mobile") or (phone if phone and is_mobile(phone) else None)
        return Party(None, account_with(mailbox), values["name"], mailbox, mobile)


class ReplaceKeyForm(KeyFields, ReplaceForm):
    """Who receives the zip instead."""

    def reached(self) -> tuple[Field, str]:
        """Return the field of the mailbox."""
        return self.contact_email, ""


class ReplacePasswordForm(PasswordFields, ReplaceForm):
    """Who receives the password instead."""

    def __init__(self, contact: Contact, found: Sequence[Target]) -> None:
        """As any; a letter is offered when DUO knows where to send it."""
        super().__init__(contact, found)
        self.offer_letter(contact.gemeente)

    def reached(self) -> tuple[Field, str]:
        """Return the field of the mobile or the mailbox; what the other one holds is not kept."""
        address, other, asked = self.address()
        other.data = ""
        return address, asked


FORMS: Mapping[Part, type[ReplaceForm]] = MappingProxyType(
    {Part.KEY: ReplaceKeyForm, Part.PASSWORD: ReplacePasswordForm}
)
