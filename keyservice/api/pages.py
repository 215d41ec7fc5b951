"""The pages for people about the API: what each problem means and what to do."""

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from keyservice.api import problems, reference
from keyservice.api.document import document
from keyservice.api.versions import RELEASES
from keyservice.sleutels import limits
from keyservice.web import access

bp = Blueprint("api_pages", __name__)


@bp.get("/api")
@access.public
def docs() -> ResponseReturnValue:
    """Show how to use the API, made from its OpenAPI document."""
    made = document()
    return render_template(
        "api/docs.html",
        root=made["servers"][0]["url"],
        operations=list(reference.operations(made)),
        schemes=made["components"]["securitySchemes"],
        problem_example=reference.example_of_problem(),
        limits=limits,
        releases=RELEASES,
    )


@bp.get("/problemen")
@access.public
def problem_list() -> ResponseReturnValue:
    """Show every problem the API answers with."""
    return render_template("api/problems.html", problems=problems.ALL)


@bp.get("/problemen/<slug>")
@access.public
def problem(slug: str) -> ResponseReturnValue:
    """Show what one problem means and what to do about it."""
    found = problems.BY_SLUG.get(slug) or abort(404)
    return render_template("api/problem.html", problem=found)
