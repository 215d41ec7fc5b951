"""What a page says when a use case will not do something: per code a title and what happened, in plain Dutch.

A text may name values that the error carries, as `{name}`; a value that is not there becomes empty.
"""

from collections import defaultdict
from collections.abc import Mapping

from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused, UseCaseError

# Shared by all slices.
TEXTS: dict[str, tuple[str, str]] = {
    "changed-meanwhile": ("Er is intussen iets veranderd", "Iemand anders was u net voor."),
    "message-not-dead": ("Dit bericht is al opgepakt", "Het bericht wacht niet meer op u."),
}
# Commands about the audit trail.
TEXTS |= {
    "not-logged-in": ("U bent niet ingelogd", "E-mailadres, wachtwoord of code van de app klopt niet."),
    "restore-not-needed": ("Er is niets te aanvaarden", "De database past bij het bestand met de controlepunten."),
    "restore-damaged": (
        "Dit is geen oudere stand van dezelfde database",
        "Er is meer mis. Bekijk wat `keyservice audit verify` vindt.",
    ),
}
# The contacts of an aanvraag.
TEXTS |= {
    "contact-without-account": (
        "Deze collega heeft nog geen account",
        "Vraag uw gemeentebeheerder om uw collega uit te nodigen met dit e-mailadres.",
    ),
}
# The review of an aanvraag.
TEXTS |= {
    "step-not-possible": ("Deze stap kan nu niet", "De aanvraag heeft nu de status '{status}'."),
    "claimed-by-other": (
        "Een collega behandelt deze aanvraag",
        "{claimer} heeft de aanvraag in behandeling. Neem de aanvraag over als u verder wilt.",
    ),
    "own-request": ("U mag deze aanvraag niet goedkeuren", "U hebt deze aanvraag zelf gestart of verstuurd."),
    "not-complete": (
        "De aanvraag is nog niet compleet",
        "Nog niet alles van de contactpersonen is gecontroleerd. Daarom kunt u nog niet goedkeuren.",
    ),
}
# The form of a gemeente.
TEXTS |= {
    "gemeente-ended": (
        "Deze gemeente bestaat niet meer",
        "Gemeente {name} is opgegaan in een andere gemeente: {successor}. Vraag de sleutel aan namens die gemeente.",
    ),
    "not-editable": (
        "U kunt dit niet meer veranderen",
        "De aanvraag is al verstuurd. Uw relatiebeheerder kan u om een aanvulling vragen.",
    ),
    "saved-meanwhile": ("Uw aanvraag is intussen opgeslagen", "Een collega of een ander tabblad was u net voor."),
    "open-aanvraag-exists": (
        "Er loopt al een aanvraag voor dit pakket",
        "Uw gemeente heeft al een aanvraag voor dit pakket en de omgeving {omgeving}: {number}.",
    ),
    "not-open": ("U kunt deze aanvraag niet meer intrekken", "De aanvraag is al afgerond."),
    "not-draft": ("U kunt deze aanvraag niet verwijderen", "De aanvraag is al verstuurd. U kunt hem wel intrekken."),
}
# The handing over of a key.
TEXTS |= {
    "four-eyes": (
        "Een collega moet de sleutel uitgeven",
        "U hebt deze aanvraag zelf goedgekeurd. Een collega moet de sleutel uitgeven.",
    ),
    "own-request-issue": ("U mag deze sleutel niet uitgeven", "U hebt deze aanvraag zelf gestart of verstuurd."),
    "own-issue": (
        "Een collega moet het wachtwoord vrijgeven",
        "U hebt deze sleutel zelf uitgegeven. Een collega belt de gemeente en geeft het wachtwoord vrij.",
    ),
    "approval-lapsed": (
        "De goedkeuring is niet meer geldig",
        "De goedkeuring is ingetrokken of te oud. De aanvraag moet opnieuw worden goedgekeurd.",
    ),
    "content-changed": (
        "De gegevens zijn veranderd na de goedkeuring",
        "Er is geen sleutel gemaakt. De aanvraag moet opnieuw worden bekeken.",
    ),
    "contacts-incomplete": (
        "De contactpersonen zijn niet meer compleet",
        "Er is geen sleutel gemaakt. Controleer eerst opnieuw de contactpersonen van de aanvraag.",
    ),
    "not-independent": (
        "De contactpersonen zijn niet onafhankelijk",
        "Zipbestand en wachtwoord mogen niet naar dezelfde persoon gaan. Daarom is er niets verstuurd.",
    ),
    "not-reissuable": (
        "U kunt geen nieuwe sleutel uitgeven",
        "Dat kan alleen als de vorige levering is vervallen of geannuleerd.",
    ),
    "zip-not-fetched": (
        "U hebt het zipbestand nog niet opgehaald",
        "Haal het zipbestand eerst op. Meld daarna dat u het hebt.",
    ),
    "password-not-ready": (
        "Het wachtwoord staat nog niet klaar",
        "Eerst meldt uw collega dat het zipbestand er is.",
    ),
    "password-shown-already": (
        "Het wachtwoord is al een keer bekeken",
        "Daarna is het vernietigd. Bent u het kwijt, of was u dat niet? Bel dan uw relatiebeheerder.",
    ),
    "receipt": (
        "Deze link werkt niet (meer)",
        "Gebruik de link in de nieuwste e-mail over uw applicatiesleutel. Lukt het niet? Bel dan uw relatiebeheerder.",
    ),
    "issuance-ended": ("De levering is al gestopt", "De levering is klaar, geannuleerd of vervallen."),
    "password-already-sent": (
        "Het wachtwoord is al verstuurd",
        "Daarom kan dit niet meer. Er kan wel een nieuwe sleutel komen.",
    ),
    "password-not-sent": (
        "U kunt de sleutel nog niet activeren",
        "Het wachtwoord is nog niet verstuurd. Meld eerst dat het zipbestand er is. De link staat in onze e-mail.",
    ),
    "zip-sent-too-often": (
        "Het zipbestand is al 5 keer opnieuw verstuurd",
        "Annuleer de levering en geef een nieuwe sleutel uit.",
    ),
    "no-registered-number": (
        "Van deze gemeente is geen nummer bekend",
        "Zonder nummer in het register kunt u niet bellen. Vraag een beheerder om het nummer toe te voegen.",
    ),
    "not-registered-number": (
        "Dit is niet het nummer uit het register",
        "Het nummer is intussen veranderd. Bel het nummer dat er nu staat.",
    ),
    "activation-wait": (
        "U hebt te vaak een verkeerde code ingevuld",
        "Probeer het na {until} uur opnieuw. Controleer de activatiecode in het zipbestand.",
    ),
    "sleutel-damaged": (
        "De sleutel kan niet worden geactiveerd",
        "De gegevens van de sleutel kloppen niet. Bel uw relatiebeheerder.",
    ),
    "sleutel-not-sleeping": ("De sleutel is al geactiveerd of ingetrokken", "Activeren kan 1 keer."),
    "sleutel-revoked": ("De sleutel is al ingetrokken", "Een ingetrokken sleutel werkt niet meer."),
}

