"""What tells a machine from a person: it asks below `/v1`. It gets problems instead of pages, and has no session."""

from flask import Request, has_request_context, request

ROOT = "/v1"


def serves(path: str) -> bool:
    """Tell whether a path is for machines."""
    return f"{path}/".startswith(f"{ROOT}/")


def asks(this: Request | None = None) -> bool:
    """Tell whether a request (default: the current one, if there is one) is for the API, known address or not."""
    if this is None and not has_request_context():
        return False
    return serves((this or request).path)
