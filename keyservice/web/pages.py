"""The pages that belong to no slice: accessibility, privacy, contact, the opener of zips, security.txt."""

from datetime import timedelta

from flask import Blueprint, Response, make_response, render_template
from flask.typing import ResponseReturnValue

from keyservice import settings
from keyservice.kernel import clock
from keyservice.web import access, opener

bp = Blueprint("web", __name__)


def _page(name: str) -> ResponseReturnValue:
    return render_template(f"web/{name}.html", settings_view=settings.current())


@bp.get("/toegankelijkheid")
@access.public
def accessibility() -> ResponseReturnValue:
    """Show what the operator states about accessibility."""
    return _page("accessibility")


@bp.get("/privacy")
@access.public
def privacy() -> ResponseReturnValue:
    """Show what is kept of whom, and how long."""
    return _page("privacy")


@bp.get("/kwetsbaarheid-melden")
@access.public
def report_vulnerability() -> ResponseReturnValue:
    """Show how to report a vulnerability."""
    return _page("report_vulnerability")


@bp.get("/contact")
@access.public
def contact() -> ResponseReturnValue:
    """Show how to reach the operator."""
    return _page("contact")


@bp.get(opener.PATH)
@access.public
def open_zip() -> ResponseReturnValue:
    """Show the page that opens a zip; all else happens in the browser."""
    page = make_response(render_template("web/opener.html"))
    page.headers["Content-Security-Policy"] = opener.POLICY
    return page


@bp.get(f"{opener.PATH}/{opener.FILE_NAME}")
@access.public
def download_opener() -> ResponseReturnValue:
    """Return the opener as one file; never as a page of this site."""
    answer = Response((opener.BUILD / opener.FILE_NAME).read_bytes(), mimetype="application/octet-stream")
    answer.headers.set("Content-Disposition", "attachment", filename=opener.FILE_NAME)
    return answer


@bp.get("/.well-known/security.txt")
@access.public
def security_txt() -> ResponseReturnValue:
    """Return security.txt (RFC 9116): contact, and an expiry less than a year ahead."""
    conf = settings.current()
    expires = (clock.now() + timedelta(days=180)).replace(microsecond=0)
    lines = [
        f"Contact: {f'mailto:{conf.contact_email}' if conf.contact_email else conf.base_url + '/kwetsbaarheid-melden'}",
        f"Expires: {expires.isoformat().replace('+00:00', 'Z')}",
        "Preferred-Languages: nl, en",
        f"Canonical: {conf.base_url}/.well-known/security.txt",
        f"Policy: {conf.base_url}/kwetsbaarheid-melden",
        f"# A leaked applicatiesleutel: {conf.base_url}/gelekte-sleutel",
    ]
    return Response("\n".join(lines) + "\n", mimetype="text/plain")
