"""The replay of contacts and of what the register says of gemeenten (see `replay`)."""

from keyservice.audit import EventType
from keyservice.contacts import events as contacts
from keyservice.contacts.models import Part, Vouching
from keyservice.gemeenten import events as gemeenten
from keyservice.gemeenten.register_file import read_register
from keyservice.integrity.facts import About, Day, Expected, Handlers, Told, Upper, plain_id, text

_UNTOLD = {"phone": None, "address_line": None, "postcode": None, "town": None}
_PERSON = ("name", "function", "mailbox", "phone", "mobile")
_PROOF = (
    *("verified_at", "verified_account", "confirmed_at"),
    *("vouched_by", "vouched_how", "vouched_number", "vouched_at"),
)


def _proposed(to: Expected, told: Told) -> None:
    to.make(
        "contact",
        told.subject,
        gemeente=told.gemeente,
        part=told.fields["part"],
        via=told.fields["via"],
        proposed_by=told.person,
        created_at=About(told.at),
        retired_at=None,
        erased_at=None,
        replaced_by_id=None,
        **dict.fromkeys(_PROOF),
        **{name: text(told, name) for name in _PERSON},
    )
    _named(to, told)


def _named(to: Expected, told: Told) -> None:
    to.change("aanvraag", told.dossier, **{f"{told.fields['part']}_contact_id": told.subject})


def _changed(to: Expected, told: Told) -> None:
    if copied := plain_id(told.fields["copied_from"]):
        # The one that other aanvragen name stays; this one has its proof, until the change forgets it.
        proof = {name: value for name, value in to.table("contact").get(copied, {}).items() if name in _PROOF}
        proposer = to.table("contact").get(copied, {}).get("proposed_by")
        _proposed(to, told)
        to.change("contact", told.subject, **proof, proposed_by=proposer)
    persons = {name: text(told, name) for name in _PERSON}
    to.change("contact", told.subject, via=told.fields["via"], **persons)
    if told.fields["proof_forgotten"]:
        to.change("contact", told.subject, proposed_by=told.person, **dict.fromkeys(_PROOF))


def _replaced(to: Expected, told: Told) -> None:
    _proposed(to, told)
    old = to.table("contact").get(plain_id(told.fields["replaced"]))
    if old is not None and told.fields["retired"]:
        old.update(retired_at=old["retired_at"] or About(told.at), replaced_by_id=told.subject)


def _retired(to: Expected, told: Told) -> None:
    to.change("contact", told.subject, retired_at=About(told.at))


def _address_proven(to: Expected, told: Told) -> None:
    to.change("contact", told.subject, verified_at=About(told.at))


def _account_proven(to: Expected, told: Told) -> None:
    to.change("contact", told.subject, verified_at=About(told.at), verified_account=told.person)
    if to.table("contact").get(told.subject, {}).get("part") == Part.PASSWORD:
        to.change("contact", told.subject, confirmed_at=About(told.at))


def _confirmed(to: Expected, told: Told) -> None:
    to.change("contact", told.subject, verified_at=About(told.at), confirmed_at=About(told.at))


def _called(to: Expected, told: Told) -> None:
    _vouched(to, told)
    to.change("contact", told.subject, vouched_how=Vouching.CALL, vouched_number=told.fields["number"])


def _vouched(to: Expected, told: Told) -> None:
    values = {"vouched_by": told.person, "vouched_at": About(told.at), "vouched_number": None}
    to.change("contact", told.subject, vouched_how=Vouching.GEMEENTEBEHEERDER, **values)


def _register_loaded(to: Expected, _told: Told) -> None:
    rows = to.table("gemeente")
    for facts in read_register():  # the newest, which comes with the program: in it no gemeente ever goes
        rows.setdefault(facts.code, dict(_UNTOLD)).update(
            name=facts.name,
            valid_from=Day(facts.valid_from),
            valid_until=Day(facts.valid_until),
            successor_code=facts.successor_code,
        )


# Fictive gemeenten are in no register, and are not compared: nobody of them can be called.
def _phone(to: Expected, told: Told) -> None:
    to.change("gemeente", told.gemeente, phone=told.fields["phone"])


def _address(to: Expected, told: Told) -> None:
    # As on an envelope: two lines, with the town in capitals.
    line, _end, below = told.fields["address"].partition("\n")
    postcode, _gap, town = below.partition("  ")
    to.change("gemeente", told.gemeente, address_line=line, postcode=postcode, town=Upper(town))


HANDLERS: Handlers = {
    contacts.PROPOSED: _proposed,
    contacts.CHANGED: _changed,
    contacts.REPLACED: _replaced,
    contacts.RETIRED: _retired,
    contacts.MAILBOX_PROVEN: _address_proven,
    contacts.ACCOUNT_PROVEN: _account_proven,
    contacts.CONFIRMED: _confirmed,
    contacts.CONFIRMED_BY_CALL: _confirmed,
    contacts.CALLED: _called,
    contacts.VOUCHED: _vouched,
    gemeenten.REGISTER_LOADED: _register_loaded,
    gemeenten.PHONE_CHANGED: _phone,
    gemeenten.ADDRESS_CHANGED: _address,
}
WITHOUT_FACTS: tuple[EventType, ...] = (
    contacts.PRACTICE_SENT,
    contacts.SMS_SENT,
    contacts.ACCOUNT_ASKED,
)
