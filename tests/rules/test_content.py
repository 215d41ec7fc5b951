"""The content of an aanvraag: what is missing, what makes two packages one, and the bytes that are approved."""

import hashlib
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyservice.aanvragen.content import (
    CONTACT_FIELDS,
    FIELDS,
    Section,
    canonical,
    content,
    content_hash,
    editable,
    incomplete,
    pakket_key,
)
from keyservice.aanvragen.workflow import Status

ONE = UUID("00000000-0000-4000-8000-000000000001")
AANVRAAG: dict[str, object] = {
    "number": "AA-2026-00001",
    "kind": "eerste",
    "replaces_id": None,
    "gemeente": "9998",
    "gemeente_name": "Voorbeeldstad",
    "oin": "00000003123456780000",
    "kvk": None,
    "leverancier": "Fictief B.V.",
    "pakket": "Volgmij",
    "pakket_versie": "4",
    "leverancier_contact": None,
    "leverancier_mailbox": None,
    "omgeving": "acceptatie",
    "toelichting": None,
    "signer_name": "Gert Voorbeeld",
    "signer_function": "Directeur",
    "declaration_version": "2026-1",
    "declared_by": ONE,
    "declared_at": datetime(2026, 11, 23, 12, tzinfo=UTC),
}
KEY: dict[str, object] = {
    "id": ONE,
    "name": "Anna Voorbeeld",
    "function": "Beleid",
    "mailbox": "anna@voorbeeldstad.example",
    "phone": "+31102000000",
    "mobile": None,
    "z_number": "Z-234567",
    "verified_address": None,
    "verified_account": None,
    "via": "mail",
}
PASSWORD = KEY | {"via": "sms", "name": "Piet Voorbeeld", "mailbox": None, "phone": None, "mobile": "+31612345678"}


def whole(**changes: object) -> dict[str, object]:
    return content(AANVRAAG | changes, KEY, PASSWORD)


def test_the_content_holds_every_field_the_wet_and_both_contacts() -> None:
    assert whole().keys() == {*FIELDS, "wet", "key_contact", "password_contact"}
    assert whole()["wet"] == "Wi2013"


def test_the_same_content_has_the_same_text_in_whatever_order() -> None:
    text = canonical(whole())
    assert canonical(dict(reversed(whole().items()))) == text
    assert json.loads(text)["key_contact"]["id"] == str(ONE)
    assert content_hash(text) == hashlib.sha256(text.encode()).digest()


@pytest.mark.parametrize("field", FIELDS)
def test_i13_every_field_changes_the_hash(field: str) -> None:
    assert content_hash(canonical(whole(**{field: "anders"}))) != content_hash(canonical(whole()))


@pytest.mark.parametrize("field", CONTACT_FIELDS)
@pytest.mark.parametrize("part", ["key", "password"])
def test_i13_every_field_of_a_contact_changes_the_hash(part: str, field: str) -> None:
    key = KEY | ({field: "anders"} if part == "key" else {})
    password = PASSWORD | ({field: "anders"} if part == "password" else {})
    assert content_hash(canonical(content(AANVRAAG, key, password))) != content_hash(canonical(whole()))


def test_a_filled_in_form_is_complete() -> None:
    assert incomplete(whole()) == ()


def test_an_empty_form_lacks_all_four_sections() -> None:
    empty = content(dict.fromkeys(FIELDS), None, None)
    assert incomplete(empty) == tuple(Section)


@pytest.mark.parametrize(
    ("field", "section"),
    [
        ("oin", Section.GEMEENTE),
        ("leverancier", Section.SOFTWARE),
        ("pakket", Section.SOFTWARE),
        ("pakket_versie", Section.SOFTWARE),
        ("omgeving", Section.SOFTWARE),
        ("signer_name", Section.ONDERTEKENING),
        ("signer_function", Section.ONDERTEKENING),
        ("declared_at", Section.ONDERTEKENING),
    ],
)
def test_a_missing_field_names_its_section(field: str, section: Section) -> None:
    assert incomplete(whole(**{field: None})) == (section,)


@pytest.mark.parametrize("field", ["name", "function", "mailbox", "phone"])
def test_a_key_contact_needs_everything(field: str) -> None:
    assert incomplete(content(AANVRAAG, KEY | {field: ""}, PASSWORD)) == (Section.CONTACTPERSONEN,)


@pytest.mark.parametrize("field", ["name", "function", "mobile"])
def test_a_password_contact_needs_a_mobile_and_no_mailbox(field: str) -> None:
    assert incomplete(content(AANVRAAG, KEY, PASSWORD | {field: None})) == (Section.CONTACTPERSONEN,)


def test_optional_fields_may_stay_empty_but_stand_in_the_content() -> None:
    assert incomplete(whole(toelichting=None, kvk=None, leverancier_contact=None)) == ()
    assert "toelichting" in whole()


def test_a_test_oin_is_for_acceptatie_only() -> None:
    oin = "00000099000000001000"
    assert incomplete(whole(oin=oin)) == ()
    assert incomplete(whole(oin=oin, omgeving="productie")) == (Section.GEMEENTE,)


@pytest.mark.parametrize(
    ("leverancier", "pakket"), [("fictief bv", "VOLGMIJ"), ("Fíctief  B.V.", "Volg-Mij"), ("FICTIEF B V", "volg mij")]
)
def test_another_spelling_is_the_same_pakket(leverancier: str, pakket: str) -> None:
    assert pakket_key(leverancier, pakket) == pakket_key("Fictief B.V.", "Volgmij")


@given(st.text(), st.text())
def test_a_pakket_key_has_exactly_one_separator(leverancier: str, pakket: str) -> None:
    assert pakket_key(leverancier, pakket).count("/") == 1


def test_which_sections_can_be_changed_when() -> None:
    assert editable(Status.DRAFT) == editable(Status.INFO_REQUESTED) == tuple(Section)
    assert editable(Status.SUBMITTED) == editable(Status.IN_REVIEW) == (Section.CONTACTPERSONEN,)
    assert editable(Status.APPROVED) == editable(Status.ISSUED) == editable(Status.WITHDRAWN) == ()
