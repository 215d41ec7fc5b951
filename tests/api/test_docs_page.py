"""The page about the API says what the document says: it is made of it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from keyservice.api import reference
from keyservice.api.document import problems_of
from keyservice.api.operation import FORM, JSON
from keyservice.sleutels import limits
from tests.pages import check, parse, text_of

SCHEMAS = {
    "Deel": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "format": "uuid"}}},
    "Geheel": {
        "type": "object",
        "required": ["naam", "deel", "delen"],
        "properties": {
            "naam": {"type": "string", "examples": ["Voorbeeld"], "description": "Hoe het heet."},
            "deel": {"$ref": "#/components/schemas/Deel"},
            "delen": {"type": "array", "items": {"$ref": "#/components/schemas/Deel"}},
            "dag": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "default": None},
            "soort": {"enum": ["a", "b"], "type": "string"},
            "vast": {"const": "x", "type": "string"},
            "los": {"type": "string"},
        },
    },
}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/openapi.json").get_json()
    return found


def test_the_page_shows_every_operation_field_and_problem(client: FlaskClient, document: dict[str, Any]) -> None:
    page = client.get("/api").text
    check(page)
    text = text_of(parse(page)[0])
    for one in reference.operations(document):
        assert f"{one.method} {one.path}" in text
        assert one.summary.replace("`", "") in text
        for row in (*one.sent, *one.received):
            assert f">{row.name.replace('.', '.<wbr>')}</code>" in page, row
            assert all(told.replace("`", "") in text for told in (row.text, row.rule, row.example)), row
        for problem in one.problems:
            assert f'href="{problem.type}"' in page
    assert str(limits.KEY_BURST) in text


def test_the_page_loads_nothing_from_elsewhere_and_needs_no_script(client: FlaskClient) -> None:
    page = client.get("/api").text
    assert "<script" not in page
    assert re.findall(r'(?:src|action)="(?!/)', page) == []


def names_in(value: Any, inside: str = "") -> Iterator[str]:
    """Yield the name of every field, as the page writes it."""
    if isinstance(value, list):
        for found in value:
            yield from names_in(found, f"{inside[:-1]}[].")
    elif isinstance(value, dict):
        for name, found in value.items():
            yield f"{inside}{name}"
            yield from names_in(found, f"{inside}{name}.")


def test_an_example_answer_fits_what_the_page_says(document: dict[str, Any]) -> None:
    for one in reference.operations(document):
        shown = set(names_in(json.loads(one.answer)))
        assert {row.name for row in one.received if row.required} <= shown
        assert shown <= {row.name for row in one.received}


def test_a_field_of_any_kind_becomes_a_row_and_an_example() -> None:
    whole = {"$ref": "#/components/schemas/Geheel"}
    assert [(row.name, row.kind, row.required) for row in reference._rows(whole, SCHEMAS)] == [
        ("naam", "tekst", True),
        ("deel", "object", True),
        ("deel.id", "UUID", True),
        ("delen", "lijst van objecten", True),
        ("delen[].id", "UUID", True),
        ("dag", "datum", False),
        ("soort", "tekst", False),
        ("vast", 'altijd "x"', False),
        ("los", "tekst", False),
    ]
    rules = {row.name: row.rule for row in reference._rows(whole, SCHEMAS)}
    assert rules["soort"] == "een van a, b"
    example = reference.example(whole, SCHEMAS)
    assert example["naam"] == "Voorbeeld"
    assert example["deel"].keys() == {"id"}
    assert example["delen"] == [example["deel"]]
    assert (example["dag"], example["soort"], example["vast"]) == ("2026-11-25", "a", "x")
    assert "los" not in example, "a field without an example that may be left out is left out"


def test_an_example_request_keeps_the_secret_out_of_the_command() -> None:
    form = reference._command("POST", "https://x.example/v1/a", "systeem", FORM, sent={"token": "t"}, headers={})
    assert '"Authorization: Bearer $SYSTEEM"' in form
    assert '--data-urlencode "token=t"' in form
    assert "--json '{\"a\": 1}'" in reference._command(
        "POST", "https://x.example/v1/a", None, JSON, sent={"a": 1}, headers={}
    )
    assert "-X DELETE" in reference._command("DELETE", "https://x.example/v1/a", "sleutel", None, sent={}, headers={})


def test_an_operation_that_reads_json_says_what_is_no_json(app: Flask) -> None:
    with app.app_context():
        read = {problem.slug for problem in problems_of("gelekte_sleutels", None, body=JSON)}
        form = {problem.slug for problem in problems_of("introspectie", "systeem", body=FORM)}
    assert "ongeldige-json" in read
    assert "ongeldige-json" not in form
    assert "te-groot" in read & form
