"""Many keys as rows: some real ones that work, and among them a crowd of which nobody has the key."""

from datetime import timedelta
from typing import Any

from sqlalchemy import insert, text

from keyservice import settings
from keyservice.database import db, table_of, transaction
from keyservice.kernel import clock
from keyservice.kernel.ids import new_id
from keyservice.sleutels import service
from keyservice.sleutels.format import Omgeving, digest, new_key
from keyservice.sleutels.life import Facts
from keyservice.sleutels.models import Sleutel

_CROWD = {
    "sqlite": """
      WITH RECURSIVE m(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM m WHERE i < :rows)
      INSERT INTO sleutel (id, number, gemeente, omgeving, digest, mac, not_before, expires_at, warnings)
      SELECT lower(hex(randomblob(16))), printf('SL-2020-%07d', i), '9998', 'productie', randomblob(32), randomblob(36),
             '2026-01-01 00:00:00.000000', '2099-01-01 00:00:00.000000', 0 FROM m""",
    "postgresql": """
      INSERT INTO sleutel (id, number, gemeente, omgeving, digest, mac, not_before, expires_at, warnings)
      SELECT gen_random_uuid(), 'SL-2020-' || lpad(i::text, 7, '0'), '9998', 'productie',
             sha256(gen_random_uuid()::text::bytea), decode(repeat('00', 36), 'hex'),
             '2026-01-01 00:00:00+00', '2099-01-01 00:00:00+00', 0
      FROM generate_series(1, CAST(:rows AS bigint)) AS i""",
}


def working(count: int) -> list[str]:
    """Store keys that work, and return them."""
    keys = [new_key(Omgeving.PRODUCTIE) for _ in range(count)]
    with transaction() as session:
        session.execute(insert(table_of(Sleutel)), [_row(number, digest(key)) for number, key in enumerate(keys)])
    return [key.reveal() for key in keys]


def _row(number: int, key_digest: bytes) -> dict[str, Any]:
    now = clock.now()
    facts = Facts(now - timedelta(days=1), now + timedelta(days=364), now)
    values: dict[str, Any] = {"id": new_id(), "number": f"SL-2019-{number:05d}", "gemeente": "9998"}
    values |= {"omgeving": "productie", "digest": key_digest}
    parts = service._parts(Sleutel(**values), facts, None)
    moments = {"not_before": facts.not_before, "expires_at": facts.expires_at, "activated_at": facts.activated_at}
    return {**values, **moments, "mac": settings.rings().mac(service._PURPOSE, *parts)}


def crowd(rows: int) -> None:
    """Store rows of keys that nobody has, and let the database look at how many there are."""
    kind = db.engine.dialect.name
    with transaction() as session:
        session.execute(text(_CROWD[kind]), {"rows": rows})
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE sleutel"))
    db.session.remove()
    db.engine.dispose()  # the driver of SQLite was told to begin transactions by itself
