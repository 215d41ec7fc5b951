"""What a monitor asks: `/health` and `/metrics`. No page, no session, nothing about a person."""

import hmac
from typing import cast

from flask import Flask, Response, abort, current_app, jsonify, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from keyservice import audit, settings
from keyservice.overview.blueprint import bp
from keyservice.overview.figures import Figures
from keyservice.overview.health import Probe
from keyservice.web import access
from keyservice.web.errors import RETRY_AFTER_SECONDS


@bp.record_once
def _probe(state: BlueprintSetupState) -> None:
    app = cast("Flask", state.app)
    app.extensions["keyservice.probe"] = Probe(app)


@bp.get("/health")
@access.public
def health() -> ResponseReturnValue:
    """Tell whether each part of the service is well: 200 when all are, else 503."""
    probe: Probe = current_app.extensions["keyservice.probe"]
    parts = probe.ask()
    if all(parts.values()):
        return jsonify(ok=True, parts=parts)
    return jsonify(ok=False, parts=parts), 503, {"Retry-After": RETRY_AFTER_SECONDS}


@bp.get("/metrics")
@access.public
def metrics() -> ResponseReturnValue:
    """Return the figures to who shows the token of the settings; without a token there is no such page."""
    token = settings.current().metrics_token
    if token is None:
        abort(404)
    if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token.reveal()}".encode()):
        audit.record_refusal(access.actor(), "front.metrics", "metrics-token")
        return Response(status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), content_type=content_type)
