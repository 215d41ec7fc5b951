"""The OpenAPI document as people read it: per operation what to send, what comes back, and what can go wrong."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keyservice.api.document import problems_of
from keyservice.api.fields import EXAMPLE_PROBLEM
from keyservice.api.operation import PER_ITEM
from keyservice.api.problems import Problem
from keyservice.web.dates import getal

Schema = Mapping[str, Any]
_FORMATS = {"date": "datum", "date-time": "tijdstip", "uuid": "UUID", "uri-reference": "adres"}
_TYPES = {"string": "tekst", "integer": "geheel getal", "boolean": "ja of nee", "object": "object"}
_RULES = {
    "pattern": "vorm {}",
    "minLength": "ten minste {} tekens",
    "maxLength": "hoogstens {} tekens",
    "minimum": "ten minste {}",
    "maximum": "hoogstens {}",
    "minItems": "ten minste {} in de lijst",
    "maxItems": "hoogstens {} in de lijst",
}
_MOST_NAMED = 9
_UNKNOWN = "…"
_VALUES = {
    "date": "2026-11-25",
    "date-time": "2026-11-25T22:59:59Z",
    "uuid": "7f0c1b9e-5d43-4b59-9d4e-0a2f6c1d8e37",
    "integer": 1,
    "boolean": True,
}


@dataclass(frozen=True)
class Row:
    """A field as a row of a table; `.` stands for what is inside, `[]` for each of a list.

    `rule` says what a value must keep to beside its kind, `example` is one as it stands in JSON; both may be empty.
    """

    name: str
    kind: str
    required: bool
    text: str
    rule: str
    example: str


@dataclass(frozen=True)
class Operation:
    """An operation as the page shows it."""

    id: str
    method: str
    path: str
    summary: str
    description: Sequence[str]
    scheme: str | None
    body: str | None
    sent: Sequence[Row]
    received: Sequence[Row]
    request: str
    answer: str
    problems: Sequence[Problem]
    per_item: Sequence[Problem]


def operations(document: Schema) -> Iterator[Operation]:
    """Yield the operations of a document, in its order."""
    schemas, root = document["components"]["schemas"], document["servers"][0]["url"]
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            yield _operation(method.upper(), root, path, one, schemas)


def _operation(method: str, root: str, path: str, one: Schema, schemas: Schema) -> Operation:
    body, content = next(iter(one.get("requestBody", {}).get("content", {}).items()), (None, None))
    scheme = next((name for asked in one["security"] for name in asked), None)
    answer = next(found for status, found in one["responses"].items() if status < "300")
    received = next(iter(answer["content"].values()))["schema"]
    sent = content["schema"] if content else {}
    parts = [_row(part["name"], part["schema"] | part, part["required"], schemas) for part in one["parameters"]]
    return Operation(
        id=one["operationId"],
        method=method,
        path=path,
        summary=one["summary"],
        description=[text for text in one["description"].split("\n\n") if text],
        scheme=scheme,
        body=body,
        sent=[*parts, *_rows(sent, schemas)],
        received=list(_rows(received, schemas)),
        request=_command(
            method, _url(root, path, one), scheme, body, sent=example(sent, schemas), headers=_headers(one, schemas)
        ),
        answer=_pretty(example(received, schemas)),
        problems=problems_of(one["operationId"], scheme, body=body),
        per_item=PER_ITEM[one["operationId"]],
    )


def example(schema: Schema, schemas: Schema) -> Any:
    """Return a value that fits a schema: its own example when it has one."""
    schema = _plain(schema, schemas)
    given = schema.get("examples") or schema.get("enum") or [schema.get("const")]
    if given[0] is not None:
        return _in_order(given[0], schema, schemas)
    if "properties" in schema:
        found = {name: example(field, schemas) for name, field in schema["properties"].items()}
        return {name: value for name, value in found.items() if value != _UNKNOWN or name in schema["required"]}
    if schema.get("type") == "array":
        return [example(schema["items"], schemas)]
    return _VALUES.get(schema.get("format", schema.get("type", "")), _UNKNOWN)


def _in_order(value: Any, schema: Schema, schemas: Schema) -> Any:
    """Return an example with its members in the order of the schema: pydantic sorts them by name."""
    schema = _plain(schema, schemas)
    if isinstance(value, list):
        return [_in_order(one, schema.get("items", {}), schemas) for one in value]
    if isinstance(value, dict):
        known = schema["properties"]
        return {name: _in_order(value[name], known[name], schemas) for name in known if name in value}
    return value


def example_of_problem() -> str:
    """Return what a problem with two faults in the input looks like."""
    return _pretty(EXAMPLE_PROBLEM)


def _rows(schema: Schema, schemas: Schema, inside: str = "") -> Iterator[Row]:
    schema = _plain(schema, schemas)
    for name, field in schema.get("properties", {}).items():
        yield _row(f"{inside}{name}", field, name in schema.get("required", ()), schemas)
        found = _plain(field, schemas)
        if found.get("type") == "array":
            yield from _rows(found["items"], schemas, f"{inside}{name}[].")
        else:
            yield from _rows(found, schemas, f"{inside}{name}.")


def _row(name: str, field: Schema, required: bool, schemas: Schema) -> Row:  # noqa: FBT001 - a fact of the field
    plain = _plain(field, schemas)
    shown = example(plain, schemas)
    return Row(
        name,
        _kind(plain, schemas),
        required,
        field.get("description", ""),
        _rule(plain),
        "" if shown == _UNKNOWN or isinstance(shown, dict | list) else json.dumps(shown, ensure_ascii=False),
    )


def _rule(schema: Schema) -> str:
    """Return in words what a schema asks beside the kind; the rules are those that refuse a request."""
    if "enum" in schema:
        # The kinds of problem stand with the operation, each with its text.
        return "" if len(schema["enum"]) > _MOST_NAMED else f"een van {', '.join(map(str, schema['enum']))}"
    return ", ".join(_in_words(name, schema[name]) for name in _RULES if name in schema)


def _in_words(rule: str, value: Any) -> str:
    if rule in {"minLength", "minItems"} and value == 1:
        return "niet leeg"
    return _RULES[rule].format(getal(value) if isinstance(value, int) else value)


def _kind(schema: Schema, schemas: Schema) -> str:
    if "const" in schema:
        return f"altijd {json.dumps(schema['const'])}"
    if schema.get("type") == "array":
        kind = _kind(_plain(schema["items"], schemas), schemas)
        return f"lijst van {'objecten' if kind == 'object' else kind}"
    return _FORMATS.get(schema.get("format", ""), _TYPES.get(schema.get("type", ""), "tekst"))


def _plain(schema: Schema, schemas: Schema) -> Schema:
    """Return a schema without a reference, and without the null of a field that may be left out."""
    if "$ref" in schema:
        return _plain(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas)
    if "anyOf" in schema:
        first = next(one for one in schema["anyOf"] if one.get("type") != "null")
        return {**_plain(first, schemas), **{name: value for name, value in schema.items() if name != "anyOf"}}
    return schema


def _url(root: str, path: str, one: Schema) -> str:
    """Return an address that may be asked: the parts of its path filled in."""
    values = {part["name"]: _VALUES["uuid"] for part in one["parameters"] if part["in"] == "path"}
    return root + path.format_map(values)


def _headers(one: Schema, schemas: Schema) -> Mapping[str, str]:
    """Return the headers of its own that an operation takes, with examples."""
    return {part["name"]: example(part["schema"], schemas) for part in one["parameters"] if part["in"] == "header"}


def _command(
    method: str, url: str, scheme: str | None, body: str | None, *, sent: Any, headers: Mapping[str, str]
) -> str:
    """Return the request as a command line for curl; the secret stands in a variable, not in the command."""
    lines = [f'curl -H "Authorization: Bearer ${scheme.upper()}"' if scheme else "curl"]
    lines += [f'-H "{name}: {value}"' for name, value in headers.items()]
    if method not in {"GET", "POST"}:
        lines.append(f"-X {method}")
    if body == "application/json":
        lines.append(f"--json '{json.dumps(sent, ensure_ascii=False)}'")
    elif body:
        lines += [f'--data-urlencode "{name}={value}"' for name, value in sent.items()]
    return " \\\n  ".join([*lines, url])


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
