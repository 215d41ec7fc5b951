"""What somebody can do who owns the database, and what he needs beside it to lie about the past: docs/threat-model.md.

He writes by SQL, past the program and without the triggers.
"""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from sqlalchemy import select, text

from keyservice import settings
from keyservice.audit import outside
from keyservice.audit.checkpoint import control_line, sign
from keyservice.audit.models import INSERT_ONLY, AuditEvent, insert_only_ddl
from keyservice.audit.sealer import TrailBroken, newest, origin, seal
from keyservice.audit.tree import ProofBroken, check_consistency, consistency_proof, root_of
from keyservice.database import db
from tests.factories.issuance import issued
from tests.factories.trail import leaves

APPROVED = "aanvraag:approve"


@pytest.fixture
def sealed(context: Flask) -> Flask:
    """Give the application after an issue that is in the tree, and without its triggers."""
    outside_file().unlink(missing_ok=True)
    issued()
    seal()
    for table in INSERT_ONLY:
        for statement in insert_only_ddl(table)[db.engine.dialect.name]:
            if "CREATE TRIGGER" in statement:
                name = statement.split("CREATE TRIGGER ")[1].split()[0]
                on = "" if db.engine.dialect.name == "sqlite" else f" ON {table}"
                db.session.execute(text(f"DROP TRIGGER {name}{on}"))
    db.session.commit()
    return context


def outside_file() -> Path:
    return settings.current().checkpoints


def rewrite_history() -> None:
    """Let another person have approved, with a good MAC: he has the rings."""
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.code == APPROVED)).one()
    content = json.loads(event.canonical) | {"person": "00000000-0000-0000-0000-000000000001"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    values = {"c": canonical.encode(), "m": settings.rings().mac("audit-event", canonical), "row": event.row}
    db.session.execute(text("UPDATE audit_event SET canonical = :c, mac = :m WHERE row = :row"), values)
    db.session.execute(text("DELETE FROM audit_leaf"))
    db.session.execute(text("DELETE FROM audit_checkpoint"))
    db.session.commit()


def test_i4_without_the_rings_he_signs_no_checkpoint_also_when_he_writes_the_file_outside(sealed: Flask) -> None:
    last = newest()
    assert last
    own = sign(origin(), last.size, last.root, Ed25519PrivateKey.generate())
    db.session.execute(text("UPDATE audit_checkpoint SET text = :t"), {"t": own.text})
    db.session.commit()
    outside_file().write_text(json.dumps({"checkpoint": own.text}) + "\n")
    with pytest.raises(TrailBroken, match="not signed by a key of this log"):
        seal()


def test_i4_with_the_rings_and_without_the_file_outside_his_history_is_not_gone_on_with(sealed: Flask) -> None:
    rewrite_history()
    with pytest.raises(TrailBroken, match="has 0 events in the tree and the file outside"):
        seal()


def test_i4_with_database_rings_and_file_his_history_does_not_fit_a_mail_of_before(sealed: Flask) -> None:
    before = newest()
    assert before
    in_a_mail, size, root = control_line(before.size, before.root), before.size, before.root
    rewrite_history()
    outside_file().unlink()
    after = seal()
    assert after, "the program itself cannot tell: only what others hold can"
    assert outside.lines(outside_file())
    assert control_line(size, root_of(leaves()[:size])) != in_a_mail
    with pytest.raises(ProofBroken):
        check_consistency(size, root, after.size, after.root, consistency_proof(leaves(), size))


def test_i6_without_the_rings_no_stored_value_holds_a_key_of_them(sealed: Flask) -> None:
    keys = [key.key for ring in ("zip", "password", "outbox", "mac", "totp", "session", "checkpoint")
            for key in settings.rings().keys(ring)]  # fmt: skip
    stored = [
        value if isinstance(value, bytes) else str(value).encode()
        for table in db.metadata.tables.values()
        for row in db.session.execute(select(table))
        for value in row
        if value is not None
    ]
    assert len(stored) > 1000
    for key in keys:
        forms = (key, key.hex().encode(), base64.b64encode(key))
        assert not any(form in value for form in forms for value in stored)
