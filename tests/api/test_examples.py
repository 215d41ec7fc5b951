"""The examples of the OpenAPI document fit their own schemas, and are what the program takes and answers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema_rs import Draft202012Validator

from keyservice.api import problems, reference
from keyservice.api.answers import members_of
from keyservice.api.document import document as made_document
from keyservice.api.reference import example, example_of_problem
from keyservice.portaal import loading
from tests.factories.keys import awake
from tests.factories.machines import Machine
from tests.factories.portaal import write_file

PATH = "/v1/participatieverklaringen"


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/openapi.json").get_json()
    return found


def wrong(document: dict[str, Any], schema: dict[str, Any], value: object) -> list[str]:
    """Return how a value does not fit a schema of the document, also not its formats."""
    validator = Draft202012Validator({**schema, "components": document["components"]}, validate_formats=True)
    return [f"{value!r}: {error.message}" for error in validator.iter_errors(value)]


def with_examples(part: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema of the document that has examples of its own."""
    if isinstance(part, dict):
        if isinstance(part.get("examples"), list):
            yield part
        for inside in part.values():
            yield from with_examples(inside)
    elif isinstance(part, list):
        for inside in part:
            yield from with_examples(inside)


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the schema of all that is sent and of all that is answered, problems too."""
    for methods in document["paths"].values():
        for one in methods.values():
            for part in (one.get("requestBody", {}), *one["responses"].values()):
                for content in part.get("content", {}).values():
                    yield one["operationId"], content["schema"]


def test_every_example_fits_the_schema_that_gives_it(document: dict[str, Any]) -> None:
    schemas = list(with_examples(document))
    assert len(schemas) > 20
    assert [fault for one in schemas for value in one["examples"] for fault in wrong(document, one, value)] == []


def test_what_the_page_makes_of_a_schema_fits_it_and_leaves_nothing_open(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, schema in bodies(document):
        shown = example(schema, schemas)
        assert wrong(document, schema, shown) == [], name
        assert '"…"' not in json.dumps(shown, ensure_ascii=False), name


def test_an_example_has_its_members_in_the_order_in_which_they_come(app: Flask) -> None:
    with app.app_context():
        shown = {one.id: json.loads(one.answer) for one in reference.operations(made_document())}
    told = shown["leg_participatieverklaringen_vast"]["resultaten"][1]["probleem"]
    assert list(told) == [*members_of(problems.INPUT), "fouten"]


def test_the_example_of_a_problem_is_what_the_program_answers(app: Flask) -> None:
    with app.app_context():
        machine = Machine(app, awake()[1])
    sent = {"registraties": [{"startDeelname": "3 februari"}]}
    answer = machine.post(PATH, json=sent, headers={"Idempotency-Key": str(uuid4())})
    assert answer.get_json() == json.loads(example_of_problem())


def test_a_value_that_does_not_fit_is_found(document: dict[str, Any]) -> None:
    """The look above is no empty one."""
    assert wrong(document, {"$ref": "#/components/schemas/Zoekvraag"}, {"bsn": "12"})
    assert wrong(document, {"$ref": "#/components/schemas/Inburgeraar"}, {"termijnVan": "gisteren"})


def test_every_part_of_a_request_and_an_answer_is_explained(document: dict[str, Any]) -> None:
    for one in reference.operations(document):
        assert [row.name for row in (*one.sent, *one.received) if not row.text] == [], one.id


def test_the_example_of_a_registration_is_registered_and_a_wrong_one_gets_the_problem_of_the_example(
    app: Flask, document: dict[str, Any], tmp_path: Path
) -> None:
    schemas = document["components"]["schemas"]
    sent = example({"$ref": "#/components/schemas/Registraties"}, schemas)
    (item,) = sent["registraties"]
    with app.app_context():
        assert loading.load(write_file(tmp_path / "people.csv", [{"bsn": item["bsn"]}])).loaded
        machine = Machine(app, awake()[1])

    ends_first = item | {"startDeelname": item["datumOndertekening"], "eindeDeelname": item["startDeelname"]}
    refused, stored = (
        machine.post(PATH, json={"registraties": [one]}, headers={"Idempotency-Key": str(uuid4())}).get_json()
        for one in (ends_first, item)
    )
    answered = example({"$ref": "#/components/schemas/Resultaten"}, schemas)["resultaten"]
    assert [one.keys() for one in (*stored["resultaten"], *refused["resultaten"])] == [one.keys() for one in answered]
    assert refused["resultaten"][0] == answered[1]
    found = machine.get(f"{PATH}/{stored['resultaten'][0]['id']}").get_json()
    shown = example({"$ref": "#/components/schemas/Vastgelegd"}, schemas)
    assert found | {"id": shown["id"], "vastgelegdOp": shown["vastgelegdOp"]} == shown
    looked = machine.post("/v1/inburgeraars/_zoek", json={"bsn": item["bsn"]}).get_json()["inburgeraars"][0]
    assert looked.keys() == example({"$ref": "#/components/schemas/Inburgeraar"}, schemas).keys()
    assert looked["stand"] == example({"$ref": "#/components/schemas/Inburgeraar"}, schemas)["stand"]
