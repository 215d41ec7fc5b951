"""Every kind of problem the API answers with (RFC 9457). Each has a page `/problemen/<slug>` that says what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from keyservice.portaal.rules import TEXTS


@dataclass(frozen=True)
class Problem:
    """One kind: `slug` is stable and ends its `type`, `title` never changes, `advice` is what somebody can do."""

    slug: str
    status: int
    title: str
    happened: str
    advice: str

    @property
    def type(self) -> str:
        """Return the address of the page about it, which is also what a program compares."""
        return f"/problemen/{self.slug}"


INPUT = Problem(
    "ongeldige-invoer",
    400,
    "De invoer klopt niet",
    "Een of meer velden kloppen niet. Wij hebben niets veranderd.",
    "Bekijk de lijst 'fouten'. Daarin staat per veld wat er mis is. Verbeter alles en stuur het verzoek opnieuw.",
)
JSON = Problem(
    "ongeldige-json",
    400,
    "Dit is geen JSON",
    "Wij kunnen de inhoud van uw verzoek niet lezen als JSON in UTF-8.",
    "Laat een bibliotheek de JSON maken, en zet hem niet zelf in elkaar met tekst.",
)
REQUEST = Problem(
    "ongeldig-verzoek",
    400,
    "Wij begrijpen uw verzoek niet",
    "Wij kunnen het verzoek niet of niet helemaal lezen, of het is niet voor deze dienst.",
    "Controleer het adres, de headers en de naam van de server. De pagina over de API geeft voorbeelden.",
)
SECRET_IN_ADDRESS = Problem(
    "sleutel-in-adres",
    400,
    "Er staat een sleutel in het adres",
    "Adressen komen in logboeken van servers en netwerken. Daarom kijken wij niet naar een sleutel in een adres.",
    "Zet de sleutel in de header Authorization. Anderen kunnen deze sleutel hebben gelezen: vervang hem snel.",
)
BSN_IN_ADDRESS = Problem(
    "bsn-in-adres",
    400,
    "Er staat een burgerservicenummer in het adres",
    "Adressen komen in logboeken van servers en netwerken. Daarom kijken wij niet naar een burgerservicenummer in een "
    "adres.",
    "Zet het nummer in de inhoud van het verzoek, zoals de pagina over de API zegt. Laat het adres wissen uit uw "
    "logboeken.",
)
NO_KEY = Problem(
    "geen-geldige-sleutel",
    401,
    "Geen geldige applicatiesleutel",
    "Er staat geen applicatiesleutel in de header Authorization, of wij kennen hem niet.",
    "Stuur de sleutel mee als 'Authorization: Bearer asl_…'. Kopieer hem in zijn geheel: één teken anders, en de "
    "sleutel is ongeldig.",
)
EXPIRED = Problem(
    "sleutel-verlopen",
    401,
    "De sleutel is verlopen",
    "De einddatum van deze sleutel is voorbij. De sleutel werkt niet meer.",
    "Vraag in Sleuteluitgifte een nieuwe sleutel aan. Doe dat een volgende keer voor de einddatum: dan blijft de oude "
    "werken tot u de nieuwe gebruikt.",
)
REVOKED = Problem(
    "sleutel-ingetrokken",
    401,
    "De sleutel is ingetrokken",
    "Deze sleutel is ingetrokken en werkt nooit meer.",
    "Gebruik de nieuwe sleutel, als u die al hebt. Weet u niet waarom de sleutel is ingetrokken? Kijk dan in "
    "Sleuteluitgifte bij de aanvraag.",
)
SUSPENDED = Problem(
    "sleutel-geblokkeerd",
    401,
    "De sleutel is geblokkeerd",
    "Deze sleutel werkt nu niet, omdat iemand hem heeft geblokkeerd.",
    "Kijk in Sleuteluitgifte bij de aanvraag. Daar staat of uw gemeente de blokkade kan opheffen, of dat DUO dat doet.",
)
SLEEPING = Problem(
    "sleutel-slaapt",
    401,
    "De sleutel is nog niet geactiveerd",
    "Deze sleutel is goed, maar werkt pas nadat u hem hebt geactiveerd.",
    "Ga naar Sleuteluitgifte, open de aanvraag en vul de activatiecode in. De code staat bij de sleutel in het "
    "zipbestand.",
)
NO_SYSTEM = Problem(
    "systeem-onbekend",
    401,
    "Wij kennen dit systeem niet",
    "Alleen systemen met een eigen toegangscode mogen dit vragen. Er staat er geen in de header Authorization, of wij "
    "kennen hem niet.",
    "Stuur de toegangscode mee als 'Authorization: Bearer asv_…'. Een applicatiesleutel is hier niet goed. De "
    "beheerder van Sleuteluitgifte bij DUO geeft de toegangscode.",
)
REFUSED = Problem(
    "niet-toegestaan",
    403,
    "Dit mag niet met deze sleutel",
    "De sleutel is goed, maar geeft geen recht op deze handeling.",
    "Kijk in de aanvraag van de sleutel voor welke gegevens hij geldt. Vraag anders een nieuwe sleutel aan.",
)
NOT_FOUND = Problem(
    "niet-gevonden",
    404,
    "Niet gevonden",
    "Er is niets op dit adres, of niet voor uw gemeente.",
    "Controleer het adres. Een adres eindigt nooit op een schuine streep.",
)
METHOD = Problem(
    "methode-niet-toegestaan",
    405,
    "Deze methode kan hier niet",
    "Dit adres kent de methode van uw verzoek niet.",
    "De header Allow noemt de methoden die er wel zijn.",
)
NOT_ACCEPTABLE = Problem(
    "geen-passend-antwoord",
    406,
    "Wij kunnen niet antwoorden zoals u vraagt",
    "De header Accept sluit application/json uit.",
    "Stuur 'Accept: application/json', of laat de header weg.",
)
CONFLICT = Problem(
    "intussen-veranderd",
    409,
    "Dit kan nu niet (meer)",
    "De stand van zaken is anders dan uw verzoek veronderstelt. Wij hebben niets veranderd.",
    "Vraag de gegevens opnieuw op en kijk wat er is veranderd.",
)
TOO_LARGE = Problem(
    "te-groot",
    413,
    "Het verzoek is te groot",
    "De inhoud van het verzoek is groter dan wij lezen.",
    "Stuur minder tegelijk.",
)
MEDIA_TYPE = Problem(
    "verkeerd-soort-inhoud",
    415,
    "Dit soort inhoud lezen wij hier niet",
    "De header Content-Type ontbreekt of noemt een ander soort inhoud. Of de inhoud is ingepakt (Content-Encoding).",
    "De pagina over de API noemt bij elk verzoek het soort inhoud. Meestal is dat application/json. Stuur de inhoud "
    "zoals zij is, en niet ingepakt.",
)
TOO_OFTEN = Problem(
    "te-vaak",
    429,
    "Te veel verzoeken",
    "U stuurt meer verzoeken dan wij tegelijk beantwoorden.",
    "Wacht zoveel seconden als de header Retry-After noemt, en stuur het verzoek dan opnieuw.",
)
FAILURE = Problem(
    "fout-bij-ons",
    500,
    "Er ging iets mis bij ons",
    "Het verzoek is niet uitgevoerd.",
    "Probeer het later opnieuw. Blijft het misgaan? Neem dan contact met ons op en noem de code in 'detail'.",
)
UNAVAILABLE = Problem(
    "even-niet-bereikbaar",
    503,
    "De dienst is even niet bereikbaar",
    "Het verzoek is niet uitgevoerd.",
    "Wacht zoveel seconden als de header Retry-After noemt, en stuur het verzoek dan opnieuw.",
)

OTHER_OMGEVING = Problem(
    "sleutel-van-andere-omgeving",
    403,
    "De sleutel is van een andere omgeving",
    "De sleutel werkt, maar hoort niet bij de gegevens op dit adres: die zijn van een andere omgeving.",
    "Gebruik een sleutel voor deze omgeving, of het adres dat bij uw sleutel hoort. GET /sleutel noemt de omgeving van "
    "uw sleutel.",
)
RUNNING = Problem(
    "nog-bezig",
    409,
    "Wij zijn nog bezig met dit bericht",
    "Een bericht met hetzelfde kenmerk is nog niet klaar.",
    "Wacht zoveel seconden als de header Retry-After noemt, en stuur hetzelfde bericht opnieuw. U krijgt dan het "
    "antwoord van het eerste.",
)
REUSED = Problem(
    "kenmerk-hergebruikt",
    422,
    "Dit kenmerk hoort bij een ander bericht",
    "Met hetzelfde kenmerk kwam eerder een bericht met een andere inhoud. Wij hebben niets vastgelegd.",
    "Geef elk nieuw bericht een eigen kenmerk. Alleen een bericht dat u opnieuw stuurt, houdt zijn kenmerk.",
)
UNKNOWN_PERSON = Problem(
    "inburgeraar-onbekend",
    404,
    "Deze inburgeraar is niet bekend bij uw gemeente",
    "Wij kennen niemand met dit burgerservicenummer, of hij hoort bij een andere gemeente.",
    "Controleer het nummer. Klopt het? Dan hoort de inburgeraar nu niet bij uw gemeente.",
)
NO_BSN = Problem(
    "bsn-ongeldig",
    400,
    "Dit is geen burgerservicenummer",
    "Het nummer voldoet niet aan de 11-proef.",
    "Controleer of er een typefout in het nummer staat.",
)
SIGNED = Problem(
    "al-ondertekend",
    409,
    "De ondertekening is al vastgelegd",
    "Voor deze inburgeraar is de ondertekening al vastgelegd. Wij hebben niets veranderd.",
    "U hoeft niets te doen. Klopt er iets niet? Verbeter het dan in het portaal.",
)
_IN_PORTAAL = "Leg dit vast in het portaal."
_RULE_ADVICE = {
    "alleen-wi2013": _IN_PORTAAL,
    "niet-ondertekend-niet-via-koppeling": _IN_PORTAAL,
    "niet-ondertekend-alleen-wi2013": "U kunt dit nu niet vastleggen. Wacht tot de inburgeraar heeft ondertekend.",
}
# One per rule, by its code: what a registration must keep to is said in one place only.
RULES: Mapping[str, Problem] = MappingProxyType(
    {
        code: Problem(
            code,
            400,
            text,
            f"{text}. Wij hebben deze registratie niet vastgelegd.",
            _RULE_ADVICE.get(code, "Verbeter de registratie. Stuur haar opnieuw in een nieuw bericht."),
        )
        for code, text in TEXTS.items()
    }
)

# What stands for a status when nothing more is known.
_GENERAL = (
    *(REQUEST, NO_KEY, REFUSED, NOT_FOUND, METHOD, NOT_ACCEPTABLE, CONFLICT, TOO_LARGE, MEDIA_TYPE, TOO_OFTEN),
    *(FAILURE, UNAVAILABLE),
)
ALL = (
    *(REQUEST, INPUT, JSON, SECRET_IN_ADDRESS, BSN_IN_ADDRESS),
    *(NO_KEY, EXPIRED, REVOKED, SUSPENDED, SLEEPING, NO_SYSTEM),
    *(REFUSED, NOT_FOUND, METHOD, NOT_ACCEPTABLE, CONFLICT, TOO_LARGE, MEDIA_TYPE, TOO_OFTEN, FAILURE, UNAVAILABLE),
    *(OTHER_OMGEVING, RUNNING, REUSED, UNKNOWN_PERSON, NO_BSN, SIGNED, *RULES.values()),
)
BY_SLUG = {problem.slug: problem for problem in ALL}
_BY_STATUS = {problem.status: problem for problem in _GENERAL}


def of_status(status: int) -> Problem:
    """Return the problem that says of an HTTP status from 400 on no more than it means."""
    return _BY_STATUS.get(status, REQUEST if status < FAILURE.status else FAILURE)
