"""What a gemeente has to do now, derived from the facts of its aanvraag. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from keyservice.aanvragen.workflow import Status
from keyservice.issuance.models import End
from keyservice.overview.timeline import Handover, KeyNow
from keyservice.sleutels.life import Need, State


class Act(StrEnum):
    """Where a button of the box leads."""

    EDIT = "edit"
    CONTACTS = "contacts"
    RESUBMIT = "resubmit"
    ACTIVATE = "activate"
    START = "start"
    REPLACE = "replace"


@dataclass(frozen=True)
class Todo:
    """The box: `tone` is that of an alert, `points` a list of things to do, `acts` the buttons in order."""

    title: str
    text: str
    tone: str = "info"
    points: tuple[str, ...] = ()
    acts: tuple[Act, ...] = ()


LABELS: Mapping[Act, str] = MappingProxyType(
    {
        Act.EDIT: "Aanvraag verder invullen",
        Act.CONTACTS: "Contactpersonen controleren",
        Act.RESUBMIT: "Aanvulling versturen",
        Act.ACTIVATE: "Sleutel activeren",
        Act.START: "Nieuwe aanvraag starten",
        Act.REPLACE: "Vervanging aanvragen",
    }
)
# What the gemeente itself can mend of what `contacts.queries.missing` names; the call is DUO's.
_OWN_WORK: Mapping[str, str] = MappingProxyType(
    {
        "key-address": "Bewijs het adres van de contactpersoon voor de sleutel: met het oefenbestand of door inloggen.",
        "key-vouched": "Laat uw gemeentebeheerder instaan voor de contactpersoon voor de sleutel.",
        "password-address": "Bewijs het adres van de contactpersoon voor het wachtwoord: met een sms of door inloggen.",
        "password-confirmed": "Laat de contactpersoon voor het wachtwoord bevestigen: 'Ja, ik ontvang het wachtwoord'.",
        "not-independent": "Geef voor de sleutel en het wachtwoord twee verschillende personen op.",
    }
)
_CALL = "DUO belt nog met uw gemeente om de contactpersonen te controleren."
_NOTHING = "U hoeft nu niets te doen"
_LEAKED = Todo(
    "Uw sleutel is gevonden en werkt niet meer",
    "Iemand vond de sleutel en meldde dat. Daarom hebben wij de sleutel meteen ingetrokken.\n"
    "Vraag een nieuwe sleutel aan: wij vullen de aanvraag voor u in. Zoek ook uit waar de sleutel stond en haal hem "
    "daar weg. Uw relatiebeheerder weet of de melder schreef waar hij hem vond.",
    "error",
    acts=(Act.REPLACE,),
)
_WORKS = Todo(_NOTHING, "De sleutel is geactiveerd.", "ok")
_REPLACED = Todo(_NOTHING, "Deze sleutel is vervangen en werkt niet meer. Uw koppeling gebruikt de nieuwe sleutel.")
_OVER = "De koppeling werkt niet met deze sleutel. Hebt u nog een sleutel nodig? Vraag dan een vervanging aan."
_BLOCKED: Mapping[Need, Todo] = MappingProxyType(
    {
        Need.RESUME: Todo(
            "Uw gemeente heeft de sleutel geblokkeerd",
            "De koppeling werkt nu niet. Is alles in orde? Kies dan 'Sleutel deblokkeren'. Is de sleutel in verkeerde "
            "handen? Kies dan 'Sleutel intrekken'.",
            "warning",
        ),
        Need.ASK_DUO: Todo(
            "De sleutel is geblokkeerd",
            "De koppeling werkt nu niet. Alleen DUO kan de sleutel weer laten werken. Bel uw relatiebeheerder.",
            "warning",
        ),
        Need.ASK_SUCCESSOR: Todo(
            "De sleutel is gestopt, want uw gemeente bestaat niet meer",
            "De gemeente die de uwe opvolgt, kan vragen om de sleutel nog even te gebruiken. DUO beslist daarover.",
            "warning",
        ),
    }
)
_FIXED: Mapping[Status, Todo] = MappingProxyType(
    {
        Status.DRAFT: Todo(
            "Maak uw aanvraag af",
            "Dit is nog een concept. Vul alle stappen in en verstuur uw aanvraag.",
            "warning",
            acts=(Act.EDIT,),
        ),
        Status.APPROVED: Todo(_NOTHING, "Uw aanvraag is goedgekeurd. DUO maakt nu uw sleutel."),
        Status.WITHDRAWN: Todo(
            "Deze aanvraag is ingetrokken",
            "Wilt u toch een sleutel? Start dan een nieuwe aanvraag.",
            acts=(Act.START,),
        ),
        Status.LAPSED: Todo(
            "Deze aanvraag is vervallen",
            "Er gebeurde te lang niets. Wilt u toch een sleutel? Start dan een nieuwe aanvraag.",
            acts=(Act.START,),
        ),
    }
)


def todo(
    status: Status,
    *,
    missing: tuple[str, ...] = (),
    question: str | None = None,
    rejection: str | None = None,
    handover: Handover | None = None,
) -> Todo:
    """Return what is asked of the gemeente now.

    `missing` are codes of `contacts.queries.missing`, `handover` is the newest issuance.
    """
    if status is Status.INFO_REQUESTED:
        return Todo(
            "Uw relatiebeheerder heeft een vraag",
            question or "",
            "warning",
            _own_work(missing),
            (Act.EDIT, Act.CONTACTS, Act.RESUBMIT) if _own_work(missing) else (Act.EDIT, Act.RESUBMIT),
        )
    if status is Status.REJECTED:
        return Todo("Uw aanvraag is afgewezen", rejection or "", "error", acts=(Act.START,))
    if status in {Status.SUBMITTED, Status.IN_REVIEW}:
        return _during_review(missing)
    if status is Status.ISSUED:
        return _LEAKED if handover and handover.leaked else _after_issue(handover, _own_work(missing))
    if status is Status.APPROVED and _own_work(missing):
        text = "DUO kan de sleutel pas uitgeven als dit opnieuw klaar is. Elke controle geldt 1 jaar."
        return Todo("Controleer uw contactpersonen", text, "warning", _own_work(missing), (Act.CONTACTS,))
    return _FIXED[status]


def about_key(key: KeyNow) -> Todo:
    """Return what is asked of the gemeente about a key that was handed over."""
    stands, day = key.stands, key.day
    if stands.state in {State.REVOKED, State.EXPIRED}:
        title = "De sleutel is ingetrokken" if stands.state is State.REVOKED else "De sleutel is verlopen"
        return _REPLACED if key.replaced else Todo(title, _OVER, "error", acts=(Act.REPLACE,))
    if stands.state is State.SUSPENDED:
        return _BLOCKED[stands.need or Need.ASK_DUO]
    if stands.state is State.SLEEPING:
        return Todo(_NOTHING, f"De sleutel is geactiveerd en werkt vanaf {day}.")
    if key.replaced:
        text = "De nieuwe sleutel wordt gebruikt. Gebruikt ergens een systeem nog deze sleutel? Zet daar de nieuwe in."
        return Todo(f"Deze sleutel stopt op {day}", text, "warning")
    if stands.need is Need.REPLACE:
        text = "Vraag op tijd een vervangende sleutel aan. Deze sleutel blijft intussen werken."
        return Todo(f"De sleutel verloopt op {day}", text, "warning", acts=(Act.REPLACE,))
    return _WORKS


def _own_work(missing: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_OWN_WORK[code] for code in missing if code in _OWN_WORK)


def _during_review(missing: tuple[str, ...]) -> Todo:
    points = _own_work(missing)
    if points:
        text = "Uw relatiebeheerder kan de aanvraag pas goedkeuren als dit klaar is."
        return Todo("Controleer uw contactpersonen", text, "warning", points, (Act.CONTACTS,))
    call = f" {_CALL}" if missing else ""
    return Todo(_NOTHING, f"Uw relatiebeheerder bekijkt uw aanvraag binnen 5 werkdagen.{call}")


def _after_issue(handover: Handover | None, points: tuple[str, ...] = ()) -> Todo:
    if handover is None or handover.end in {End.LAPSED, End.CANCELLED}:
        old = handover is not None and handover.old_works
        works = "De nieuwe sleutel werkt niet, uw oude sleutel nog wel." if old else "Deze sleutel werkt niet."
        text = f"{works} Bel of mail uw relatiebeheerder voor een nieuwe sleutel."
        if points:
            text += "\nDaarvoor moet u eerst dit opnieuw doen, omdat het langer dan 1 jaar geleden is:"
        return Todo("De levering van de sleutel is gestopt", text, "warning", points, (Act.CONTACTS,) if points else ())
    if handover.end is End.DONE:
        return about_key(handover.key) if handover.key else _WORKS
    if not handover.password_sent:
        return _underway(handover)
    if handover.by_letter:
        text = (
            "Het wachtwoord gaat per brief naar uw collega. Dat duurt een paar werkdagen. "
            "Is de brief er? Open dan het zipbestand. Daarin staat een activatiecode. Vul die hier in. "
            "Pas dan werkt de sleutel. Is de brief er na 5 werkdagen niet? Bel dan uw relatiebeheerder."
        )
        return Todo("Wacht op de brief en activeer de sleutel", text, "warning", acts=(Act.ACTIVATE,))
    text = (
        "Open het zipbestand met het wachtwoord van uw collega. In het zipbestand staat een activatiecode. "
        "Vul die hier in. Pas dan werkt de sleutel."
    )
    return Todo("Activeer de sleutel", text, "warning", acts=(Act.ACTIVATE,))


def _underway(handover: Handover) -> Todo:
    """Return what is asked until the password has gone."""
    if handover.received and handover.password_by_login:
        text = (
            "De contactpersoon voor het wachtwoord logt in en bekijkt het. Dat kan 1 keer. "
            "Zorg dus dat uw collega dan het zipbestand bij de hand heeft."
        )
        return Todo("Het wachtwoord staat klaar", text, "warning")
    if handover.received:
        return Todo(_NOTHING, "Het zipbestand is ontvangen. Uw collega krijgt nu het wachtwoord.")
    if handover.zip_by_login:
        text = (
            "De contactpersoon voor de sleutel logt in, haalt het zipbestand op en meldt dat het er is. "
            "Daarna kan uw collega het wachtwoord krijgen."
        )
        return Todo("Haal het zipbestand op", text, "warning")
    text = (
        "De contactpersoon voor de sleutel krijgt een e-mail. "
        "Is het zipbestand er? Kies dan via die e-mail 'Ik heb het zipbestand'. Daarna krijgt uw collega het "
        "wachtwoord."
    )
    return Todo("Meld dat u het zipbestand hebt", text, "warning")
