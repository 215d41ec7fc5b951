"""The page of messages, and what dossier and status page say of them, as a browser shows them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from keyservice.demo.stack import Stack
from keyservice.kernel import clock
from keyservice.outbox.models import Delivery
from tests.browser.conftest import CheckedPerson
from tests.factories.aanvragen import ready
from tests.factories.issued_rows import dead_message, issue

Person = Callable[[str | None], CheckedPerson]


def test_who_looks_after_messages_sees_what_failed_and_what_to_do(person: Person, running: Stack) -> None:
    now = clock.now()
    came_back: dict[str, Any] = {
        "status": Delivery.BOUNCED,
        "sent_at": now,
        "bounced_at": now,
        "bounce_status": "5.1.1",
        "content": None,
    }
    with running.app.app_context():
        aanvraag_id = ready(pakket="Berichtenpakket")
        issue(aanvraag_id)
        dead_message(aanvraag_id, "sleutel-zip", attempts=1, escalated_at=now, **came_back)
        dead_message(aanvraag_id, "uitgifte-remind-receipt", escalated_at=now)
        waits: dict[str, Any] = {
            "status": Delivery.WAITING,
            "due_at": now + timedelta(hours=5),
            "last_error": "SMTP 451",
        }
        dead_message(aanvraag_id, attempts=4, **waits)
    rik = person("rik")
    rik.open("/berichten")
    rik.check("messages")
    rik.press("Opnieuw versturen")
    rik.check("messages-retried")
    rik.open(f"/dossiers/{aanvraag_id}")
    rik.check("dossier-undelivered")
    anna = person("anna")
    anna.open(f"/aanvragen/{aanvraag_id}")
    anna.check("status-undelivered")
