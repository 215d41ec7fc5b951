"""Forms about people: inviting, accepting, roles and their end, the yearly review, portfolios."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from wtforms import BooleanField, DateField, Field, HiddenField, PasswordField, RadioField, SelectField, ValidationError
from wtforms.validators import AnyOf, DataRequired, InputRequired
from wtforms.validators import Optional as MayBeEmpty

from keyservice.accounts.invitations import FIRST_ROLES
from keyservice.accounts.models import Grant
from keyservice.accounts.passwords import check_password
from keyservice.accounts.words import ROLES
from keyservice.gemeenten.queries import valid_on
from keyservice.kernel import clock
from keyservice.kernel.actor import DUO_ROLES, GEMEENTE_ROLES, Role
from keyservice.kernel.mailbox import parse_email
from keyservice.web.forms import Form, optional_field, parsed, text_field

EMAIL_WANTED = "Vul een e-mailadres in, bijvoorbeeld naam@gemeente.nl"
DATE_WANTED = "Vul een datum in, bijvoorbeeld 31-12-2027"
NEEDED, NOT_NEEDED = "nodig", "einde"


class EndDate(DateField):
    """A day that may stay empty; `wanted` is what to fill in."""

    wanted = DATE_WANTED

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the date, and say in Dutch what is wrong."""
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError(self.wanted) from error


def _from_today(_form: object, field: Field) -> None:
    if field.data and field.data < clock.local_date(clock.now()):
        raise ValidationError("Kies vandaag of een latere dag")


def _last_day() -> EndDate:
    # Browsers send 2027-12-31, people type 31-12-2027.
    return EndDate("Laatste dag", format=["%Y-%m-%d", "%d-%m-%Y"], validators=[MayBeEmpty(), _from_today])


def end_of(day: date | None) -> datetime | None:
    """Return the last moment of a day that was typed, or None."""
    return clock.end_of_day(day) if day else None


def _one_of(label: str, choices: Mapping[str, str], missing: str) -> RadioField:
    return RadioField(label, choices=dict(choices), validators=[AnyOf(list(choices), missing)], validate_choice=False)


def _role_field(roles: Iterable[Role]) -> RadioField:
    named = {role.value: ROLES[role].capitalize() for role in Role if role in roles}
    return _one_of("Rol", named, "Kies een rol")


class RoleForm(Form):
    """Another role for a colleague."""

    rol = _role_field(GEMEENTE_ROLES)
    tot = _last_day()


class InviteForm(Form):
    """Somebody invited to a role of the own gemeente."""

    naam = text_field("Naam", "Vul de naam in")
    email = text_field("E-mailadres", EMAIL_WANTED, longest=254)
    rol = _role_field(GEMEENTE_ROLES)
    tot = _last_day()
    validate_email = parsed(parse_email, EMAIL_WANTED)

    def values(self) -> dict[str, Any]:
        """Return what the use case takes."""
        return {
            "name": self.naam.data,
            "email": self.email.data,
            "role": Role(self.rol.data),
            "until": end_of(self.tot.data),
        }


class InvitePersonForm(InviteForm):
    """Somebody invited by DUO: to a role of its own, or as one of the first people of a gemeente."""

    rol = _role_field(DUO_ROLES | FIRST_ROLES)
    gemeente = SelectField("Gemeente", validate_choice=False)

    def __init__(self) -> None:
        """Take the gemeenten that exist today."""
        super().__init__()
        rows = valid_on(clock.local_date(clock.now()))
        self.codes = {row.code for row in rows}
        self.gemeente.choices = {"": "Geen, de rol is bij DUO"} | {row.code: row.name for row in rows}

    def validate_gemeente(self, field: Field) -> None:
        """See that role and gemeente belong together."""
        role = self.rol.data
        if role in DUO_ROLES and field.data:
            raise ValidationError("Kies geen gemeente bij een rol van DUO")
        if role in FIRST_ROLES and field.data not in self.codes:
            raise ValidationError("Kies een gemeente")

    def values(self) -> dict[str, Any]:
        """Return what the use case takes."""
        return {**super().values(), "gemeente": self.gemeente.data or None}


