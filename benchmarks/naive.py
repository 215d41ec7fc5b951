"""The same act as one would write it first: ORM rows, pyzipper and Flask-Mail as their documentation shows them.

The same packages, rows, rules, seals and read-back; no final bytes are kept for the repeat.
"""

import hashlib
import io
import json
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import render_template
from flask_mail import Attachment, Mail, Message
from passlib import pwd
from pyzipper.zipfile import ZIP_STORED
from pyzipper.zipfile_aes import WZ_AES, AESZipFile
from sqlalchemy import func, select

from keyservice import settings
from keyservice.aanvragen.content import content_hash
from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.aanvragen.queries import current_content, valid_approval
from keyservice.aanvragen.review import lacking
from keyservice.aanvragen.workflow import Status
from keyservice.accounts.models import Account
from keyservice.audit.models import AuditEvent, AuditPrivate
from keyservice.audit.sealer import seal
from keyservice.database import NumberSeries, db
from keyservice.issuance.contents import KEY_ENTRY, key_text
from keyservice.issuance.messages import KEY_MAIL, ZIP_NAME
from keyservice.issuance.models import Issuance
from keyservice.issuance.queries import of_aanvraag
from keyservice.issuance.recipients import recipients
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.ids import READABLE, link_token, new_id, z_number
from keyservice.kernel.seal import Place
from keyservice.kernel.zips import CONTENT_SIZE
from keyservice.outbox.delivery import BATCH, LEASE
from keyservice.outbox.message import masked
from keyservice.outbox.models import Channel, Delivery, OutboxMessage
from keyservice.sleutels.activation import new_activation_code
from keyservice.sleutels.format import Omgeving, digest, new_key
from keyservice.sleutels.models import Sleutel
from keyservice.web import opener


def approve(actor: Actor, aanvraag_id: UUID, motivation: str) -> None:
    """Approve an aanvraag and tell its submitter."""
    aanvraag = db.session.get_one(Aanvraag, aanvraag_id)
    if aanvraag.status is not Status.IN_REVIEW or actor.person == aanvraag.submitted_by or lacking(aanvraag):
        raise ValueError(aanvraag.status)
    snapshot = current_content(aanvraag)
    approval = Approval(
        id=new_id(),
        aanvraag_id=aanvraag.id,
        requested_by=aanvraag.submitted_by,
        created_by=aanvraag.created_by,
        approved_by=actor.person,
        approved_at=clock.now(),
        four_eyes=True,
        motivation=motivation,
        content_hash=content_hash(snapshot),
        snapshot=snapshot,
    )
    db.session.add(approval)
    aanvraag.status, aanvraag.status_since = Status.APPROVED, clock.now()
    event = _record("aanvraag:approve", actor, aanvraag, approval=str(approval.id))
    db.session.add(AuditPrivate(event=event, name="motivation", salt=secrets.token_bytes(16), value=motivation))
    submitter = db.session.get_one(Account, aanvraag.submitted_by)
    values = {"name": submitter.name, **_about(aanvraag), "url": _page(aanvraag)}
    _queue("aanvraag-approved", f"aanvraag-approved:{event}", submitter.email, values, aanvraag=aanvraag)
    db.session.commit()


def issue(actor: Actor, aanvraag_id: UUID) -> None:
    """Make the key of an approved aanvraag and queue its zip."""
    aanvraag, now = db.session.get_one(Aanvraag, aanvraag_id), clock.now()
    approval = valid_approval(aanvraag_id)
    if approval is None or aanvraag.status is not Status.APPROVED or actor.person == approval.approved_by:
        raise ValueError(aanvraag.status)
    to = recipients(approval.snapshot)
    if content_hash(current_content(aanvraag)) != approval.content_hash or lacking(aanvraag) or not to.independent:
        raise ValueError(aanvraag.status)
    key, code, token = new_key(Omgeving.PRODUCTIE), new_activation_code(), link_token()
    password = pwd.genword(length=28, chars=READABLE)
    zip_data = _zip(key_text(key, code), password)
    sleutel = _sleutel(aanvraag, digest(key), now)
    issuance_id = new_id()
    issuance = Issuance(
        id=issuance_id,
        aanvraag_id=aanvraag.id,
        number=len(of_aanvraag(aanvraag.id)) + 1,
        approval_id=approval.id,
        approved_by=approval.approved_by,
        four_eyes=approval.four_eyes,
        issued_by=actor.person,
        issued_at=now,
        deadline=now + timedelta(days=30),
        sleutel_id=sleutel.id,
        z_number=z_number(),
        zip=settings.rings().seal("zip", zip_data, Place("issuance", "zip", issuance_id)),
        password=settings.rings().seal("password", password.encode(), Place("issuance", "password", issuance_id)),
        receipt_digest=hashlib.sha256(token.encode()).digest(),
        activation_mac=settings.rings().mac("activation", str(issuance_id), code.reveal()),
    )
    db.session.add(issuance)
    aanvraag.status, aanvraag.status_since = Status.ISSUED, now
    _record("sleutel:make", actor, aanvraag, number=sleutel.number)
    _record("issuance:start", actor, aanvraag, issuance=str(issuance_id))
    _record("aanvraag:issue", actor, aanvraag)
    about = {**_about(aanvraag), "old_until": "", "opener": opener.address()}
    values = {"name": to.key.name, **about, "url": f"{settings.current().base_url}/ontvangst/{token}"}
    _queue(KEY_MAIL, f"zip:{issuance_id}:1", to.key.address, values, aanvraag=aanvraag, zip_data=zip_data)
    db.session.commit()


