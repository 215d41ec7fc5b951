"""The forms that search: sent by GET, so that an address can be kept and shared."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import url_for
from werkzeug.datastructures import MultiDict
from wtforms import Field, SelectField, ValidationError

from keyservice.aanvragen.content import ACCEPTATIE, PRODUCTIE
from keyservice.aanvragen.words import STATUS
from keyservice.aanvragen.workflow import OPEN, Status
from keyservice.audit import catalogue
from keyservice.audit.checkpoint import CheckpointBroken, parse_control_line
from keyservice.kernel import clock
from keyservice.overview import queries
from keyservice.overview.worklist import YEARS, Filter
from keyservice.web.forms import Form, optional_field, parsed, text_field

ALL = "alle"
_STATUSES = {str(status): label for status, (label, _) in STATUS.items() if status is not Status.DRAFT}
LINE_WANTED = "Vul de hele controleregel in, bijvoorbeeld 123-abcdefghij234567abcd."
DAY_WANTED = "Vul een datum in, bijvoorbeeld 23-11-2026."


class SearchForm(Form):
    """A form that only reads; an unknown choice says so in Dutch."""

    class Meta:
        """A search changes nothing and its address may be shared."""

        csrf = False


def choice(label: str, options: dict[str, str] | Callable[[], dict[str, str]]) -> SelectField:
    """Return a select of value and label; the default is the empty value, one that is not listed is refused."""
    return SelectField(  # type: ignore[call-arg]  # the stubs do not know this argument of WTForms 3.3 yet
        label, choices=options, default="", invalid_choice_message=f"Kies een mogelijkheid bij '{label}'."
    )


def _kinds() -> dict[str, str]:
    known = sorted(catalogue().values(), key=lambda event: event.code)
    return {"": "Alle gebeurtenissen", **{event.code: event.sentence for event in known}}


def _iso_day(text: str) -> str:
    """Return a typed day as ISO 8601; reads `2026-11-23` and `23-11-2026`. Raises ValueError."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = datetime.strptime(text.strip(), "%d-%m-%Y").date()  # noqa: DTZ007 - a day has no zone
    if day.year not in YEARS:
        raise ValueError(text)
    return day.isoformat()


class WorklistForm(SearchForm):
    """Filter and search of the worklist."""

    zoek = optional_field("Nummer, gemeente of pakket")
    status = choice("Status", {"": "Alle open aanvragen", **_STATUSES, ALL: "Alle aanvragen"})
    omgeving = choice("Omgeving", {"": "Alle omgevingen", PRODUCTIE: "Productie", ACCEPTATIE: "Acceptatie"})
    gemeente = optional_field("Code van de gemeente")

    def validate_gemeente(self, field: Field) -> None:
        """Refuse what is not the code of a gemeente."""
        if field.data and not queries.gemeenten(field.data).get(field.data):
            raise ValidationError("Vul de code van 4 cijfers van een gemeente in.")

    @property
    def filtered(self) -> bool:
        """Tell whether something was asked for."""
        return any(self.data.values())

    def filter(self) -> Filter:
        """Return what was chosen."""
        chosen = self.status.data
        statuses = frozenset(Status) if chosen == ALL else frozenset({Status(chosen)}) if chosen else OPEN
        return Filter(statuses, self.omgeving.data or None, self.gemeente.data or None, self.zoek.data or "")


class ControlForm(SearchForm):
    """The control line of a mail or letter, also with the words before its colon."""

    regel = text_field("Controleregel", LINE_WANTED)

    def validate_regel(self, field: Field) -> None:
        """Refuse what is not in the form of a control line."""
        field.data = (field.data or "").rpartition(":")[2].strip()
        try:
            parse_control_line(field.data)
        except CheckpointBroken:
            raise ValidationError(LINE_WANTED) from None


class EventsForm(SearchForm):
    """The auditor's search. A name that fits several people or gemeenten leads to links to choose from."""

    dossier = optional_field("Nummer van de aanvraag")
    persoon = optional_field("Naam of e-mailadres van de persoon")
    gemeente = optional_field("Naam of code van de gemeente")
    # A callable: the catalogue is complete only once the application stands.
    handeling = choice("Soort gebeurtenis", _kinds)
    vanaf = optional_field("Vanaf")
    tot = optional_field("Tot en met")
    validate_vanaf = parsed(_iso_day, DAY_WANTED)

    def __init__(self, typed: MultiDict[str, str]) -> None:
        """Take what was typed."""
        super().__init__(typed)
        self.choices: dict[str, list[tuple[str, str]]] = {}
        self.found: dict[str, Any] = {}

    def validate_dossier(self, field: Field) -> None:
        """Find the aanvraag by its number."""
        if field.data:
            self.found["dossier"] = queries.dossier_by_number(field.data)
            if self.found["dossier"] is None:
                raise ValidationError("Wij vinden dit nummer niet. Een nummer ziet eruit als AA-2026-00042.")

    def validate_persoon(self, field: Field) -> None:
        """Find the person, or the people to choose from."""
        if field.data:
            people = queries.people(field.data)
            self._one("persoon", people, {email: email for email in people}, "persoon")

    def validate_gemeente(self, field: Field) -> None:
        """Find the gemeente, or those to choose from."""
        if field.data:
            found = queries.gemeenten(field.data)
            self._one("gemeente", {code: code for code in found}, found, "gemeente")

    def validate_tot(self, field: Field) -> None:
        """Read the last day; it cannot be before the first."""
        parsed(_iso_day, DAY_WANTED)(self, field)
        if field.data and not self.vanaf.errors and (self.vanaf.data or "") > field.data:
            raise ValidationError("De laatste dag ligt voor de eerste dag. Draai de dagen om.")

    def _one(self, name: str, found: Mapping[str, UUID | str], labels: Mapping[str, str], what: str) -> None:
        if not found:
            raise ValidationError(f"Wij vinden geen {what} met deze naam. Controleer wat u hebt ingevuld.")
        if len(found) > 1:
            typed: dict[str, Any] = {key: value for key, value in self.data.items() if value}
            self.choices[name] = [(labels[key], url_for("front.events", **typed | {name: key})) for key in found]
            raise ValidationError(f"Wij vinden meer dan 1 {what}. Kies hieronder de juiste {what}.")
        self.found[name] = next(iter(found.values()))

    def conditions(self) -> dict[str, Any]:
        """Return what `audit.queries.search` takes, from a form that validated."""
        since, until = (date.fromisoformat(f.data) if f.data else None for f in (self.vanaf, self.tot))
        return {
            "dossier": self.found.get("dossier"),
            "person": self.found.get("persoon"),
            "gemeente": self.found.get("gemeente"),
            "code": self.handeling.data or None,
            "since": clock.end_of_day(since - timedelta(days=1)) + timedelta(seconds=1) if since else None,
            "until": clock.end_of_day(until) + timedelta(seconds=1) if until else None,
        }
