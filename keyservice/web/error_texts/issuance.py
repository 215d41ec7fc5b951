"""What a page says when something cannot be done with a key on its way, or with a wave."""

TEXTS: dict[str, tuple[str, str]] = {
    # The handing over of a key.
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
    "approval-changed": (
        "De goedkeuring klopt niet meer",
        "Er is niets verstuurd. Een relatiebeheerder moet de aanvraag opnieuw bekijken en goedkeuren.",
    ),
    "not-independent": (
        "De contactpersonen zijn niet onafhankelijk",
        "Zipbestand en wachtwoord mogen niet naar dezelfde persoon gaan. Daarom is er niets verstuurd.",
    ),
    "not-reissuable": (
        "U kunt geen nieuwe sleutel uitgeven",
        "Dat kan alleen als de vorige levering is vervallen of geannuleerd.",
    ),
    "being-replaced": (
        "De gemeente vervangt deze sleutel of een contactpersoon",
        "Daarom komt er geen nieuwe sleutel voor deze aanvraag. De gemeente doet een nieuwe aanvraag.",
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
    "address-changed": (
        "Het postadres van de gemeente is veranderd",
        "Daarom gaat er geen brief met het wachtwoord weg. De relatiebeheerder van DUO moet deze levering annuleren.",
    ),
    "own-letter": (
        "Een collega moet deze brief openen",
        "U hebt deze sleutel zelf uitgegeven. Daarom opent en print een collega de brief met het wachtwoord.",
    ),
    "letter-opened": (
        "Deze brief is al geopend",
        "{who} heeft de brief geopend op {when}. Dat kan 1 keer. Is de print mislukt? Meld dat bij de brief.",
    ),
    "letter-not-open": ("Dit kan nu niet met deze brief", "De brief heeft intussen een andere stand."),
    "letter-broken": (
        "Deze brief kan niet meer worden geopend",
        "Kies 'Print is mislukt'. Geef daarna een nieuwe sleutel uit.",
    ),
    "receipt": (
        "Deze link werkt niet (meer)",
        "Gebruik de link in de nieuwste e-mail over uw applicatiesleutel. Lukt het niet? Bel dan uw relatiebeheerder.",
    ),
    "issuance-done": ("De sleutel is al geactiveerd", "De levering is klaar. U hoeft niets meer te doen."),
    "issuance-ended": ("De levering is al afgelopen", "De levering is klaar, geannuleerd of vervallen."),
    "seal-broken": (
        "Deze levering kan niet verder",
        "Zipbestand of wachtwoord kan niet meer open. Een relatiebeheerder annuleert de levering en begint opnieuw.",
    ),
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
        "De sleutel kan niet worden gebruikt",
        "De gegevens van de sleutel kloppen niet. Bel uw relatiebeheerder.",
    ),
    "sleutel-not-sleeping": ("De sleutel is al geactiveerd of ingetrokken", "Activeren kan 1 keer."),
    "sleutel-revoked": ("De sleutel is al ingetrokken", "Een ingetrokken sleutel werkt niet meer."),
    "leak-without-key": (
        "Dit is geen hele sleutel",
        (
            "Hier staat geen hele sleutel in. Een sleutel begint met asl_p_ of asl_a_ en heeft 44 tekens. "
            "Het nummer van een sleutel (SL-…) is niet genoeg."
        ),
    ),
    "leak-too-many": ("Dit zijn te veel sleutels tegelijk", "Meld hoogstens {most} sleutels tegelijk."),
    "overlap-days": ("Dit aantal dagen kan niet", "De oude sleutel blijft 0 tot en met 30 dagen werken."),
    "sleutel-over": ("De sleutel werkt al niet meer", "De sleutel is ingetrokken of verlopen."),
    "sleutel-suspended": ("De sleutel is al geblokkeerd", "De sleutel werkt nu niet."),
    "sleutel-not-suspended": (
        "De sleutel is niet geblokkeerd",
        "Misschien was een collega u voor, of is de sleutel intussen ingetrokken of verlopen.",
    ),
    "issuance-underway": (
        "De sleutel is nog onderweg",
        "Dat kan pas als de levering klaar is. Wilt u de sleutel nu stoppen? Stop dan de levering.",
    ),
    "resume-by-gemeente": (
        "Alleen de gemeente kan deze sleutel deblokkeren",
        "De gemeente heeft de sleutel zelf geblokkeerd.",
    ),
    "resume-by-duo": (
        "Alleen DUO kan deze sleutel deblokkeren",
        "DUO heeft de sleutel geblokkeerd. Bel uw relatiebeheerder.",
    ),
    "own-resume": (
        "Een collega moet het deblokkeren bevestigen",
        "U hebt zelf gevraagd om de sleutel te deblokkeren. Een andere relatiebeheerder bevestigt dat.",
    ),
    "resume-by-succession": (
        "De gemeente van deze sleutel bestaat niet meer",
        "De sleutel werkt alleen weer als de opvolger van de gemeente dat vraagt en DUO dat goedkeurt.",
    ),
    # Keys of a gemeente that ended.
    "succession-asked": ("Dit is al gevraagd", "De relatiebeheerder van DUO beslist, of heeft al beslist."),
    "succession-decided": ("Over deze vraag is al beslist", "Een collega was u voor."),
    "succession-too-late": (
        "De sleutels kunnen niet meer worden gebruikt",
        "Dat kan tot en met 90 dagen na het einde van de gemeente.",
    ),
    # Renewing keys.
    "not-renewable": ("Deze sleutel kan nu niet worden vernieuwd", "{why} Er is geen nieuwe sleutel gemaakt."),
    "own-wave": (
        "Een collega moet de ronde starten",
        "U hebt deze ronde zelf voorbereid. Een andere relatiebeheerder bekijkt de lijst en start de ronde.",
    ),
    "wave-moved": (
        "Dit kan nu niet met deze ronde",
        "Een collega of het systeem was u voor. De ronde heeft nu de status '{status}'.",
    ),
}