# Contacts.
TEXTS |= {
    "contact-address": ("Dit adres of nummer klopt niet", "Controleer het e-mailadres en de telefoonnummers."),
    "contact-without-address": (
        "Dit kan nog niet",
        "Van deze contactpersoon is nog geen naam, e-mailadres of mobiel nummer ingevuld.",
    ),
    "contact-already-proven": ("Dit is al bewezen", "Deze contactpersoon hoeft niets meer te bewijzen."),
    "no-code-sent": ("Deze code werkt niet meer", "Stuur een nieuw oefenbestand. Vul daarna de nieuwe code in."),
    "too-often": ("Er zijn al veel codes gestuurd", "Wij sturen hoogstens 5 codes per uur. Probeer het later opnieuw."),
    "vouching-takes-a-call": (
        "U kunt niet instaan voor deze persoon",
        "Voor de contactpersoon voor het wachtwoord belt uw relatiebeheerder met uw gemeente.",
    ),
    "vouching-for-own-proposal": (
        "U kunt niet instaan voor deze persoon",
        "U hebt deze aanvraag zelf gedaan of deze persoon zelf opgegeven. Vraag het aan een andere gemeentebeheerder.",
    ),
    "vouching-for-oneself": (
        "U kunt niet instaan voor uzelf",
        "U bent zelf deze contactpersoon. Vraag het aan een andere gemeentebeheerder.",
    ),
}

