"""The security headers of every answer, the same everywhere (internet.nl, ASVS 5.0 3.4, NCSC U/WA)."""

from flask import Flask, Response, request

from keyservice.settings import Settings

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def register(app: Flask, settings: Settings) -> None:
    """Add the headers to every answer, errors included; pages are never kept by a browser or proxy."""
    secure = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"} if settings.secure else {}
    wanted = [*HEADERS.items(), *secure.items()]

    @app.after_request
    def _headers(response: Response) -> Response:
        own = {name.lower() for name, _ in response.headers}
        response.headers.extend([(name, value) for name, value in wanted if name.lower() not in own])
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response