def deliver(mail: Mail) -> int:
    """Send the messages that wait and return how many there were."""
    query = select(OutboxMessage).where(OutboxMessage.status == Delivery.WAITING)
    rows = db.session.scalars(query.order_by(OutboxMessage.due_at).limit(BATCH)).all()
    owner, checkpoint = new_id(), seal() if rows else None
    values = {"control_line": checkpoint.control_line if checkpoint else ""}
    for row in rows:
        row.status, row.owner, row.lease_until = Delivery.SENDING, owner, clock.now() + LEASE
        row.attempts += 1
    db.session.commit()
    for row in rows:
        place = Place("outbox_message", "content", row.id)
        content = json.loads(settings.rings().unseal("outbox", row.content or b"", place))
        mail.send(_message(row.kind, content["to"], {**content["values"], **values}, content["zip"]))
        row.status, row.sent_at = Delivery.SENT, clock.now()
        row.content = row.owner = row.lease_until = None
        _record("message:offer", None, db.session.get_one(Aanvraag, row.dossier), kind=row.kind)
        db.session.commit()
    return len(rows)


def _message(kind: str, to: str, values: dict[str, Any], zip_data: str) -> Message:
    message = Message(
        subject=render_template(f"post/{kind}/subject.txt", **values).strip(),
        sender=("Sleuteluitgifte", settings.current().mail_from),
        recipients=[to],
        body=render_template(f"post/{kind}/body.txt", **values),
        html=render_template(f"post/{kind}/body.html", **values),
    )
    if zip_data:
        message.attachments.append(Attachment(ZIP_NAME, "application/zip", bytes.fromhex(zip_data)))
    return message


def _zip(text: str, password: str) -> bytes:
    """Return the zip as the documentation of pyzipper makes it, read back."""
    content, buffer = text.encode().ljust(CONTENT_SIZE), io.BytesIO()
    with AESZipFile(buffer, "w", compression=ZIP_STORED, encryption=WZ_AES) as archive:
        archive.setpassword(password.encode())
        archive.writestr(KEY_ENTRY, content)
    with AESZipFile(buffer) as archive:
        archive.setpassword(password.encode())
        if archive.read(KEY_ENTRY) != content:
            raise ValueError(KEY_ENTRY)
    return buffer.getvalue()


def _sleutel(aanvraag: Aanvraag, key_digest: bytes, now: datetime) -> Sleutel:
    series = db.session.get(NumberSeries, ("sleutel", now.year))
    if series is None:
        series = NumberSeries(kind="sleutel", year=now.year, last=0)
        db.session.add(series)
    series.last += 1
    last_day = clock.working_day_on_or_before(clock.local_date(now) + timedelta(days=365))
    sleutel = Sleutel(
        id=new_id(),
        number=f"SL-{now.year}-{series.last:05d}",
        gemeente=aanvraag.gemeente,
        omgeving=aanvraag.omgeving,
        digest=key_digest,
        mac=settings.rings().mac("sleutel", key_digest.hex(), aanvraag.gemeente),
        not_before=now,
        expires_at=clock.end_of_day(last_day),
    )
    db.session.add(sleutel)
    return sleutel


def _record(code: str, actor: Actor | None, aanvraag: Aanvraag, **fields: str) -> UUID:
    query = select(func.max(AuditEvent.dossier_number)).where(AuditEvent.dossier == aanvraag.id)
    number, event_id, now = (db.session.scalar(query) or 0) + 1, new_id(), clock.now()
    content = {
        "version": 1,
        "id": str(event_id),
        "at": now.isoformat(),
        "event": code,
        "person": str(actor.person) if actor else None,
        "roles": sorted(actor.roles) if actor else [],
        "gemeente": aanvraag.gemeente,
        "origin": actor.origin if actor else "worker",
        "dossier": str(aanvraag.id),
        "number": number,
        "subject": str(aanvraag.id),
        "result": "ok",
        "fields": fields,
        "private": {},
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    event = AuditEvent(
        id=event_id,
        at=now,
        code=code,
        dossier=aanvraag.id,
        dossier_number=number,
        person=actor.person if actor else None,
        gemeente=aanvraag.gemeente,
        canonical=canonical.encode(),
        mac=settings.rings().mac("audit-event", canonical),
    )
    db.session.add(event)
    return event_id


def _queue(kind: str, key: str, to: str, values: dict[str, str], *, aanvraag: Aanvraag, zip_data: bytes = b"") -> None:
    row_id, now = new_id(), clock.now()
    packed = json.dumps({"to": to, "values": values, "zip": zip_data.hex()}).encode()
    row = OutboxMessage(
        id=row_id,
        dedup_key=key,
        kind=kind,
        channel=Channel.MAIL,
        recipient=masked(to),
        dossier=aanvraag.id,
        status=Delivery.WAITING,
        created_at=now,
        due_at=now,
        attempts=0,
        content=settings.rings().seal("outbox", packed, Place("outbox_message", "content", row_id)),
    )
    db.session.add(row)


def _about(aanvraag: Aanvraag) -> dict[str, str]:
    return {"number": aanvraag.number or "", "omgeving": aanvraag.omgeving or ""}


def _page(aanvraag: Aanvraag) -> str:
    return f"{settings.current().base_url}/aanvragen/{aanvraag.id}"
