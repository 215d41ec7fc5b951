"""Sms: the text, which fits into one, and the way out that the settings name."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from flask import render_template

from keyservice import settings
from keyservice.kernel.text import clean
from keyservice.outbox.channels.base import PermanentFailure, Sender
from keyservice.outbox.channels.sms_file import open_folder
from keyservice.outbox.channels.sms_http import open_gateway
from keyservice.outbox.channels.sms_notify import open_notifynl
from keyservice.outbox.message import Content
from keyservice.outbox.models import OutboxMessage
from keyservice.settings import Settings
from keyservice.settings_sms import SmsProvider

# GSM 03.38: a single sms takes 160 characters of the basic alphabet. Ours keep to its ASCII part: of ASCII it lacks the
# backtick, and ^ { } [ ] \ | ~ count double.
LONGEST = 160
_GSM = re.compile(r"""[A-Za-z0-9 @$!"#%&'()*+,./:;<=>?_-]*""")
OPENERS: Mapping[SmsProvider, Callable[[Settings], AbstractContextManager[Sender]]] = {
    SmsProvider.FILE: open_folder,
    SmsProvider.NOTIFYNL: open_notifynl,
    SmsProvider.HTTP: open_gateway,
}


class SmsChannel:
    """The channel for sms."""

    def render(self, row: OutboxMessage, content: Content, _control_line: str) -> bytes:
        """Return the text of the sms, which has no room for a control line.

        Raises PermanentFailure when it would not arrive whole in one.
        """
        text = clean(render_template(f"post/{row.kind}/sms.txt", **content.values))
        if len(text) > LONGEST:
            raise PermanentFailure(f"sms of {len(text)} characters")
        if not _GSM.fullmatch(text):
            raise PermanentFailure("sms with a character outside the basic alphabet of GSM")
        return text.encode()

    def open(self) -> AbstractContextManager[Sender]:
        """Open the way out for a batch."""
        conf = settings.current()
        return OPENERS[conf.sms.provider](conf)
