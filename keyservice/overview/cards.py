"""Contacts, approvals and issuances as rows of a list: for a gemeente without names of DUO, for DUO with all."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from keyservice.aanvragen.contact_use import ends_of
from keyservice.aanvragen.content import Held, held
from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.aanvragen.summary import good_until
from keyservice.contacts.models import Contact, Part, Via, Vouching
from keyservice.gemeenten.phones import show_phone
from keyservice.issuance.messages import by_letter
from keyservice.issuance.models import Issuance
from keyservice.issuance.words import BLOCKED, LETTER
from keyservice.outbox.models import Letter
from keyservice.overview.words import ISSUANCE, WAYS, sleutel_badge
from keyservice.sleutels.life import State, standing
from keyservice.web.dates import datum, datumtijd

# Label, value, and the two of `data_list` for a link to change it, which is never here.
Rows = list[tuple[str, str | None, None, None]]
Names = Mapping[UUID, str]
_HOW: Mapping[Vouching, str] = {
    Vouching.CALL: "na een telefoontje met",
    Vouching.GEMEENTEBEHEERDER: "als gemeentebeheerder",
}

_CONTENT: Mapping[Held, str] = {
    Held.WHOLE: "Gelijk aan wat is goedgekeurd",
    Held.ERASED: "Zonder namen en adressen: gewist na de bewaartermijn",
    Held.CHANGED: "Veranderd na de goedkeuring",
}


def _rows(values: Mapping[str, str | None]) -> Rows:
    return [(label, value, None, None) for label, value in values.items()]


def _since(moment: datetime | None) -> str:
    return f"Ja, op {datumtijd(moment)}" if moment else "Nog niet"


def _confirmed(contact: Contact) -> dict[str, str | None]:
    return (
        {"Ontvangst bevestigd": good_until(ends_of(contact).get("confirmed"))} if contact.part is Part.PASSWORD else {}
    )


def _way(contact: Contact) -> dict[str, str | None]:
    return {"Zipbestand" if contact.part is Part.KEY else "Wachtwoord": WAYS[contact.via]}


def _post(contact: Contact) -> dict[str, str | None]:
    """Return where a letter goes: the address in DUO's register as it is now."""
    return {"Postadres in het register": _line(contact.address)} if contact.via is Via.LETTER else {}


def _line(address: str | None) -> str | None:
    return ", ".join(address.splitlines()) if address else None


def contact_for_gemeente(contact: Contact) -> Rows:
    """Return who a contact is and what is proven."""
    if contact.erased_at is not None:
        return _erased(contact)
    mobile = show_phone(contact.mobile) if contact.mobile else None
    return _rows(
        {
            "Naam": contact.name,
            "Functie": contact.function,
            **({"Mobiel nummer": mobile} if contact.via is Via.SMS else {"E-mailadres": contact.mailbox}),
            **_way(contact),
            **_post(contact),
            "Adres bewezen": good_until(ends_of(contact).get("address")),
            "Iemand staat in": good_until(ends_of(contact).get("vouched")),
            **_confirmed(contact),
        }
    )


def _erased(contact: Contact) -> Rows:
    gone = {"Naam": contact.name, "Functie": contact.function, **_way(contact)}
    return _rows({**gone, "Gewist na de bewaartermijn": datum(contact.erased_at)})


def contact_for_duo(contact: Contact, names: Names) -> Rows:
    """Return everything about a contact: who vouched for it, how, and which number was called."""
    if contact.erased_at is not None:
        return _erased(contact)
    return _rows(
        {
            "Naam": contact.name,
            "Functie": contact.function,
            "E-mailadres": contact.mailbox,
            "Telefoonnummer": show_phone(contact.phone) if contact.phone else None,
            "Mobiel nummer": show_phone(contact.mobile) if contact.mobile else None,
            **_way(contact),
            **_post(contact),
            "Opgegeven door": names[contact.proposed_by],
            "Adres bewezen": good_until(ends_of(contact).get("address")),
            "Iemand staat in": _voucher(contact, names),
            **_confirmed(contact),
        }
    )


def _voucher(contact: Contact, names: Names) -> str:
    if contact.vouched_by is None or contact.vouched_how is None:
        return "Nog niemand"
    number = f" {show_phone(contact.vouched_number)}" if contact.vouched_number else ""
    said = f"{names[contact.vouched_by]}, {_HOW[contact.vouched_how]}{number}, op {datum(contact.vouched_at)}"
    return f"{good_until(ends_of(contact).get('vouched'))} ({said})"


def _received(issuance: Issuance) -> str:
    return _since(issuance.received_at) if issuance.received_at else "Nog niet gemeld"


