"""What the API answers when something is wrong: `application/problem+json`, with status, title and detail."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NoReturn

from flask import Response, current_app
from werkzeug.exceptions import HTTPException

from keyservice.api import problems
from keyservice.api.fields import Fout
from keyservice.api.problems import Problem
from keyservice.kernel.errors import Invalid, UseCaseError
from keyservice.web.error_texts import text_of

MOST_FAULTS = 1000  # who sends more wrong fields than this has a program that is wrong, or means to cost us much
MEDIA_TYPE = "application/problem+json"
BEARER = {"WWW-Authenticate": 'Bearer realm="Sleuteluitgifte"'}  # RFC 6750, 3


def members_of(problem: Problem) -> dict[str, object]:
    """Return what every problem says of itself."""
    return {"type": problem.type, "title": problem.title, "status": problem.status, "detail": problem.happened}


def answer(
    problem: Problem,
    detail: str | None = None,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    **members: object,
) -> Response:
    """Return the answer that tells a problem; `detail` is about this time, `members` are more facts."""
    body = members_of(problem) | {"status": status or problem.status, "detail": detail or problem.happened} | members
    found = Response(current_app.json.dumps(body), status or problem.status, mimetype=MEDIA_TYPE)
    found.headers.update(BEARER if problem.status == HTTPStatus.UNAUTHORIZED and headers is None else headers or {})
    return found


def stop(problem: Problem, **more: object) -> NoReturn:
    """End the request with a problem (raises HTTPException); takes what `answer` takes."""
    raise HTTPException(response=answer(problem, **more))  # type: ignore[arg-type]  # passed on as they are


def wrong_input(faults: list[Fout]) -> NoReturn:
    """End the request because of its input, with every fault at once (of the first thousand)."""
    stop(problems.INPUT, fouten=[fault.model_dump() for fault in faults[:MOST_FAULTS]])


def of_failure(status: int, *, error: UseCaseError | None = None, code: str | None = None, **_page: object) -> Response:
    """Return the problem for what `web.errors` caught: by its code if there is one of that name, else by status."""
    if isinstance(error, Invalid):
        title, happened = text_of(error)
        fault = Fout(veld=str(error.data.get("veld", "")), code=error.code, melding=happened or title)
        return answer(problems.INPUT, fouten=[fault.model_dump()])
    if error is not None:
        title, happened = text_of(error)
        kind = problems.BY_SLUG.get(error.code, problems.of_status(status))
        return answer(kind, kind.happened if kind.slug == error.code else f"{title}. {happened}")
    if code is not None:
        return answer(problems.FAILURE, f"{problems.FAILURE.happened} De code van deze fout is {code}.")
    return answer(problems.of_status(status), status=status)
