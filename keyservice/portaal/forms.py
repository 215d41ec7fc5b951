"""Forms of the portaal. What may be registered, `rules` judges; its faults are shown at the fields."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from wtforms import HiddenField, RadioField
from wtforms.validators import Optional as MayBeEmpty

from keyservice.accounts.people_forms import EndDate
from keyservice.portaal import birth, bsn_text
from keyservice.portaal.rules import Facts, Frame, Wet, faults
from keyservice.web.forms import Form, parsed, remark_field, text_field

DATE_WANTED = "Vul een datum in, bijvoorbeeld 23-11-2026"
BSN_WANTED = "Vul een BSN in van 9 cijfers. Controleer de cijfers"
BIRTH_WANTED = "Vul een geboortedatum in, bijvoorbeeld 3-11-1985. Vul 00 in voor een dag of maand die niet bekend is"
BSN_IN_REASON = "Haal het BSN uit de uitleg"
_LONGEST = 500
_LONGEST_NUMBER = 9  # digits; the column is a 32-bit integer


def _passes(text: str) -> str:
    bsn_text.parse(text)
    return text


def _is_birth_date(text: str) -> str:
    birth.parse(text)
    return text


def _without_bsn(text: str) -> str:
    if bsn_text.stands_in(text):
        raise ValueError("a BSN")
    return text


def _number(text: str | None) -> int:
    fits = text and text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if text and fits else -1


class BsnForm(Form):
    """Whom to look for, by number."""

    bsn = text_field("BSN", BSN_WANTED, longest=20, shortest=1)
    validate_bsn = parsed(_passes, BSN_WANTED)


class NameForm(Form):
    """Whom to look for, by name and birth date."""

    achternaam = text_field("Achternaam", "Vul de achternaam in", longest=200, shortest=1)
    geboortedatum = text_field("Geboortedatum", BIRTH_WANTED, longest=20)
    validate_geboortedatum = parsed(_is_birth_date, BIRTH_WANTED)


class _Day(EndDate):
    wanted = DATE_WANTED


def _day(label: str) -> _Day:
    """Return a day; whether it may stay empty, the rules say."""
    # Browsers send 2026-11-23, people type 23-11-2026.
    return _Day(label, format=["%Y-%m-%d", "%d-%m-%Y"], validators=[MayBeEmpty()])


def _question(label: str) -> RadioField:
    return RadioField(label, choices={"ja": "Ja", "nee": "Nee"}, validate_choice=False)


_YES: Mapping[str | None, bool] = MappingProxyType({"ja": True, "nee": False})
_WORDS: Mapping[bool | None, str | None] = MappingProxyType({True: "ja", False: "nee", None: None})


class RegistrationForm(Form):
    """Whether somebody signed. `versie` is the number of the newest version that the page showed."""

    versie = HiddenField()
    ondertekend = _question("Heeft de inburgeraar de participatieverklaring ondertekend?")
    gevolgd = _question("Heeft de inburgeraar het traject gevolgd?")
    datum_start = _day("Begin van de deelname")
    datum_einde = _day("Einde van de deelname")
    datum_ondertekening = _day("Datum van de ondertekening")
    reden = RadioField("Waarom heeft de inburgeraar niet aan de plicht voldaan?", validate_choice=False)
    toelichting = remark_field("Toelichting", longest=_LONGEST)

    # The field of each fact.
    at: Mapping[str, str] = MappingProxyType(
        {
            "ondertekend": "ondertekend",
            "gevolgd": "gevolgd",
            "started_on": "datum_start",
            "ended_on": "datum_einde",
            "signed_on": "datum_ondertekening",
            "reden": "reden",
            "toelichting": "toelichting",
        }
    )

    def __init__(self, wet: Wet, frame: Frame, seen: int, facts: Facts | None = None) -> None:
        """Take the law of the person, within what is judged, and what is shown until something is typed."""
        shown = facts or Facts()
        values = {field: getattr(shown, fact) for fact, field in self.at.items()}
        values |= {"ondertekend": _WORDS[shown.ondertekend], "gevolgd": _WORDS[shown.gevolgd], "versie": str(seen)}
        super().__init__(data=values)
        self.wet, self.frame = wet, frame
        self.reden.choices = {
            reason.code: reason.text for reason in frame.reasons.values() if reason.valid_on(frame.today)
        }
        # Where "niet ondertekend" cannot be registered, nothing is asked that has one answer only.
        self.only_signed = wet is Wet.WI2021 and frame.today < frame.openings.refusals_wi2021
        if self.only_signed:
            del self.ondertekend, self.gevolgd, self.reden, self.toelichting

    def _answer(self, question: str) -> bool | None:
        return True if self.only_signed else _YES.get(self[question].data)

    @property
    def _unasked(self) -> set[str]:
        """Return the fields that do not belong to the answers: what stands there is not read, and is hidden."""
        fields: set[str] = set()
        if self._answer("gevolgd") is False:
            fields |= {"datum_start", "datum_einde"}
        if self._answer("ondertekend") is False:
            fields |= {"datum_ondertekening"}
        if self._answer("ondertekend") is True:  # nobody can take back the choice of a reason
            fields |= {"reden", "toelichting"}
        return fields

    @property
    def facts(self) -> Facts:
        """Return what was filled in, as far as it belongs to the answers."""
        unasked = self._unasked
        values = {
            fact: self[field].data or None
            for fact, field in self.at.items()
            if field not in {"ondertekend", "gevolgd", *unasked}
        }
        return Facts(ondertekend=self._answer("ondertekend"), gevolgd=self._answer("gevolgd"), **values)

    @property
    def seen(self) -> int:
        """Return the number of the version that the page showed; -1, which never fits, for a broken one."""
        return _number(self.versie.data)

    def validate(self, extra_validators: Mapping[str, Sequence[object]] | None = None) -> bool:
        """Check what was typed, and then all the rules: everything that is wrong is told at once."""
        super().validate(extra_validators)
        for field in self:
            if field.name in self._unasked:
                field.errors = []
        for fault in faults(self.wet, self.facts, self.frame):
            at = self[self.at[fault.field]]
            at.errors = at.errors or [fault.text]
        return not self.errors


class CorrectionForm(RegistrationForm):
    """What should be registered instead, and why."""

    uitleg = remark_field("Waarom verandert u dit?", "Leg uit waarom u dit verandert", longest=_LONGEST)
    validate_uitleg = parsed(_without_bsn, BSN_IN_REASON)

    def __init__(self, wet: Wet, frame: Frame, seen: int, facts: Facts | None = None) -> None:
        """Take as the form it is like, and remember what is registered now."""
        super().__init__(wet, frame, seen, facts)
        self.before, self.newest = facts, seen

    def validate(self, extra_validators: Mapping[str, Sequence[object]] | None = None) -> bool:
        """Check everything, and see that something changes. What an older page changed is not asked of this one."""
        valid = super().validate(extra_validators)
        if valid and self.seen == self.newest and self.facts == self.before:
            self.form_errors.append("U hebt niets veranderd. Verander iets, of ga terug")
            return False
        return valid


class WithdrawForm(Form):
    """Why what is registered is taken back."""

    versie = HiddenField()
    uitleg = remark_field("Waarom trekt u dit in?", "Leg uit waarom u dit intrekt", longest=_LONGEST)
    validate_uitleg = parsed(_without_bsn, BSN_IN_REASON)

    @property
    def seen(self) -> int:
        """Return the number of the version that the page showed; -1 for a broken one."""
        return _number(self.versie.data)
