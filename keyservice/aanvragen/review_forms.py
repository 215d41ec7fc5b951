"""The forms of the review, and the one table of its acts: address, step, words and form."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from wtforms import BooleanField, HiddenField
from wtforms.validators import DataRequired

from keyservice.aanvragen.workflow import Step
from keyservice.web.forms import Form, remark_field

# The longest text that a gemeente has to read; a motivation or note has the default length.
LONGEST = 1000


class QuestionForm(Form):
    """What the gemeente must add."""

    text = remark_field(
        "Wat wilt u van de gemeente weten? De gemeente kan deze tekst lezen.",
        "Schrijf op wat de gemeente moet aanvullen.",
        longest=LONGEST,
        shortest=10,
    )


class RejectForm(Form):
    """Why an aanvraag is rejected."""

    text = remark_field(
        "Waarom wijst u de aanvraag af? De gemeente kan deze tekst lezen.",
        "Schrijf op waarom u de aanvraag afwijst.",
        longest=LONGEST,
        shortest=10,
    )


class RetractForm(Form):
    """Why an approval is taken back."""

    text = remark_field(
        "Waarom trekt u de goedkeuring in? Alleen DUO kan deze tekst lezen.",
        "Schrijf op waarom u de goedkeuring intrekt.",
        longest=LONGEST,
        shortest=10,
    )


class ApproveForm(Form):
    """What was checked, and why the aanvraag is approved; `seen` is the hash of the content on the page."""

    seen = HiddenField()
    gemeente = BooleanField(
        "De gemeente bestaat en het OIN is van deze gemeente.", validators=[DataRequired("Controleer gemeente en OIN.")]
    )
    contacts = BooleanField(
        "De 2 contactpersonen zijn verschillende mensen en werken voor de gemeente.",
        validators=[DataRequired("Controleer de contactpersonen.")],
    )
    software = BooleanField(
        "Ik ken het pakket en de leverancier, of ik heb ze opgezocht.",
        validators=[DataRequired("Controleer het pakket en de leverancier.")],
    )
    signer = BooleanField(
        "De ondertekenaar mag namens de gemeente tekenen.", validators=[DataRequired("Controleer de ondertekenaar.")]
    )
    motivation = remark_field(
        "Waarom keurt u de aanvraag goed? Alleen DUO kan deze tekst lezen.",
        "Schrijf op waarom u de aanvraag goedkeurt.",
        shortest=5,
    )


class NoteForm(Form):
    """An internal note."""

    text = remark_field("Notitie. Alleen DUO kan deze tekst lezen.", "Schrijf eerst een notitie.")


@dataclass(frozen=True)
class Act:
    """One act of the review: `label` stands on the button, `done` is said afterwards.

    Without `form` it needs no input, and is a button on the dossier page; with one it has a page of its own with
    `title` and `explanation`.
    """

    step: Step
    label: str
    done: str
    title: str = ""
    explanation: str = ""
    form: type[Form] | None = None
    negative: bool = False


# By the last part of the address. Approving has a route of its own, because it asks for a fresh factor.
ACTS: Mapping[str, Act] = MappingProxyType(
    {
        "oppakken": Act(Step.TAKE_UP, "Aanvraag oppakken", "U behandelt deze aanvraag nu."),
        "overnemen": Act(Step.TAKE_OVER, "Aanvraag overnemen", "U behandelt deze aanvraag nu."),
        "terughalen": Act(Step.TAKE_BACK, "Aanvraag terughalen", "De gemeente hoeft niets meer aan te vullen."),
        "aanvulling-vragen": Act(
            Step.ASK,
            "Om aanvulling vragen",
            "Uw vraag is verstuurd.",
            "Om aanvulling vragen",
            "De gemeente krijgt uw vraag per e-mail. Zij kan de aanvraag dan aanpassen.",
            QuestionForm,
        ),
        "afwijzen": Act(
            Step.REJECT,
            "Aanvraag afwijzen",
            "De aanvraag is afgewezen.",
            "Aanvraag afwijzen?",
            "De gemeente krijgt uw reden per e-mail. Zij kan daarna een nieuwe aanvraag doen. "
            "Dit kunt u niet terugdraaien.",
            RejectForm,
            negative=True,
        ),
        "goedkeuring-intrekken": Act(
            Step.RETRACT,
            "Goedkeuring intrekken",
            "De goedkeuring is ingetrokken. U behandelt deze aanvraag nu.",
            "Goedkeuring intrekken?",
            "Er kan dan geen sleutel worden uitgegeven. U beoordeelt de aanvraag daarna opnieuw.",
            RetractForm,
            negative=True,
        ),
        "loslaten": Act(Step.RELEASE, "Aanvraag loslaten", "Een collega kan de aanvraag nu oppakken."),
    }
)
LACKING: Mapping[str, str] = MappingProxyType(
    {
        "key-address": "Het e-mailadres van de contactpersoon voor de sleutel is nog niet bewezen.",
        "key-vouched": "Niemand staat nog in voor de contactpersoon voor de sleutel.",
        "password-address": "Het nummer of account van de contactpersoon voor het wachtwoord moet nog worden bewezen.",
        "password-vouched": "Over deze 2 contactpersonen samen moet DUO nog bellen.",
        "password-confirmed": "De contactpersoon voor het wachtwoord heeft nog geen 'ja' gezegd.",
        "not-independent": "De 2 contactpersonen zijn niet onafhankelijk van elkaar.",
    }
)