class ConfirmForm(Form):
    """What a second DUO person checked; `nummer` is the registered number (E.164) that stood on the page."""

    nummer = HiddenField()
    gecontroleerd = BooleanField(validators=[DataRequired("Bevestig dat u dit hebt gecontroleerd")])

    def __init__(self, number: str | None) -> None:
        """Take the number that must be called, None for a colleague at DUO."""
        super().__init__(nummer=number or "")
        self.gecontroleerd.label.text = (
            "Ik heb dit nummer gebeld. Naam, e-mailadres en rol kloppen."
            if number
            else "Ik heb het aan deze collega zelf gevraagd. Naam, e-mailadres en rol kloppen."
        )


class CodeForm(Form):
    """The code that somebody said aloud."""

    code = text_field("Code", "Vul de code van 8 tekens in", shortest=1, longest=40)


class NewAccountForm(Form):
    """Name and password of a new account; `context` are texts that the password may not be made of."""

    naam = text_field("Naam", "Vul uw naam in")
    wachtwoord = PasswordField("Wachtwoord", validators=[InputRequired("Kies een wachtwoord")])
    wachtwoord_herhaald = PasswordField(
        "Wachtwoord nog een keer", validators=[InputRequired("Vul het wachtwoord nog een keer in")]
    )

    def __init__(self, name: str, context: Sequence[str]) -> None:
        """Take the name as the inviter wrote it, and the texts."""
        self.context = context
        super().__init__(naam=name)

    def validate_wachtwoord(self, field: Field) -> None:
        """Refuse a password that is easy to guess."""
        faults = check_password(field.data, [*self.context, self.naam.data or ""])
        if faults:
            raise ValidationError(faults[0])

    def validate_wachtwoord_herhaald(self, field: Field) -> None:
        """See that both are the same."""
        if field.data != self.wachtwoord.data:
            raise ValidationError("De 2 wachtwoorden zijn niet gelijk")


def review_form(grants: Sequence[Grant]) -> Form:
    """Return the form of the yearly review: per grant one question."""
    choices = {NEEDED: "Nog nodig", NOT_NEEDED: "Beëindigen"}
    fields = {
        _name(grant.id): _one_of(
            f"{grant.account.name}: {ROLES[grant.role]}",
            choices,
            f"Kies of {grant.account.name} de rol {ROLES[grant.role]} nog nodig heeft",
        )
        for grant in grants
    }
    form: Form = type("ReviewForm", (Form,), fields)()
    return form


def answers(form: Form, grants: Sequence[Grant]) -> dict[UUID, bool]:
    """Return per grant whether it is still needed."""
    return {grant.id: form[_name(grant.id)].data == NEEDED for grant in grants}


def _name(grant_id: UUID) -> str:
    return f"rol_{grant_id.hex}"


class PortfolioForm(Form):
    """A gemeente for the portfolio of a relatiebeheerder."""

    persoon = SelectField("Relatiebeheerder", validate_choice=False)
    gemeente = SelectField("Gemeente", validate_choice=False)
    tot = _last_day()

    def __init__(self, people: Mapping[str, str]) -> None:
        """Take the relatiebeheerders, name by id."""
        super().__init__()
        rows = valid_on(clock.local_date(clock.now()))
        _fill(self.persoon, people, "Kies een relatiebeheerder")
        _fill(self.gemeente, {row.code: row.name for row in rows}, "Kies een gemeente")


class HandOverForm(Form):
    """From whom, to whom."""

    van = SelectField("Van", validate_choice=False)
    naar = SelectField("Naar", validate_choice=False)

    def __init__(self, givers: Mapping[str, str], takers: Mapping[str, str]) -> None:
        """Take who has a portfolio and who may have one, name by id."""
        super().__init__()
        _fill(self.van, givers, "Kies van wie de gemeenten nu zijn")
        _fill(self.naar, takers, "Kies een relatiebeheerder")

    def validate_naar(self, field: Field) -> None:
        """See that it is somebody else."""
        if field.data == self.van.data:
            raise ValidationError("Kies een andere relatiebeheerder")


def _fill(field: SelectField, named: Mapping[str, str], missing: str) -> None:
    field.choices = {"": "Maak een keuze", **named}
    field.validators = [AnyOf(list(named), missing)]


class SearchForm(Form):
    """Whom to look for."""

    class Meta:
        """A search changes nothing and its address may be shared."""

        csrf = False

    zoek = optional_field("Naam of e-mailadres")
