"""The forms that search: sent by GET, so that an address can be kept and shared."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from flask import url_for
from werkzeug.datastructures import MultiDict
from wtforms import Field, SelectField, ValidationError

from keyservice.aanvragen.words import STATUS
from keyservice.aanvragen.workflow import OPEN, Status
from keyservice.audit import Result, catalogue
from keyservice.audit.checkpoint import CheckpointBroken, parse_control_line
from keyservice.audit.queries import Wanted
from keyservice.kernel import clock
from keyservice.kernel.ids import as_id
from keyservice.overview import queries
from keyservice.overview.event_words import SUBJECTS
from keyservice.overview.key_lists import DEFAULT, NAMES, Which
from keyservice.overview.key_lists import Wanted as WantedKeys
from keyservice.overview.keyset import YEARS
from keyservice.overview.words import RESULT
from keyservice.overview.worklist import Filter
from keyservice.sleutels.format import Omgeving
from keyservice.web.forms import Form, optional_field, parsed, text_field

ALL = "alle"
_STATUSES = {str(status): label for status, (label, _) in STATUS.items() if status is not Status.DRAFT}
LINE_WANTED = "Vul de hele controleregel in, bijvoorbeeld 123-abcdefghij234567abcd."
DAY_WANTED = "Vul een datum in, bijvoorbeeld 23-11-2026."
TIME_WANTED = "Vul een tijd in, bijvoorbeeld 14.30."
_MINUTE = timedelta(minutes=1)


class SearchForm(Form):
    """A form that only reads; an unknown choice says so in Dutch."""

    class Meta:
        """A search changes nothing and its address may be shared."""

        csrf = False


Options = dict[str, Any]  # value and label, or the label of a group and its values and labels


def choice(label: str, options: Options | Callable[[], Options]) -> SelectField:
    """Return a select of value and label, also in groups; the default is the empty value, another one is refused."""
    return SelectField(  # type: ignore[call-arg]  # the stubs do not know this argument of WTForms 3.3 yet
        label, choices=options, default="", invalid_choice_message=f"Kies een mogelijkheid bij '{label}'."
    )


def _kinds() -> Options:
    """Return every kind of event, by what it is about."""
    groups: dict[str, dict[str, str]] = {}
    for code, event in sorted(catalogue().items()):
        subject = code.partition(":")[0]
        groups.setdefault(SUBJECTS.get(subject, subject.capitalize()), {})[code] = f"{event.sentence} ({code})"
    return {"": "Alle gebeurtenissen", **dict(sorted(groups.items()))}


def _results() -> Options:
    return {"": "Gelukt en geweigerd", **{str(result): RESULT[result][0] for result in Result}}


def _iso_day(text: str) -> str:
    """Return a typed day as ISO 8601; reads `2026-11-23` and `23-11-2026`. Raises ValueError."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = datetime.strptime(text.strip(), "%d-%m-%Y").date()  # noqa: DTZ007 - a day has no zone
    if day.year not in YEARS:
        raise ValueError(text)
    return day.isoformat()


def _wall_time(text: str) -> str:
    """Return a typed time as `14:30`; reads `14:30`, `14.30` and `9.05`. Raises ValueError."""
    return datetime.strptime(text.strip().replace(".", ":"), "%H:%M").strftime("%H:%M")  # noqa: DTZ007 - no day either


class WorklistForm(SearchForm):
    """Filter and search of the worklist."""

    zoek = optional_field("Nummer, gemeente of pakket")
    status = choice("Status", {"": "Alle open aanvragen", **_STATUSES, ALL: "Alle aanvragen"})
    omgeving = choice(
        "Omgeving", {"": "Alle omgevingen", Omgeving.PRODUCTIE: "Productie", Omgeving.ACCEPTATIE: "Acceptatie"}
    )
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


