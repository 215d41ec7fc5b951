"""What a page says when something cannot be done with people, their roles and their factors."""

TEXTS: dict[str, tuple[str, str]] = {
    # Second factors.
    "last-factor": (
        "Dit is uw enige tweede inlogstap",
        "Stel eerst een andere in. Daarna kunt u deze verwijderen.",
    ),
    "factor-gone": ("De authenticator-app is al verwijderd", "U hoeft niets meer te doen."),
    "too-many-passkeys": ("U hebt al 10 passkeys", "Verwijder eerst een passkey die u niet meer gebruikt."),
    # People and their roles.
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
    "not-empty": (
        "Er zijn al twee mensen die kunnen uitnodigen",
        "Zij nodigen samen anderen uit, op de pagina Personen.",
    ),
}
