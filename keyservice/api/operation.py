"""An operation of the API: one function with pydantic models and a Dutch docstring.

spectree makes the OpenAPI document of them. The requests are read here, because it takes what is no JSON for an empty
object and converts a text into a number; the API reads strictly and says everything that is wrong at once.
"""

import functools
from collections.abc import Callable, Mapping, Sequence

from flask import Blueprint, Response, request
from pydantic import BaseModel, ValidationError
from spectree import Response as Answers
from spectree import SpecTree
from werkzeug.datastructures import MIMEAccept

from keyservice.api import problems
from keyservice.api.answers import stop, wrong_input
from keyservice.api.fields import Fout, Probleem, came_twice, faults
from keyservice.api.problems import Problem
from keyservice.api.strict_json import names_twice
from keyservice.web import access
from keyservice.web.machine import ROOT

bp = Blueprint("api", __name__, url_prefix=ROOT)
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
spec = SpecTree(
    "flask",
    annotations=False,
    mode="strict",
    validation_error_status=400,
    validation_error_model=Probleem,
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=lambda _parent, child: child,
)
# Per operation, by the name of its function: what it may answer beside what every operation may.
PROBLEMS: dict[str, Sequence[Problem]] = {}
# And what it may say of each of the things that were sent together, in an answer that is a success itself.
PER_ITEM: dict[str, Sequence[Problem]] = {}
View = Callable[..., BaseModel | tuple[BaseModel, Mapping[str, str]]]
Read = tuple[BaseModel | None, list[Fout]]


def operation(
    method: str,
    path: str,
    *,
    scheme: str | None,
    tag: str,
    answer: type[BaseModel],
    status: int = 200,
    json: type[BaseModel] | None = None,
    form: type[BaseModel] | None = None,
    headers: type[BaseModel] | None = None,
    longest: int | None = None,
    can_go_wrong: Sequence[Problem] = (),
    per_item: Sequence[Problem] = (),
) -> Callable[[View], View]:
    """Make a function an operation; who may is what `scheme` lets in (`access.machine`), None: anybody.

    The function takes what was sent, as `json` or `form` and `headers` (if there are), and the parts of the path by
    name. It returns its answer, or that and headers. Its docstring becomes the text in the document. `longest` is how
    many bytes of body are read when that is more than elsewhere.
    """

    def add(view: View) -> View:
        @functools.wraps(view)
        def handle(**parts: object) -> Response:
            _require_acceptable()
            if longest:
                request.max_content_length = longest
            found = view(*_sent(json, form, headers), **parts)
            body, more = found if isinstance(found, tuple) else (found, {})
            return Response(as_json(body), status, more, mimetype=JSON)

        documented = spec.validate(
            json=json,
            form=form,
            headers=headers,
            resp=Answers(**{f"HTTP_{status}": (answer, "Gelukt")}),
            tags=[tag],
            security={scheme: []} if scheme else {},
            operation_id=view.__name__,
            skip_validation=True,
        )(handle)
        PROBLEMS[view.__name__], PER_ITEM[view.__name__] = can_go_wrong, per_item
        bp.add_url_rule(
            path, view.__name__, (access.machine(scheme) if scheme else access.public)(documented), methods=[method]
        )
        return view

    return add


def as_json(answer: BaseModel) -> str:
    """Return an answer as it is sent."""
    return answer.model_dump_json(by_alias=True, exclude_none=True)


def _require_acceptable() -> None:
    # JSON has no parameters; who names one, as in 'application/json; charset=utf-8', takes what we send.
    wanted = MIMEAccept([(name.partition(";")[0].strip(), quality) for name, quality in request.accept_mimetypes])
    if wanted and wanted.best_match([JSON]) is None:
        stop(problems.NOT_ACCEPTABLE)


def _sent(
    json: type[BaseModel] | None, form: type[BaseModel] | None, headers: type[BaseModel] | None
) -> list[BaseModel | None]:
    """Return what was sent, in this order. Ends the request with all that is wrong in any of it."""
    read = [_read_json(json)] if json else [_read_form(form)] if form else []
    read += [_read_headers(headers)] if headers else []
    if wrong := [fault for _, faulty in read for fault in faulty]:
        wrong_input(wrong)
    return [found for found, _ in read]


def _body_of(mimetype: str) -> bytes:
    if request.mimetype != mimetype:
        stop(problems.MEDIA_TYPE, headers={"Accept": mimetype})
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        stop(problems.MEDIA_TYPE, headers={"Accept-Encoding": "identity"})
    body = request.get_data()
    request.stream.read(1)  # a body in chunks that is too long is cut off at the limit; asked for more, this raises 413
    return body


def _read_json(model: type[BaseModel]) -> Read:
    body, found, wrong = _body_of(JSON), None, []
    try:
        found = model.model_validate_json(body)
    except ValidationError as error:
        if error.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid":
            stop(problems.JSON)
        wrong = faults(error)
    try:
        twice = names_twice(body.decode())
    except ValueError:
        stop(problems.JSON)
    return found, [*came_twice(twice), *wrong]


def _read_form(model: type[BaseModel]) -> Read:
    _body_of(FORM)
    # RFC 6749, 3.2: a parameter comes once.
    if twice := [name for name in _names(model) if len(request.form.getlist(name)) > 1]:
        return None, came_twice(twice)
    return _judged(model, request.form.to_dict())


def _read_headers(model: type[BaseModel]) -> Read:
    return _judged(model, {name: request.headers[name] for name in _names(model) if name in request.headers})


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _judged(model: type[BaseModel], sent: Mapping[str, str]) -> Read:
    try:
        return model.model_validate(sent), []
    except ValidationError as error:
        return None, faults(error)
