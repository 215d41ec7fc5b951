"""What a page says when something cannot be done with an aanvraag or its contacts."""

TEXTS: dict[str, tuple[str, str]] = {
    # The contacts of an aanvraag.
    "contact-retired": (
        "Deze contactpersoon is niet meer te kiezen",
        "Uw gemeentebeheerder biedt deze persoon niet meer aan. Kies iemand anders.",
    ),
    "contact-same-person": (
        "Dit is dezelfde contactpersoon",
        "U hebt dezelfde gegevens ingevuld. Er is niets vervangen.",
    ),
    "contact-vouched-already": (
        "Er staat al iemand in voor deze persoon",
        "Dat geldt nog. U hoeft nu niets te doen.",
    ),
    "not-replaceable": (
        "U kunt deze aanvraag niet vervangen",
        "Dat kan pas als DUO een sleutel heeft uitgegeven. De aanvraag heeft die nog niet, of is gestopt.",
    ),
    "aanvraag-erased": (
        "De gegevens van deze aanvraag zijn gewist",
        "De bewaartermijn is voorbij. Namen en adressen zijn er niet meer. Begin een nieuwe aanvraag.",
    ),
    "contact-without-account": (
        "Deze collega heeft nog geen account",
        "Vraag uw gemeentebeheerder om uw collega uit te nodigen met dit e-mailadres.",
    ),
    # The review of an aanvraag.
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
    # The form of a gemeente.
    "gemeente-ended": (
        "Deze gemeente bestaat niet meer",
        "Gemeente {name} is opgegaan in een andere gemeente: {successor}. Vraag de sleutel aan namens die gemeente.",
    ),
    "gemeente-not-yet": (
        "Deze gemeente bestaat nog niet",
        "Gemeente {name} begint op {day}. U kunt een sleutel aanvragen vanaf 6 maanden voor die dag.",
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
    # Contacts.
    "contact-address": ("Dit adres of nummer klopt niet", "Controleer het e-mailadres en de telefoonnummers."),
    "contact-without-address": (
        "Dit kan nog niet",
        "Van deze contactpersoon is nog geen naam, e-mailadres of mobiel nummer ingevuld.",
    ),
    "no-registered-address": (
        "Er staat geen postadres in het register",
        "Een brief kan daarom niet. Een beheerder van DUO kan het adres invullen. Een andere manier kiezen kan ook.",
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
