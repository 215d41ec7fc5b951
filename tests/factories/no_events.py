"""A database that refuses every event, and what may change all the same: nothing, but for what is listed here (I3)."""

from flask import Flask
from sqlalchemy import select, text

from keyservice.accounts.models import Session
from keyservice.database import Base, db
from keyservice.kernel.ids import token_digest
from tests.factories.rights import Seat

# What is written without an event, and why that is right.
WITHOUT_EVENT = {
    "login_counter": "a guess counts before it is looked at, also when nothing comes of it",
    "processing_log": "a look at the data of an inburgeraar is logged here, whatever comes of it (I10)",
    "anonymous_refusal": "counts what unknown parties were refused; the first of a minute is an event",
}
COLUMNS_WITHOUT_EVENT = {
    "account.tf_last_counter": "a code of an app is used up as soon as it was right, also when nothing comes of it",
    "passkey.sign_count": "the same for an answer of a passkey",
    "passkey.lastuse_datetime": "the same",
    "passkey.backup_state": "the same",
}
TRAIL = {"audit_event", "audit_private"}
REFUSE = {
    "sqlite": ["CREATE TRIGGER no_event BEFORE INSERT ON audit_event BEGIN SELECT RAISE(ABORT, 'no room'); END"],
    "postgresql": [
        "CREATE FUNCTION no_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$",
        "CREATE TRIGGER no_event BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION no_event()",
    ],
}
Content = dict[str, list[tuple[object, ...]]]


def refuse_events(app: Flask) -> None:
    """Let the database refuse every event from now on."""
    with app.app_context():
        for statement in REFUSE[db.engine.dialect.name]:
            db.session.execute(text(statement))
        db.session.commit()


def content(app: Flask, seat: Seat | None = None) -> Content:
    """Return all that acts change; of sessions those of others, and who is logged in there."""
    with app.app_context():
        found = {}
        for name, table in Base.metadata.tables.items():
            if name not in {*WITHOUT_EVENT, Session.__tablename__}:
                columns = [column for column in table.c if str(column) not in COLUMNS_WITHOUT_EVENT]
                found[name] = sorted((tuple(row) for row in db.session.execute(select(*columns))), key=repr)
        own = token_digest(seat.cookie) if seat else b""
        others = select(Session.digest, Session.account_id).where(
            Session.digest != own, Session.account_id.is_not(None)
        )
        found[Session.__tablename__] = sorted(tuple(row) for row in db.session.execute(others))
        db.session.rollback()
    return found


def changed(before: Content, after: Content) -> set[str]:
    """Return the names of the tables that differ."""
    return {name for name in before if before[name] != after[name]}
