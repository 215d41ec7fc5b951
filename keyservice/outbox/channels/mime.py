"""The bytes of a mail (RFC 5322, 2045-2047, 2183): one fixed form with a text, a page and perhaps one file.

Python's `email` package parses each header again every time it is looked at, and takes a hundred times as long for the
same mail; the tests read every mail back with it.
"""

import base64
import binascii
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from uuid import UUID

from keyservice.outbox.message import Attachment

_PLAIN_SUBJECT = 65  # with its name on one line of 78 characters (RFC 5322 2.1.1)

_HEAD = """\
From: {sender}
To: {to}
Subject: {subject}
Date: {date}
Message-ID: {message_id}
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/mixed;
 boundary="{mixed}"

--{mixed}
Content-Type: multipart/alternative;
 boundary="{alternative}"

"""
_TEXT = """\
--{boundary}
Content-Type: text/{subtype}; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

{body}
"""
_FILE = """\
--{boundary}
Content-Type: {content_type}
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="{name}"

{body}"""


def mail_bytes(
    row_id: UUID,
    *,
    sender: str,
    to: str,
    subject: str,
    date: datetime,
    host: str,
    text: str,
    html: str,
    attachment: Attachment | None,
) -> bytes:
    """Return the mail of a row, the same bytes every time.

    `subject` is one line; `sender`, `to`, `host` and the attachment's name and type are plain ASCII, as the caller
    has checked: they go into headers as they are.
    """
    # "=_" stands in no quoted-printable and no base64 text (RFC 2045 6.7), so no part can hold a boundary.
    mixed, alternative = f"=_mixed_{row_id.hex}", f"=_alternative_{row_id.hex}"
    parts = [
        _HEAD.format(
            sender=sender,
            to=to,
            subject=_unstructured(subject),
            date=format_datetime(date),
            message_id=f"<{row_id}@{host}>",
            mixed=mixed,
            alternative=alternative,
        ),
        _TEXT.format(boundary=alternative, subtype="plain", body=_quoted_printable(text)),
        _TEXT.format(boundary=alternative, subtype="html", body=_quoted_printable(html)),
        f"--{alternative}--\n",
    ]
    if attachment:
        body = base64.encodebytes(attachment.data).decode()
        values = {"boundary": mixed, "content_type": attachment.content_type, "name": attachment.name}
        parts.append(_FILE.format(**values, body=body))
    parts.append(f"--{mixed}--\n")
    return "".join(parts).replace("\n", "\r\n").encode("ascii")


def _unstructured(text: str) -> str:
    """Return one line of text as the value of a header: as it is, or in encoded words that are folded (RFC 2047)."""
    if text.isascii() and text.isprintable() and len(text) <= _PLAIN_SUBJECT:
        # Taken apart, so that nothing typed is read as an encoded word (RFC 2047 2) and shows as another text.
        return text.replace("=?", "= ?")
    return Header(text, "utf-8", header_name="Subject").encode()


def _quoted_printable(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return binascii.b2a_qp(lines.encode()).decode()
