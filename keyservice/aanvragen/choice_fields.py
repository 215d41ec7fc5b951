"""The select with the people whom a gemeente gave before: whoever is chosen need not be typed again (WCAG 3.3.7)."""

from collections import Counter

from wtforms import SelectField, ValidationError

from keyservice.aanvragen import words
from keyservice.aanvragen.contact_choice import named
from keyservice.aanvragen.models import Aanvraag
from keyservice.contacts.models import Contact, Part
from keyservice.contacts.queries import offered
from keyservice.gemeenten.phones import show_phone

SOMEBODY_ELSE = "Iemand anders, of andere gegevens"


def _from_the_list(_form: object, field: SelectField) -> None:
    if field.data and field.data not in {value for value, *_ in field.iter_choices()}:
        raise ValidationError("Kies iemand uit de lijst, of kies 'Iemand anders'")


def choice_field(label: str) -> SelectField:
    """Return a select without choices; `Choice` fills it."""
    return SelectField(label, choices=[], validate_choice=False, validators=[_from_the_list])


class Choice:
    """Who can be chosen for a part of an aanvraag, and who was."""

    def __init__(self, field: SelectField, aanvraag: Aanvraag, part: Part, present: Contact | None) -> None:
        """Fill a select; it starts at the present contact when other aanvragen name that one too."""
        shared = present is not None and named(present.id, other_than=aanvraag.id)
        present_id, start = (present.id, _value(present)) if present else (None, "")
        people = [one for one in offered(aanvraag.gemeente, part, present_id) if shared or one.id != present_id]
        # The value says who stood on the page: a contact may become somebody else before the form is sent.
        self._people = {_value(one): one for one in people}
        self._field = field
        field.choices = [("", SOMEBODY_ELSE), *_labels(people)]
        if field.raw_data is None:
            field.data = start if start in self._people else ""

    @property
    def chosen(self) -> Contact | None:
        """Return who was chosen from the list."""
        return self._people.get(self._field.data or "")


def _value(contact: Contact) -> str:
    return f"{contact.id} {contact.fingerprint}"


def _labels(people: list[Contact]) -> list[tuple[str, str]]:
    names = {one.id: f"{one.name}, {one.function}, {words.VIA[one.via].lower()}" for one in people}
    same = Counter(names.values())
    return [(_value(one), names[one.id] + (f" ({_address(one)})" if same[names[one.id]] > 1 else "")) for one in people]


def _address(contact: Contact) -> str:
    return show_phone(contact.mobile) if contact.address == contact.mobile and contact.mobile else contact.mailbox or ""
