"""Every gemeente a witness: each mail and letter carries the size and root of a tree that holds its own act."""

import base64
import re
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text

from keyservice import settings, worker
from keyservice.audit.checkpoint import parse_control_line
from keyservice.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf
from keyservice.audit.sealer import seal
from keyservice.database import db
from keyservice.issuance import service
from keyservice.outbox.delivery import deliver_due
from keyservice.outbox.models import Delivery, OutboxMessage
from tests.factories.aanvragen import actor
from tests.factories.issuance import held, issuance, issued
from tests.factories.post import app_for_post, make_due
from tests.factories.trail import forget_the_tree
from tests.fakes import Behaviour, mail_server

LINE = re.compile(r"Controleregel \(u hoeft hier niets mee te doen\): ([0-9]+-[a-z2-7]{20})")


def lines(behaviour: Behaviour) -> list[str]:
    """Return the control line of each mail that arrived: the same under its text and its page."""
    found: list[str] = []
    for mail in behaviour.mails:
        message = message_from_bytes(mail.content, policy=policy.default)
        bodies = [message.get_body((kind,)) for kind in ("plain", "html")]
        told = {LINE.search(body.get_content())[1] for body in bodies if body}  # type: ignore[index]  # None fails too
        assert len(told) == 1
        found += told
    return found


def position_of(code: str) -> int:
    query = select(AuditLeaf.position).join(AuditEvent, AuditEvent.id == AuditLeaf.event).where(AuditEvent.code == code)
    return int(db.session.scalars(query).one())


def test_i4_each_mail_names_a_checkpoint_that_covers_its_act(context: Flask) -> None:
    behaviour = Behaviour()
    with mail_server(behaviour) as port, app_for_post(context, port):
        issuance_id = issued()
        code = held(issuance_id).code
        deliver_due()
        service.activate(actor("anna"), issuance_id, code)
        deliver_due()
    told = [parse_control_line(line) for line in lines(behaviour)]
    assert len(told) > 1
    for size, characters in told:
        checkpoint = db.session.get_one(AuditCheckpoint, size)
        assert base64.b32encode(checkpoint.root).decode().lower().startswith(characters)
    sizes = [size for size, _ in told]
    assert position_of("issuance:start") < sizes[0]
    assert position_of("issuance:finish") < sizes[-1]


def test_a_repeat_names_the_same_checkpoint(context: Flask) -> None:
    behaviour = Behaviour(answers=["451 later"])
    with mail_server(behaviour) as port, app_for_post(context, port):
        issued()
        deliver_due()
        issued("acceptatie")  # the tree grows meanwhile
        make_due()
        deliver_due()
    kinds = [message_from_bytes(mail.content)["Message-ID"] for mail in behaviour.mails]
    repeated = [line for line, kind in zip(lines(behaviour), kinds, strict=True) if kinds.count(kind) == 2]
    assert len(repeated) == 2
    assert len(set(repeated)) == 1


@pytest.mark.usefixtures("context")
def test_i4_while_the_trail_is_broken_no_new_message_goes_out(context: Flask) -> None:
    issued()
    seal()
    forget_the_tree()
    behaviour = Behaviour()
    with mail_server(behaviour) as port, app_for_post(context, port):
        deliver_due()
        assert behaviour.mails == []
        rows = db.session.scalars(select(OutboxMessage)).all()
        assert {row.status for row in rows} == {Delivery.WAITING}
        assert {row.last_error for row in rows} == {"audit trail broken"}
        Path(settings.current().checkpoints).unlink()
        make_due()
        deliver_due()
        assert len(behaviour.mails) == len(rows)


def test_the_worker_seals_what_happened_also_when_it_has_nothing_to_send(app: Flask) -> None:
    with app.app_context():
        issuance_id = issued()
        db.session.execute(text("UPDATE outbox_message SET due_at = '2999-01-01'"))
        db.session.commit()
    worker.run_once(app)
    with app.app_context():
        checkpoint = seal()
        assert checkpoint
        assert position_of("issuance:start") < checkpoint.size
        assert issuance(issuance_id).ended_at is None
