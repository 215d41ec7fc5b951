"""The page `/postvak`: what the recipients of the demo hold. Registered in the demo only."""

from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from flask import Blueprint, Response, abort, render_template
from flask.typing import ResponseReturnValue

from keyservice import settings
from keyservice.demo import codes, people
from keyservice.demo.mailbox import MAIL_FOLDER
from keyservice.outbox.channels.sms_file import SMS_FOLDER
from keyservice.web import access

bp = Blueprint("postvak", __name__)


@dataclass(frozen=True)
class Mail:
    """One mail of the demo as a page shows it."""

    file: str
    to: str
    subject: str
    date: str
    text: str
    attachments: tuple[str, ...]


@dataclass(frozen=True)
class Sms:
    """One sms of the demo."""

    to: str
    text: str


def _folder(name: str) -> Path:
    return settings.current().instance / "postvak" / name


def read_mail(path: Path) -> Mail:
    """Read an `.eml` file."""
    message = _parse(path)
    body = message.get_body(preferencelist=("plain",))
    return Mail(
        file=path.name,
        to=str(message["To"]),
        subject=str(message["Subject"]),
        date=str(message["Date"]),
        text=body.get_content() if body else "",
        attachments=tuple(part.get_filename() or "" for part in message.iter_attachments()),
    )


def _parse(path: Path) -> EmailMessage:
    message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
    if not isinstance(message, EmailMessage):
        raise TypeError(path.name)
    return message


def read_sms(path: Path) -> Sms:
    """Read an sms file."""
    head, _, text = path.read_text().partition("\n\n")
    return Sms(head.removeprefix("Aan: "), text.strip())


@bp.get("/postvak")
@access.public
def index() -> ResponseReturnValue:
    """Show how the people of the demo log in, and all mails and sms, newest first."""
    mails = [read_mail(path) for path in sorted(_folder(MAIL_FOLDER).glob("*.eml"), reverse=True)]
    texts = [read_sms(path) for path in sorted(_folder(SMS_FOLDER).glob("*.txt"), reverse=True)]
    return render_template(
        "demo/postvak.html", mails=mails, texts=texts, logins=codes.logins(), password=people.PASSWORD
    )


@bp.get("/postvak/<file>/<int:number>")
@access.public
def attachment(file: str, number: int) -> ResponseReturnValue:
    """Hand out an attachment of a mail."""
    path = _folder(MAIL_FOLDER) / file
    if path not in set(_folder(MAIL_FOLDER).glob("*.eml")):
        abort(404)
    parts = list(_parse(path).iter_attachments())
    if number >= len(parts):
        abort(404)
    name = parts[number].get_filename() or "bijlage"
    return Response(
        parts[number].get_content(),
        mimetype=parts[number].get_content_type(),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
