"""What events of this program say, for an act that builds on them: what somebody wrote past the program counts not."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import select

from keyservice import settings
from keyservice.audit.append import MAC_PURPOSE
from keyservice.audit.catalogue import EventType
from keyservice.audit.models import AuditEvent
from keyservice.database import db
from keyservice.kernel.seal import Rings, SealBroken


def fields_of(event: EventType, dossier: UUID) -> Iterator[dict[str, Any]]:
    """Give the fields of each event of a kind in a dossier whose MAC is of this program, oldest first."""
    query = select(AuditEvent.canonical, AuditEvent.mac).where(AuditEvent.dossier == dossier)
    query = query.where(AuditEvent.code == event.code).order_by(AuditEvent.row)
    rings = settings.rings()
    for canonical, mac in db.session.execute(query):
        content = content_of(rings, canonical, mac)
        # The columns beside the content are not under the MAC.
        if content and (content["event"], content["dossier"]) == (event.code, str(dossier)):
            yield content["fields"]


def content_of(rings: Rings, canonical: Any, mac: Any) -> dict[str, Any] | None:
    """Return what a stored event says, whatever stands there, or None when its MAC is not of this program."""
    try:
        if not rings.mac_fits(mac, MAC_PURPOSE, canonical.decode()):
            return None
    except (SealBroken, AttributeError, TypeError, ValueError):  # no bytes, no text, or a ring key that never was
        return None
    content: dict[str, Any] = json.loads(canonical)
    return content
