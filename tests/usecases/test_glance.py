"""The row that a request of a machine asks straight through the driver."""

import pytest
from flask import Flask
from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import DBAPIError

from keyservice.database import db, table_of
from keyservice.glance import glance
from keyservice.kernel.secret import Secret
from keyservice.sleutels.blocking import suspend_by_program
from keyservice.sleutels.format import digest
from keyservice.sleutels.models import Sleutel
from tests.factories.keys import DOSSIER, awake, queries

pytestmark = pytest.mark.usefixtures("context")
SLEUTEL = table_of(Sleutel)
BY_DIGEST = select(SLEUTEL).where(SLEUTEL.c.digest == bindparam("digest"))


@pytest.fixture
def key_digest(context: Flask) -> bytes:
    sleutel_id, key = awake()
    suspend_by_program(sleutel_id, "odd-use", dossier=DOSSIER)  # so that every kind of column is filled
    return digest(Secret(key))


def test_a_row_is_the_same_as_sqlalchemy_gives(key_digest: bytes) -> None:
    found = glance(BY_DIGEST, {"digest": key_digest})
    common = db.session.execute(BY_DIGEST, {"digest": key_digest}).one()
    assert found is not None
    assert found._asdict() == common._asdict()
    assert [type(cell) for cell in found] == [type(cell) for cell in common]


def test_a_row_that_is_not_there_is_none() -> None:
    assert glance(BY_DIGEST, {"digest": bytes(32)}) is None


def test_a_row_is_read_as_it_stands_now_although_the_session_shows_an_older_moment(key_digest: bytes) -> None:
    before = glance(BY_DIGEST, {"digest": key_digest})
    db.session.rollback()
    db.session.execute(select(SLEUTEL.c.id)).all()
    with db.engine.begin() as other:
        other.execute(text("UPDATE sleutel SET warnings = 3"))
    now = glance(BY_DIGEST, {"digest": key_digest})
    assert before is not None
    assert now is not None
    assert (before.warnings, now.warnings) == (0, 3)


def test_a_connection_that_broke_meanwhile_is_replaced(key_digest: bytes) -> None:
    db.session.rollback()
    db.engine.dispose()
    lent = db.engine.raw_connection()
    driver = lent.dbapi_connection
    lent.close()  # into the pool again
    assert driver is not None
    driver.close()
    found = glance(BY_DIGEST, {"digest": key_digest})
    assert found is not None
    assert found.digest == key_digest


def test_a_query_that_cannot_be_answered_fails_as_any_other() -> None:
    wrong = select(text("nothing")).select_from(text("nowhere")).add_columns(bindparam("digest"))
    with pytest.raises(DBAPIError):
        glance(wrong, {"digest": bytes(32)})
    assert glance(BY_DIGEST, {"digest": bytes(32)}) is None


def test_a_glance_sends_one_query_and_the_connection_can_be_used_for_a_transaction_after(key_digest: bytes) -> None:
    db.session.rollback()
    db.engine.dispose()
    with queries() as sent:
        glance(BY_DIGEST, {"digest": key_digest})
    assert [query.split()[0] for query in sent] == ["SELECT"]
    db.session.execute(text("UPDATE sleutel SET warnings = 3"))
    db.session.rollback()
    after = glance(BY_DIGEST, {"digest": key_digest})
    assert after is not None
    assert after.warnings == 0, "what was rolled back is gone: the connection commits nothing by itself any more"
