"""Aanvragen as rows, ready for review, without the form: what the tests of the review start from."""

from typing import Any
from uuid import UUID

from keyservice.aanvragen.content import DECLARATION_VERSION, pakket_key
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status
from keyservice.accounts.queries import valid_grants
from keyservice.contacts.models import VIAS, Contact, Part, Vouching
from keyservice.database import next_number, transaction
from keyservice.demo.people import person_id
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.ids import new_id, z_number


def actor(login: str) -> Actor:
    """Return a fictive person who just logged in, acting for the first gemeente of their grants."""
    grants = valid_grants(person_id(login))
    gemeente = next((grant.gemeente for grant in grants if grant.gemeente), None)
    roles = frozenset(grant.role for grant in grants if grant.gemeente == gemeente)
    return Actor(person_id(login), roles, gemeente, "web", factor_at=clock.now())


def ready(omgeving: str = "productie", pakket: str = "Volgpakket", *, status: Status = Status.SUBMITTED) -> UUID:
    """Store an aanvraag of Anna whose contacts lack nothing, and return its id."""
    anna, aanvraag_id, now = person_id("anna"), new_id(), clock.now()
    with transaction() as session:
        session.add_all([key := _key_contact(), password := _password_contact()])
        password.vouched_beside = key.fingerprint
        session.flush()
        session.add(
            Aanvraag(
                id=aanvraag_id,
                number=next_number("aanvraag", "AA", 2026),
                status=status,
                status_since=now,
                created_by=anna,
                created_at=now,
                submitted_by=anna,
                submitted_at=now,
                gemeente="9998",
                gemeente_name="Voorbeeldstad",
                oin="00000003123456780000",
                key_contact_id=key.id,
                password_contact_id=password.id,
                leverancier="Voorbeeldsoftware",
                pakket=pakket,
                pakket_versie="1.0",
                pakket_key=pakket_key("Voorbeeldsoftware", pakket),
                omgeving=omgeving,
                signer_name="Dirk Voorbeeld",
                signer_function="Directeur",
                declared_at=now,
                declared_by=anna,
                declaration_version=DECLARATION_VERSION,
            )
        )
    return aanvraag_id


def _key_contact() -> Contact:
    return _contact(
        Part.KEY,
        "anna@voorbeeldstad.example",
        name="Anna Voorbeeld",
        function="Medewerker",
        mailbox="anna@voorbeeldstad.example",
        phone="+31102000001",
        vouched_by=person_id("gert"),
        vouched_how=Vouching.GEMEENTEBEHEERDER,
    )


def _password_contact() -> Contact:
    return _contact(
        Part.PASSWORD,
        "+31612345678",
        name="Wim Voorbeeld",
        function="Teamleider",
        mobile="+31612345678",
        vouched_by=person_id("rik"),
        vouched_how=Vouching.CALL,
        vouched_number="+31102000000",
        confirmed_at=clock.now(),
    )


def _contact(part: Part, address: str, **facts: Any) -> Contact:
    """Return a contact whose address is proven and for whom somebody vouches."""
    now = clock.now()
    return Contact(
        id=new_id(),
        gemeente="9998",
        part=part,
        via=VIAS[part][0],
        z_number=z_number(),
        proposed_by=person_id("anna"),
        created_at=now,
        verified_address=address,
        verified_at=now,
        vouched_at=now,
        **facts,
    )