# Second factors.
TEXTS |= {
    "last-factor": (
        "Dit is uw enige tweede inlogstap",
        "Stel eerst een andere in. Daarna kunt u deze verwijderen.",
    ),
    "factor-gone": ("De authenticator-app is al verwijderd", "U hoeft niets meer te doen."),
    "too-many-passkeys": ("U hebt al 10 passkeys", "Verwijder eerst een passkey die u niet meer gebruikt."),
}

# People and their roles.
TEXTS |= {
    "grant-to-oneself": ("U kunt uzelf geen rol geven", "Vraag het aan een andere beheerder."),
    "grant-other-audience": (
        "Dit account kan deze rol niet krijgen",
        "Een account is voor een gemeente of voor DUO, nooit voor allebei. Gebruik een ander e-mailadres.",
    ),
    "grant-excluded": (
        "Deze rol past niet bij een andere rol",
        "Iemand is bij DUO relatiebeheerder, auditor of functioneel beheerder, nooit meer dan 1 daarvan.",
    ),
    "grant-already": ("Deze persoon heeft deze rol al", "Er is niets veranderd."),
    "invited-already": (
        "Deze persoon is al uitgenodigd",
        "Kies bij de uitnodiging 'Opnieuw uitnodigen', of trek die eerst in.",
    ),
    "invitation-address": ("Dit e-mailadres klopt niet", "Controleer het e-mailadres."),
    "invitation-gone": (
        "Deze uitnodiging werkt niet meer",
        "De uitnodiging is al gebruikt, ingetrokken of verlopen. Vraag om een nieuwe uitnodiging.",
    ),
    "invitation-of-another": (
        "Deze uitnodiging is voor een ander account",
        "Log in met het account dat is uitgenodigd.",
    ),
    "no-number-to-call": (
        "Van deze gemeente is geen nummer bekend",
        "Zonder nummer in het register kan niemand bellen. Vraag een beheerder om het nummer toe te voegen.",
    ),
    "number-of-proposer": (
        "Een collega moet dit voorstellen",
        "Wie dit voorstelt, zette zelf het nummer van deze gemeente in het register. Vraag het aan een collega.",
    ),
    "confirmed-already": ("Dit voorstel is al bevestigd", "Een collega was u net voor."),
    "own-proposal": (
        "Een collega moet dit bevestigen",
        "U hebt dit zelf voorgesteld, of het gaat over uzelf. Een andere medewerker van DUO controleert het.",
    ),
    "not-confirmed-yet": ("Deze uitnodiging is nog niet verstuurd", "Een collega moet het voorstel eerst bevestigen."),
    "code-of-another": (
        "Een collega moet dit opnieuw versturen",
        "Alleen de collega die het voorstel bevestigde, mag de code zien.",
    ),
    "last-beheerder": (
        "De laatste beheerder kan niet weg",
        "Zonder beheerder kan niemand meer rollen geven. Nodig eerst een andere beheerder uit.",
    ),
    "own-factors": ("U kunt dit niet voor uzelf vragen", "Een collega kan uw inlogmiddelen laten weghalen."),
    "reset-already": ("Dit is al voorgesteld", "Een collega moet het voorstel nog bevestigen."),
    "portfolio-already": ("Deze gemeente is al toegewezen", "De gemeente hoort al bij deze relatiebeheerder."),
    "portfolio-empty": ("Er is niets om over te dragen", "Deze relatiebeheerder heeft nu geen gemeenten."),
    "portfolio-of-nobody": (
        "Dit is geen relatiebeheerder",
        "Alleen een relatiebeheerder kan voor een gemeente zorgen.",
    ),
    "not-empty": ("Er is al een beheerder", "Iemand van DUO heeft al een account."),
}

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
