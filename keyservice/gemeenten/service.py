"""Keeping the register of gemeenten."""

from sqlalchemy import select

from keyservice import audit
from keyservice.database import transaction
from keyservice.gemeenten.events import PHONE_CHANGED, REGISTER_LOADED
from keyservice.gemeenten.models import Gemeente
from keyservice.gemeenten.register_file import read_register, sort_key
from keyservice.kernel.actor import CLI, Actor, Role
from keyservice.kernel.errors import NotFound


def load_register() -> int:
    """Bring the stored register up to the file that comes with the program; return how many rows changed.

    Phone numbers are DUO's own and stay. Nothing is deleted: an ended gemeente keeps its row with its last day.
    """
    with transaction() as session:
        stored = {row.code: row for row in session.scalars(select(Gemeente))}
        changed = 0
        for facts in read_register():
            row = stored.get(facts.code) or Gemeente(code=facts.code, fictive=False)
            values = {
                "name": facts.name,
                "sort_name": sort_key(facts.name),
                "province": facts.province,
                "valid_from": facts.valid_from,
                "valid_until": facts.valid_until,
                "successor_code": facts.successor_code,
            }
            if any(getattr(row, name) != value for name, value in values.items()) or facts.code not in stored:
                for name, value in values.items():
                    setattr(row, name, value)
                session.add(row)
                changed += 1
        if changed:
            audit.record(REGISTER_LOADED, CLI, changed=changed)
    return changed


def set_phone(actor: Actor, code: str, phone: str) -> None:
    """Store the number (E.164) at which DUO reaches a gemeente. Raises Refused, or NotFound for an unknown code."""
    with transaction() as session:
        actor.require(Role.BEHEERDER)
        row = session.get(Gemeente, code)
        if row is None:
            raise NotFound("gemeente")
        row.phone = phone
        audit.record(PHONE_CHANGED, actor, subject=code, gemeente=code, phone=phone)