def _password(issuance: Issuance, letter: Letter | None) -> dict[str, str | None]:
    """Return how far the password is on its way."""
    if not by_letter(issuance):
        return {"Wachtwoord verstuurd": _since(issuance.password_sent_at)}
    stage = "Wordt gemaakt" if issuance.password_sent_at else "Nog niet"
    if letter:
        stage = f"{LETTER[letter.status][0]}, op {datumtijd(letter.status_since)}"
    return {"Brief met het wachtwoord": stage}


def _letter(letter: Letter | None, names: Names) -> dict[str, str | None]:
    """Return who did what with a letter."""
    if letter is None:
        return {}
    acts = {"Brief geopend": (letter.opened_at, letter.opened_by), "Brief gepost": (letter.posted_at, letter.posted_by)}
    return {act: f"{datumtijd(at)} door {names[who]}" if at and who else "Nog niet" for act, (at, who) in acts.items()}


def _sleutel(issuance: Issuance, now: datetime, ends_at: datetime | None) -> dict[str, str | None]:
    """Return how the key stands, and what changes by itself."""
    facts, stands = issuance.sleutel.facts, standing(issuance.sleutel.facts, now, ends_at)
    state = sleutel_badge(facts, now)[0]
    if stands.state is State.SUSPENDED and facts.blocker:
        state = BLOCKED[facts.blocker]
    rows: dict[str, str | None] = {"Stand van de sleutel": state}
    if facts.not_before > now:
        rows["Werkt vanaf"] = datum(facts.not_before)
    if ends_at and stands.next_at == ends_at and ends_at < facts.expires_at:
        rows["Stopt, want de nieuwe sleutel wordt gebruikt"] = datum(ends_at)
    return rows | {"Geldig tot en met": datum(facts.expires_at)}


def older_key(issuance: Issuance, now: datetime, ends_at: datetime | None) -> Rows:
    """Return how the key before the newest one stands."""
    return _rows({"Nummer": issuance.sleutel.number, **_sleutel(issuance, now, ends_at)})


def issuance_for_gemeente(
    issuance: Issuance,
    letter: Letter | None,
    zip_sent_at: datetime | None,
    now: datetime,
    ends_at: datetime | None = None,
) -> Rows:
    """Return how far a delivery is; `zip_sent_at` is when the mail server took the zip.

    `ends_at` is when the key stops because its successor is in use.
    """
    received = _received(issuance)
    if issuance.received_at is None and issuance.released_at is not None:
        received = f"DUO heeft het wachtwoord vrijgegeven op {datumtijd(issuance.released_at)}"
    deadline = {"Activeren kan tot en met": datum(issuance.deadline)} if issuance.ended_at is None else {}
    return _rows(
        {
            "Nummer": issuance.sleutel.number,
            **_sleutel(issuance, now, ends_at),
            "Levering": ISSUANCE[issuance.end_reason][0],
            "Zipbestand verstuurd": _since(zip_sent_at),
            "Zipbestand ontvangen": received,
            **_password(issuance, letter),
            **deadline,
        }
    )


def issuance_for_duo(
    issuance: Issuance, letter: Letter | None, names: Names, now: datetime, ends_at: datetime | None = None
) -> Rows:
    """Return who issued which key, and how far it is."""
    released = "Nee"
    if issuance.released_at and issuance.released_by:
        released = f"{datumtijd(issuance.released_at)} door {names[issuance.released_by]}"
    return _rows(
        {
            "Levering": ISSUANCE[issuance.end_reason][0],
            "Uitgegeven": f"{datumtijd(issuance.issued_at)} door {names[issuance.issued_by]}",
            "Sleutel": issuance.sleutel.number,
            **_sleutel(issuance, now, ends_at),
            "Zipbestand ontvangen": _received(issuance),
            "Met de hand vrijgegeven": released,
            **_password(issuance, letter),
            **_letter(letter, names),
            "Uiterlijk activeren": datumtijd(issuance.deadline),
            "Afgelopen": _since(issuance.ended_at),
        }
    )


def approval(found: Approval, names: Names, *, changed: bool) -> Rows:
    """Return who approved what, and whether that is still what stands there."""
    return _rows(
        {
            "Goedgekeurd": f"{datumtijd(found.approved_at)} door {names[found.approved_by]}",
            "Motivering": found.motivation,
            "Vier ogen": "Ja, een ander geeft de sleutel uit" if found.four_eyes else "Nee",
            "Inhoud": _CONTENT[Held.CHANGED if changed else held(found.snapshot, found.content_hash)],
            "SHA-256 van de inhoud": found.content_hash.hex(),
        }
    )


def handling(aanvraag: Aanvraag, names: Names) -> Rows:
    """Return who sent an aanvraag, and who handles it."""
    sender = f" door {names[aanvraag.submitted_by]}" if aanvraag.submitted_by else ""
    return _rows(
        {
            "Verstuurd": f"{datumtijd(aanvraag.submitted_at)}{sender}",
            "In behandeling bij": names[aanvraag.claimed_by] if aanvraag.claimed_by else "Niemand",
        }
    )
