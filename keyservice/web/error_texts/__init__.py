"""What a page says when a use case will not do something: per code a title and what happened, in plain Dutch.

A text may name values that the error carries, as `{name}`; a value that is not there becomes empty.
"""

from collections import defaultdict
from collections.abc import Mapping

from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused, UseCaseError
from keyservice.web.error_texts import aanvragen, accounts, berichtenboek, issuance, portaal

SHARED = {
    "changed-meanwhile": ("Er is intussen iets veranderd", "Iemand anders was u net voor."),
    "other-gemeente": (
        "U werkt nu namens een andere gemeente",
        "Wat u verstuurde, was voor een andere gemeente dan u bovenaan ziet. Kies de goede gemeente en begin opnieuw.",
    ),
    "message-unreadable": (
        "Dit bericht kan niet opnieuw worden verstuurd",
        "De inhoud is vernietigd of beschadigd. Kies op de pagina met berichten wat u nog wel kunt doen.",
    ),
    "dossier-not-sealed": (
        "Dit dossier staat nog niet in het logboek",
        "Dat gebeurt binnen 1 minuut. Ga dan terug en probeer het opnieuw.",
    ),
    "trail-broken": (
        "Het logboek klopt niet met het controlepunt",
        "Daarom kunnen wij geen bewijs van dit dossier geven. Bel DUO, en vraag naar de functioneel beheerder.",
    ),
    "message-not-dead": ("Dit bericht is al opgepakt", "Het bericht wacht niet meer op u."),
}
# Commands.
COMMANDS = {
    "asking-system-known": ("Dit systeem mag al vragen", "Een naam hoort bij 1 systeem tegelijk."),
    "not-logged-in": ("U bent niet ingelogd", "E-mailadres, wachtwoord of code van de app klopt niet."),
    "restore-not-needed": ("Er is niets te aanvaarden", "De database past bij het bestand met de controlepunten."),
    "restore-damaged": (
        "Dit is geen oudere stand van dezelfde database",
        "Er is meer mis. Bekijk wat `keyservice audit verify` vindt.",
    ),
}
TEXTS: dict[str, tuple[str, str]] = (
    SHARED | COMMANDS | aanvragen.TEXTS | issuance.TEXTS | accounts.TEXTS | berichtenboek.TEXTS | portaal.TEXTS
)
# Values of data as people read them.
WORDS: dict[str, str] = {
    "draft": "Concept",
    "submitted": "Ingediend",
    "in_review": "In behandeling",
    "info_requested": "Aanvulling gevraagd",
    "approved": "Goedgekeurd",
    "issued": "Uitgegeven",
    "rejected": "Afgewezen",
    "withdrawn": "Ingetrokken",
    "lapsed": "Vervallen",
    "prepared": "Voorbereid",
    "running": "Loopt",
    "paused": "Gepauzeerd",
    "finished": "Klaar",
    "stopped": "Gestopt",
    "asked": "Aangevraagd",
    "held": "Uitgereikt",
    "refused": "Geweigerd",
    "ended": "Gestopt",
}
DEFAULT: dict[type[UseCaseError], tuple[str, str]] = {
    NotFound: ("Deze pagina bestaat niet (meer)", "Wij kunnen niet vinden wat u zoekt."),
    Refused: ("U mag dit niet doen", "Deze handeling hoort niet bij uw rol."),
    Conflict: ("Dit kan nu niet meer", "Er is intussen iets veranderd."),
    Invalid: ("Dit kan zo niet", "Wij kunnen dit niet verwerken zoals u het hebt ingevuld."),
}


def text_of(error: UseCaseError) -> tuple[str, str]:
    """Return the title of the page of an error and the sentence that says what happened."""
    title, happened = TEXTS.get(error.code, DEFAULT[type(error)])
    return title, _fill(happened, error.data)


def _fill(text: str, data: Mapping[str, object]) -> str:
    words = {name: WORDS.get(str(value), str(value)) for name, value in data.items()}
    return text.format_map(defaultdict(str, words)).strip()