class KeyListForm(SearchForm):
    """Which keys of which gemeente."""

    lijst = choice("Welke sleutels?", {"" if which is DEFAULT else str(which): name for which, name in NAMES.items()})
    gemeente = optional_field("Code van de gemeente")
    validate_gemeente = WorklistForm.validate_gemeente

    def wanted(self) -> WantedKeys:
        """Return what was chosen."""
        return WantedKeys(Which(self.lijst.data) if self.lijst.data else DEFAULT, self.gemeente.data or None)


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
    persoon = optional_field("Wie: naam of e-mailadres")
    gemeente = optional_field("Gemeente: naam of code")
    # A callable: the catalogue is complete only once the application stands.
    handeling = choice("Soort gebeurtenis", _kinds)
    resultaat = choice("Resultaat", _results)
    vanaf = optional_field("Vanaf datum")
    vanaf_tijd = optional_field("Vanaf tijd")
    tot = optional_field("Tot en met datum")
    tot_tijd = optional_field("Tot en met tijd")
    validate_vanaf = parsed(_iso_day, DAY_WANTED)

    def __init__(self, typed: MultiDict[str, str]) -> None:
        """Take what was typed."""
        super().__init__(typed)
        self.choices: dict[str, list[tuple[str, str]]] = {}
        self.found: dict[str, Any] = {}

    def validate_dossier(self, field: Field) -> None:
        """Find the aanvraag by its number; an id needs no aanvraag, for its events stay when a draft is discarded."""
        if field.data:
            self.found["dossier"] = as_id(field.data) or queries.dossier_by_number(field.data)
            if self.found["dossier"] is None:
                raise ValidationError("Wij vinden dit nummer niet. Een nummer ziet eruit als AA-2026-00042.")

    def validate_persoon(self, field: Field) -> None:
        """Find the person by id, or the people to choose from."""
        if field.data and (known := as_id(field.data)):
            self.found["persoon"] = known
        elif field.data:
            people = queries.people(field.data)
            self._one("persoon", people, {email: email for email in people}, "persoon")

    def validate_gemeente(self, field: Field) -> None:
        """Find the gemeente, or those to choose from."""
        if field.data:
            found = queries.gemeenten(field.data)
            self._one("gemeente", {code: code for code in found}, found, "gemeente")

    def validate_vanaf_tijd(self, field: Field) -> None:
        """Read the time; it needs its day."""
        self._time(field, self.vanaf)

    def validate_tot(self, field: Field) -> None:
        """Read the last day; it cannot be before the first."""
        parsed(_iso_day, DAY_WANTED)(self, field)
        if field.data and not self.vanaf.errors and (self.vanaf.data or "") > field.data:
            raise ValidationError("De laatste dag ligt voor de eerste dag. Draai de dagen om.")

    def validate_tot_tijd(self, field: Field) -> None:
        """Read the time; it needs its day, and cannot be before the first moment."""
        self._time(field, self.tot)
        if (
            self.vanaf.data == self.tot.data
            and not self.vanaf_tijd.errors
            and (self.vanaf_tijd.data or "") > (field.data or "24")
        ):
            raise ValidationError("De laatste tijd ligt voor de eerste tijd. Draai de tijden om.")

    @staticmethod
    def _time(field: Field, day: Field) -> None:
        parsed(_wall_time, TIME_WANTED)(None, field)
        if field.data and not day.data:
            raise ValidationError("Vul ook de datum in die bij deze tijd hoort.")

    def _one(self, name: str, found: Mapping[str, UUID | str], labels: Mapping[str, str], what: str) -> None:
        if not found:
            raise ValidationError(f"Wij vinden geen {what} met deze naam. Controleer wat u hebt ingevuld.")
        if len(found) > 1:
            typed: dict[str, Any] = self.typed
            self.choices[name] = [(labels[key], url_for("front.events", **typed | {name: key})) for key in found]
            raise ValidationError(f"Wij vinden meer dan 1 {what}. Kies hieronder de juiste {what}.")
        self.found[name] = next(iter(found.values()))

    @property
    def typed(self) -> dict[str, str]:
        """Return what was typed or chosen, as an address carries it."""
        return {name: value for name, value in self.data.items() if value}

    def wanted(self) -> Wanted:
        """Return what is searched for, from a form that validated."""
        return Wanted(
            dossier=self.found.get("dossier"),
            person=self.found.get("persoon"),
            gemeente=self.found.get("gemeente"),
            code=self.handeling.data or None,
            result=Result(self.resultaat.data) if self.resultaat.data else None,
            since=_moment(self.vanaf.data, self.vanaf_tijd.data),
            until=_until(self.tot.data, self.tot_tijd.data),
        )


def _moment(day: str | None, wall: str | None) -> datetime | None:
    return clock.at(date.fromisoformat(day), time.fromisoformat(wall or "00:00")) if day else None


def _until(day: str | None, wall: str | None) -> datetime | None:
    """Return the moment after the last minute that is wanted."""
    if not day:
        return None
    last = date.fromisoformat(day)
    return clock.at(last, time.fromisoformat(wall)) + _MINUTE if wall else clock.at(last + timedelta(days=1))
