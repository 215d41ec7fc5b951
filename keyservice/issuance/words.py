"""What the states of a delivery, a letter and a wave are called on a page, and the tone of their badges."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Row

from keyservice.issuance.leaver_queries import Was
from keyservice.issuance.models import End
from keyservice.issuance.wave_workflow import Result, WaveStatus
from keyservice.outbox.models import LetterStatus
from keyservice.sleutels.life import Blocker, Facts, State, standing

Badge = tuple[str, str]
ISSUANCE: Mapping[End | None, Badge] = MappingProxyType(
    {
        None: ("Onderweg", "neutral"),
        End.DONE: ("Afgerond", "success"),
        End.LAPSED: ("Vervallen", "inactive"),
        End.CANCELLED: ("Geannuleerd", "error"),
    }
)
SLEUTEL: Mapping[State, Badge] = MappingProxyType(
    {
        State.SLEEPING: ("Nog niet actief", "neutral"),
        State.ACTIVE: ("Actief", "success"),
        State.SUSPENDED: ("Geblokkeerd", "warning"),
        State.EXPIRED: ("Verlopen", "inactive"),
        State.REVOKED: ("Ingetrokken", "error"),
    }
)
BLOCKED: Mapping[Blocker, str] = MappingProxyType(
    {
        Blocker.ENDED: "Geblokkeerd: de gemeente bestaat niet meer",
        Blocker.GEMEENTE: "Geblokkeerd door de gemeente",
        Blocker.DUO: "Geblokkeerd door DUO",
        Blocker.PROGRAM: "Geblokkeerd door het systeem",
    }
)
LEFT: Mapping[Was, str] = MappingProxyType(
    {
        Was.KEY: "De contactpersoon voor de sleutel werkt hier niet meer: wijs een ander aan.",
        Was.PASSWORD: "De contactpersoon voor het wachtwoord werkt hier niet meer: wijs een ander aan.",
        Was.ACTIVATOR: "Degene die de sleutel activeerde, werkt hier niet meer. Kan die persoon de sleutel nog hebben? "
        "Vraag dan een vervanging aan.",
    }
)
"""What somebody who left was to a key, and what to do about it."""
LETTER: Mapping[LetterStatus, tuple[str, str]] = MappingProxyType(
    {
        LetterStatus.WAITING: ("Klaar om te printen", "warning"),
        LetterStatus.OPENED: ("Geprint, nog niet gepost", "warning"),
        LetterStatus.POSTED: ("Gepost", "success"),
        LetterStatus.FAILED: ("Print mislukt", "error"),
        LetterStatus.RETURNED: ("Retour", "error"),
        LetterStatus.STOPPED: ("Niet meer nodig", "inactive"),
    }
)
WAVE: Mapping[WaveStatus, Badge] = MappingProxyType(
    {
        WaveStatus.PREPARED: ("Voorbereid", "neutral"),
        WaveStatus.RUNNING: ("Loopt", "neutral"),
        WaveStatus.PAUSED: ("Gepauzeerd", "warning"),
        WaveStatus.FINISHED: ("Klaar", "success"),
        WaveStatus.STOPPED: ("Gestopt", "error"),
        WaveStatus.LAPSED: ("Vervallen", "inactive"),
    }
)
RESULT: Mapping[Result, Badge] = MappingProxyType(
    {
        Result.WAITING: ("Nog niet aan de beurt", "neutral"),
        Result.DONE: ("Vernieuwd", "success"),
        Result.REFUSED: ("Niet vernieuwd", "error"),
    }
)
OBSTACLES: Mapping[str, str] = MappingProxyType(
    {
        "gemeente-ended": "De gemeente bestaat niet meer.",
        "delivery-underway": "Er is al een nieuwe sleutel onderweg.",
        "no-sleutel": "Er is geen sleutel die werkt.",
        "sleutel-damaged": "De gegevens van de sleutel kloppen niet.",
        "sleutel-suspended": "De sleutel is geblokkeerd.",
        "sleutel-revoked": "De sleutel is ingetrokken.",
        "sleutel-expired": "De sleutel is verlopen.",
        "sleutel-sleeping": "De sleutel is nog niet actief.",
        "approval-lapsed": "De goedkeuring is ingetrokken of ouder dan 2 jaar.",
        "content-changed": "De gegevens zijn veranderd na de goedkeuring.",
        "key-address": "Het adres van de contactpersoon voor de sleutel is niet meer bewezen.",
        "key-vouched": "Het is langer dan een jaar geleden dat iemand instond voor de contactpersoon voor de sleutel.",
        "password-address": "Het adres van de contactpersoon voor het wachtwoord is niet meer bewezen.",
        "password-vouched": "DUO belde langer dan een jaar geleden over de contactpersoon voor het wachtwoord.",
        "password-confirmed": "De contactpersoon voor het wachtwoord heeft niet bevestigd.",
        "not-independent": "De 2 contactpersonen zijn niet onafhankelijk van elkaar.",
        "renewed-meanwhile": "De sleutel is intussen al vernieuwd.",
        "no-issuer": "Geen van de 2 relatiebeheerders van de ronde mag deze sleutel uitgeven.",
        "being-replaced": "De aanvraag of een contactpersoon is vervangen.",
        "failed": "Er ging iets mis bij ons. Vernieuw deze sleutel apart, in het dossier.",
    }
)
"""Why a key cannot be renewed, by code."""


def sleutel_badge(facts: Facts, now: datetime) -> Badge:
    """Return how a key is shown: its state, or that it works but not for long."""
    stands = standing(facts, now)
    return ("Verloopt binnenkort", "warning") if stands.soon else SLEUTEL[stands.state]


def delivery_stage(row: Row[*tuple[Any, ...]]) -> str:
    """Return what a delivery underway waits for."""
    if row.letter in {LetterStatus.WAITING, LetterStatus.OPENED}:
        return f"Brief: {LETTER[row.letter][0].lower()}"
    if row.password_sent_at:
        return "Wacht op activeren"
    return "Wachtwoord gaat weg" if row.received_at or row.released_at else "Wacht op bericht dat het zipbestand er is"
