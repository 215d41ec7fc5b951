"""Every sms that the program can send fits into one, in the alphabet that every telephone knows."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from keyservice.kernel.passwords import new_password
from keyservice.outbox.channels.sms import LONGEST, SmsChannel
from keyservice.outbox.message import Content
from keyservice.outbox.models import Channel, OutboxMessage
from tests.factories.post import LINE

POST = Path(__file__).parents[2] / "templates" / "post"
KINDS = sorted(path.parent.name for path in POST.glob("*/sms.txt"))


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize("kind", KINDS)
def test_every_sms_fits_into_one_and_starts_with_who_we_are_and_its_number(kind: str) -> None:
    values = {
        "z_number": "Z-4K7M2Q",
        "password": new_password().reveal(),
        "code": "12345678",
        "page": "sleutels.inburgering.duo.example/bevestigen",
    }
    row = OutboxMessage(id=UUID(int=1), kind=kind, channel=Channel.SMS, created_at=datetime(2026, 11, 23, tzinfo=UTC))
    text = SmsChannel().render(row, Content("+31612345678", values, None), LINE).decode()
    assert text.startswith("DUO Z-4K7M2Q. ")
    assert len(text) <= LONGEST
