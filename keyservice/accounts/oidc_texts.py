"""What a page says when logging in through a provider failed: per code a title and what to do, in plain Dutch."""

# `{name}` is the provider; `{invite}` who can invite somebody of its audience.
TEXTS: dict[str, tuple[str, str]] = {
    "state": (
        "Inloggen is niet gelukt",
        "Misschien duurde het inloggen te lang, of hebt u de knop 'Vorige' gebruikt. Probeer het opnieuw.",
    ),
    "denied": ("Inloggen is niet gelukt", "U hebt het inloggen bij {name} niet afgemaakt. Probeer het opnieuw."),
    "provider": (
        "Inloggen met {name} werkt nu niet",
        "{name} geeft geen goed antwoord. Dat ligt niet aan u. Probeer het over een paar minuten opnieuw.",
    ),
    "token": (
        "Inloggen is niet gelukt",
        "Het antwoord van {name} klopt niet. Probeer het opnieuw. Lukt het weer niet? Neem dan contact met ons op.",
    ),
    "expired": ("Inloggen is niet gelukt", "Het antwoord van {name} is verlopen. Probeer het opnieuw."),
    "acr": (
        "Log in met twee stappen",
        "U hebt bij {name} te eenvoudig ingelogd. Log daar in met twee stappen, zoals een wachtwoord en een code.",
    ),
    "auth-time": (
        "Wij weten nog niet zeker dat u het bent",
        "{name} heeft u niet net opnieuw laten inloggen. Log eerst uit bij {name} en probeer het dan opnieuw.",
    ),
    "no-auth-time": (
        "Wij weten nog niet zeker dat u het bent",
        "{name} vertelt ons niet wanneer u hebt ingelogd. Bevestig daarom hier dat u het bent.",
    ),
    "no-factor": (
        "U kunt deze stap nu niet doen",
        "{name} kan dit niet voor u bevestigen, en u hebt hier geen wachtwoord of passkey. Neem contact met ons op.",
    ),
    "other-subject": (
        "U hebt ingelogd als iemand anders",
        "Log bij {name} in met hetzelfde account als waarmee u hier werkt. Probeer het opnieuw.",
    ),
    "ended": ("U bent intussen uitgelogd", "Log opnieuw in en begin daarna opnieuw met deze stap."),
    "unknown": ("Wij kennen dit account niet", "Vraag {invite} om een uitnodiging."),
    "audience": (
        "U kunt niet inloggen met {name}",
        "Uw account hoort niet bij {name}. Log in op de manier die bij uw account hoort.",
    ),
    "taken": (
        "U kunt deze uitnodiging niet zo aannemen",
        "Uw account bij {name} hoort hier al bij iemand anders. Neem contact op met degene die u heeft uitgenodigd.",
    ),
    "invitation": (
        "U kunt deze uitnodiging niet zo aannemen",
        "De uitnodiging is niet meer open, of hoort niet bij {name}. Open de link in de mail opnieuw.",
    ),
    "log-in-first": (
        "U hebt hier al een account",
        "Log eerst in zoals u gewend bent. Open daarna de link in de mail opnieuw.",
    ),
}
INVITERS = {"gemeente": "de beheerder binnen uw gemeente", "duo": "de functioneel beheerder"}
WITHOUT_NAME = "uw inlogdienst"


def text_of(code: str, name: str, audience: str) -> tuple[str, str]:
    """Return the title and the text of a failure at a provider with a name."""
    title, text = TEXTS[code]
    values = {"name": name or WITHOUT_NAME, "invite": INVITERS[audience]}
    text = text.format(**values)
    return title.format(**values), text[:1].upper() + text[1:]
