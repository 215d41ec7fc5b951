"""Every operation keeps what the OpenAPI document promises: schemathesis makes requests of it, good and bad ones.

The requests are the same at each run. Its checks: no failure of ours; only statuses, media types, headers and fields
that are documented; good input is accepted and bad input refused; nothing without a key.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import positive_data_acceptance
from schemathesis.core.result import Ok
from schemathesis.openapi import from_wsgi
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from keyservice.api.operation import FORM
from tests.factories.keys import awake
from tests.factories.machines import asker

Operation = APIOperation[Any, Any, Any, Any]
OneCase = Case[Any]
STRANGER = "asl_p_" + "0" * 38


@dataclass(frozen=True)
class Promised:
    """The document of the running application, and a secret that opens each of its schemes."""

    schema: BaseSchema
    secrets: dict[str, str]

    def operations(self) -> Iterator[tuple[Operation, str]]:
        """Yield each operation with a secret that opens it; none for one that is open to all."""
        for found in self.schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            asked = operation.definition.raw["security"]
            yield operation, self.secrets[next(iter(asked[0]))] if asked else ""


@pytest.fixture
def promised(app: Flask) -> Promised:
    with app.app_context():
        secrets = {"sleutel": awake()[1]}
    return Promised(from_wsgi("/v1/openapi.json", app), secrets | {"systeem": asker(app).secret})


steady = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def try_all(operation: Operation, mode: GenerationMode, look: Callable[[OneCase], None]) -> None:
    """Make requests for an operation and look at each."""

    @given(case=operation.as_strategy(mode))
    @steady
    def one(case: OneCase) -> None:
        look(case)

    one()


def by_rule(operation: Operation, mode: GenerationMode) -> Iterator[OneCase]:
    """Yield the requests that follow from the schema without chance: each limit, and each way to be just beyond it."""
    generation = operation.schema.config.generation_for(operation=operation, phase="coverage")
    yield from operation.schema.iter_coverage_cases(operation, generation_modes=[mode], generation_config=generation)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_operation_keeps_its_promise(promised: Promised, mode: GenerationMode) -> None:
    for operation, secret in promised.operations():
        statuses = set()

        def keeps(case: OneCase) -> None:
            headers = {"Authorization": f"Bearer {secret}"}  # noqa: B023 - called at once
            if mode is GenerationMode.POSITIVE and "Idempotency-Key" in (case.headers or {}):
                headers["Idempotency-Key"] = str(uuid4())  # else another message comes with the key of an earlier one
            # In a form all is text: the number or null that is made as a field of a wrong kind arrives as a good one.
            answer = case.call_and_validate(
                headers=headers, excluded_checks=[negative_data_rejection] if case.media_type == FORM else []
            )
            statuses.add(answer.status_code)  # noqa: B023

        for case in by_rule(operation, mode):
            keeps(case)
        if mode is GenerationMode.NEGATIVE:
            assert 405 in statuses or "{" in operation.path, "other methods are among them"
        try_all(operation, mode, keeps)
        if mode is GenerationMode.POSITIVE:
            # What has an id in its address is nearly never there; tests/api/test_registering.py asks for what is.
            assert statuses <= ({200, 404} if "{" in operation.path else {200, 201}), operation.label


def test_every_operation_refuses_a_stranger(promised: Promised) -> None:
    def refuses(case: OneCase) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {STRANGER}"})
        assert answer.status_code == 401
        case.validate_response(answer, excluded_checks=[positive_data_acceptance])

    for operation in (operation for operation, secret in promised.operations() if secret):
        try_all(operation, GenerationMode.POSITIVE, refuses)


def test_the_document_is_valid_openapi_3_1(promised: Promised) -> None:
    assert list(OPENAPI_31_VALIDATOR.iter_errors(promised.schema.raw_schema)) == []
