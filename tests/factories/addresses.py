"""Every route with an address in which each part names a thing of a gemeente, and what is typed into its form."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from keyservice.web import access, machine
from tests.factories.form import STEPS
from tests.factories.rights import Own, Things

# In which state an aanvraag is asked for, where it is not simply sent.
STATE = {
    "aanvragen.step": "draft",
    "aanvragen.check": "draft",
    "aanvragen.submit": "draft",
    "aanvragen.discard": "draft",
    "aanvragen.review": "in_review",
    "aanvragen.approve": "in_review",
    "aanvragen.resubmit": "info_requested",
    "issuance.issue": "approved",
    "issuance.activate": "issued",
    "issuance.reissue": "stopped",
    "issuance.renew": "issued",
    "aanvragen.this_is_me": "to_prove",
    "aanvragen.ask_log_in": "to_prove",
    "aanvragen.start_replacement": "issued",
    "front.dossier_timeline": "issued",
}
# What only the two contacts may who log in for it.
BY_LOGIN = {
    f"issuance.{name}"
    for name in ("zip_page", "fetch_zip", "report_receipt", "password_page", "show_password", "disown")
}
# What is done to a copy of the berichtenboek that a supplier holds.
ENDS_COPY = {"berichtenboek.renew_link", "berichtenboek.end"}
# What is done with a key that was handed over.
DELIVERED = {f"issuance.{name}" for name in ("suspend", "resume", "revoke")}
# What each part of an address may be, given the things (of a gemeente, or a person's own) and the endpoint.
PARTS: Mapping[str, Callable[[Any, str], object]] = {
    "aanvraag_id": lambda things, endpoint: things.aanvragen[STATE.get(endpoint, "submitted")],
    "contact_id": lambda things, endpoint: (
        things.password_contacts if endpoint == "aanvragen.send_sms" else things.key_contacts
    )[STATE.get(endpoint, "submitted")],
    "issuance_id": lambda things, endpoint: (
        things.issuance_by_login
        if endpoint in BY_LOGIN
        else things.delivered
        if endpoint in DELIVERED
        else things.issuance
    ),
    "what": lambda _things, _endpoint: "zipbestand",
    "message_id": lambda things, _endpoint: things.message,
    "letter_id": lambda things, endpoint: (
        things.opened_letter if endpoint == "issuance.letters.post" else things.letter
    ),
    "how": lambda _things, _endpoint: "mislukt",
    "code": lambda things, endpoint: things.former if endpoint == "issuance.succession.ask" else things.code,
    "succession_id": lambda things, _endpoint: things.succession,
    "token": lambda things, endpoint: (
        things.copy_token if endpoint.startswith("berichtenboek.") else things.receipt_token
    ),
    "copy_id": lambda things, endpoint: things.held_copy if endpoint in ENDS_COPY else things.copy,
    "account_id": lambda things, _endpoint: things.colleague,
    "grant_id": lambda things, _endpoint: things.grant,
    "invitation_id": lambda things, endpoint: (
        things.invitation_by_duo if endpoint == "accounts.confirm_invitation" else things.invitation
    ),
    "reset_id": lambda things, _endpoint: things.reset,
    "entry_id": lambda things, _endpoint: things.portfolio_entry,
    "inburgeraar_id": lambda things, endpoint: (
        things.registered if endpoint in {"portaal.correct", "portaal.withdraw"} else things.inburgeraar
    ),
    "wave_id": lambda things, _endpoint: things.wave,
    "event_id": lambda things, _endpoint: things.event,
    "halt": lambda _things, _endpoint: "stoppen",
    "passkey_id": lambda own, _endpoint: own.passkey,
    "step": lambda _things, _endpoint: "software",
    "act": lambda _things, _endpoint: "aanvulling-vragen",
    "audience": lambda _things, _endpoint: "gemeente",
    "filename": lambda _things, _endpoint: "favicon.svg",
    "slug": lambda _things, _endpoint: "te-vaak",
}
# Parts that are a person's own, and those that are nobody's.
PERSONAL = {"passkey_id"}
GENERAL = {"what", "how", "step", "act", "filename", "audience", "wave_id", "halt", "slug"}
TYPED = {name: value for step in STEPS.values() for name, value in step.items()} | {
    **dict.fromkeys(("text", "motivation", "reden"), "Gebeld en gecontroleerd."),
    **dict.fromkeys(("contacts", "software", "signer", "bekend", "gebeld", "bevestigd"), "y"),
    "adres": "Postbus 100",
    "postcode": "1234 AB",
    "plaats": "Voorbeeldstad",
    **dict.fromkeys(("nummer", "telefoon"), "+31102000000"),
    "code": "12345678",
    "naam": "Nieuwe Collega",
    "rol": "raadplegen_muteren_2013",
    "waarom": "exposed",
    "overlap": "14",
    "tot": "",
    "verloopt": "2199-12-31",
    "gemeenten": "",
    "activatiecode": "2345-6789",
    "revision": "0",
    "bsn": "999990019",
    "achternaam": "Voorbeeldstra",
    "geboortedatum": "1985-11-03",
    "ondertekend": "nee",
    "gevolgd": "nee",
    "uitleg": "Verkeerd ingevuld.",
}


@dataclass(frozen=True)
class Row:
    """One route and method, and what it asks."""

    rule: str
    method: str
    endpoint: str
    access: access.Access | None
    parts: frozenset[str]

    @property
    def scoped(self) -> bool:
        """Tell whether it is about a thing of a gemeente."""
        return bool(self.parts - GENERAL - PERSONAL)

    @property
    def personal(self) -> bool:
        """Tell whether it is about a thing of a person."""
        return bool(self.parts & PERSONAL)


def rows(app: Flask) -> dict[Row, Rule]:
    """Return every route and method for people. Raises KeyError for a part of an address that PARTS does not know."""
    found = {}
    pages = [rule for rule in app.url_map.iter_rules() if not machine.serves(rule.rule)]
    for rule in sorted(pages, key=lambda rule: rule.rule):
        if unknown := rule.arguments - PARTS.keys():
            raise KeyError(f"{rule.rule}: add {', '.join(sorted(unknown))} to PARTS")
        for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}):
            declared = access.declared(app, rule.endpoint)
            row = Row(rule.rule, method, rule.endpoint, declared, frozenset(rule.arguments))
            found[row] = rule
    return found


def address(app: Flask, row: Row, rule: Rule, things: Things | Own) -> str:
    """Return the address of a route for the things of a gemeente."""
    parts = {name: PARTS[name](things, row.endpoint) for name in rule.arguments}
    return app.url_map.bind("localhost").build(row.endpoint, parts, method=row.method)


def typed(things: Things | Own) -> dict[str, str]:
    """Return a value for every field there is."""
    return {**TYPED, "gemeente": things.code} if isinstance(things, Things) else TYPED
