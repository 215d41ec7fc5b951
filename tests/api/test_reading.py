"""What comes in as JSON is read strictly, and everything that is wrong with it is said at once, in Dutch."""

import json
import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from flask import Flask
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError
from werkzeug.exceptions import HTTPException

from keyservice.api import operation, problems
from keyservice.api.fields import Fields, Moment
from tests.api.test_problems import problem_of

GOOD = {
    "nummer": "AB12",
    "aantal": 3,
    "soort": "a",
    "akkoord": True,
    "sindsWanneer": "2026-11-25T14:00:00+01:00",
    "startDatum": "2026-11-25",
    "deel": {"id": "7f0c1b9e-5d43-4b59-9d4e-0a2f6c1d8e37"},
    "lijst": ["x"],
}
KEY = "asl_p_" + "A1b2C3d4" * 4 + "A1b2C3"


def even(value: int) -> int:
    if value == 4:
        raise PydanticCustomError("geen-vier", "Vier {mag} niet.")
    return value


class Deel(Fields):
    id: UUID


class Proef(Fields):
    nummer: str = Field(min_length=2, max_length=5, pattern="^[A-Z0-9]*$")
    aantal: Annotated[int, AfterValidator(even)] = Field(ge=1, le=9)
    soort: Literal["a", "b"]
    akkoord: bool
    sinds_wanneer: Moment
    start_datum: date
    deel: Deel
    lijst: list[str] = Field(min_length=1, max_length=2)


def read(app: Flask, body: Any, content_type: str = "application/json") -> BaseModel:
    """Read a body as an operation does."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with app.test_request_context("/v1/proef", method="POST", data=data, content_type=content_type):
        (found,) = operation._sent(Proef, None, None)
    assert found
    return found


def refused(app: Flask, body: Any, content_type: str = "application/json") -> tuple[problems.Problem, Any]:
    """Return the problem that a body is, and what it says of the fields."""
    with pytest.raises(HTTPException) as stopped:
        read(app, body, content_type)
    answer: Any = stopped.value.response
    return problem_of(answer), answer.get_json().get("fouten")


def test_good_input_is_read_with_any_offset_and_goes_out_in_utc(app: Flask) -> None:
    found = read(app, GOOD)
    assert isinstance(found, Proef)
    assert found.start_datum == date(2026, 11, 25)
    assert found.sinds_wanneer == datetime(2026, 11, 25, 13, 0, tzinfo=UTC)
    assert json.loads(found.model_dump_json(by_alias=True)) == GOOD | {"sindsWanneer": "2026-11-25T13:00:00Z"}


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"nummer": "A"}, "nummer", "te-kort"),
        ({"nummer": "ABCDEF"}, "nummer", "te-lang"),
        ({"nummer": "ab"}, "nummer", "verkeerde-vorm"),
        ({"nummer": 12}, "nummer", "geen-tekst"),
        ({"nummer": None}, "nummer", "geen-tekst"),
        ({"aantal": "3"}, "aantal", "geen-getal"),
        ({"aantal": 3.0}, "aantal", "geen-getal"),
        ({"aantal": True}, "aantal", "geen-getal"),
        ({"aantal": 0}, "aantal", "te-klein"),
        ({"aantal": 10}, "aantal", "te-groot"),
        ({"aantal": 4}, "aantal", "geen-vier"),
        ({"soort": "c"}, "soort", "niet-in-lijst"),
        ({"akkoord": "true"}, "akkoord", "geen-ja-of-nee"),
        ({"akkoord": 1}, "akkoord", "geen-ja-of-nee"),
        ({"sindsWanneer": "2026-11-25T14:00:00"}, "sindsWanneer", "zonder-tijdzone"),
        ({"sindsWanneer": "gisteren"}, "sindsWanneer", "geen-tijdstip"),
        ({"sindsWanneer": 1795600800}, "sindsWanneer", "geen-tijdstip"),
        ({"startDatum": "25-11-2026"}, "startDatum", "geen-datum"),
        ({"startDatum": "2026-02-30"}, "startDatum", "geen-datum"),
        ({"startDatum": 20000}, "startDatum", "geen-datum"),
        ({"deel": {"id": "x"}}, "deel.id", "geen-uuid"),
        ({"deel": {}}, "deel.id", "verplicht"),
        ({"deel": []}, "deel", "geen-object"),
        ({"lijst": "x"}, "lijst", "geen-lijst"),
        ({"lijst": []}, "lijst", "te-weinig"),
        ({"lijst": ["a", "b", "c"]}, "lijst", "te-veel"),
        ({"lijst": ["a", 1]}, "lijst.1", "geen-tekst"),
        ({"start_datum": "2026-11-25"}, "start_datum", "onbekend-veld"),
        ({"extra": 1}, "extra", "onbekend-veld"),
    ],
)
def test_each_kind_of_fault_has_its_code_and_a_dutch_sentence(
    app: Flask, change: dict[str, Any], field: str, code: str
) -> None:
    problem, faults = refused(app, GOOD | change)
    assert problem is problems.INPUT
    (fault,) = faults
    assert (fault["veld"], fault["code"]) == (field, code)
    assert fault["melding"].endswith(".")
    assert not re.search(
        r"\b(or|should|must|input|valid|value|field|string|type)\b|[{}]", fault["melding"].replace("{mag}", "")
    )


def test_all_faults_are_said_at_once(app: Flask) -> None:
    _, faults = refused(app, {"nummer": "a", "aantal": 0, "deel": {"id": 1}, "vreemd": 1})
    assert {fault["veld"] for fault in faults} == {
        *("nummer", "aantal", "deel.id", "vreemd"),
        *("soort", "akkoord", "sindsWanneer", "startDatum", "lijst"),
    }


@pytest.mark.parametrize("body", [b"[]", b"0", b'"x"', b"null", b"true"])
def test_json_that_is_no_object_is_wrong_input(app: Flask, body: bytes) -> None:
    problem, faults = refused(app, body)
    assert problem is problems.INPUT
    assert [(fault["veld"], fault["code"]) for fault in faults] == [("", "geen-object")]


@pytest.mark.parametrize("body", [b"", b"{", b"{'a': 1}", b'{"a": NaN', b"\xff\xfe{}", b"a=b", b"[" * 100_000])
def test_what_is_no_json_is_said_so_and_not_read_as_empty(app: Flask, body: bytes) -> None:
    assert refused(app, body)[0] is problems.JSON


@pytest.mark.parametrize("content_type", ["", "text/plain", "text/json", "application/x-www-form-urlencoded"])
def test_another_kind_of_content_is_refused(app: Flask, content_type: str) -> None:
    assert refused(app, GOOD, content_type)[0] is problems.MEDIA_TYPE


def test_the_content_type_may_have_parameters(app: Flask) -> None:
    assert isinstance(read(app, GOOD, "application/json; charset=utf-8"), Proef)


def test_nothing_that_was_sent_comes_back(app: Flask) -> None:
    with pytest.raises(HTTPException) as stopped:
        read(app, GOOD | {KEY: 1, "nummer": KEY, "soort": KEY, "startDatum": KEY})
    answer: Any = stopped.value.response
    assert len(answer.get_json()["fouten"]) == 4
    assert KEY not in answer.get_data(as_text=True)
