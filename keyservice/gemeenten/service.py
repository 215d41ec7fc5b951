"""Keeping the register of gemeenten."""

from sqlalchemy import select

from keyservice import audit
from keyservice.database import transaction
from keyservice.gemeenten.events import ADDRESS_CHANGED, PHONE_CHANGED, REGISTER_LOADED
from keyservice.gemeenten.models import Gemeente
from keyservice.gemeenten.register_file import read_register, sort_key
from keyservice.kernel.actor import CLI, Actor, Role
from keyservice.kernel.errors import NotFound


def load_register() -> int:
    """Bring the stored register up to the file that comes with the program; return how many rows changed.

    Phone numbers and addresses are DUO's own and stay. Nothing is deleted: an ended gemeente keeps its row with its
    last day.
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
        row = _to_change(actor, session.get(Gemeente, code))
        row.phone = phone
        audit.record(PHONE_CHANGED, actor, subject=code, gemeente=code, phone=phone)


def set_address(actor: Actor, code: str, *, address_line: str, postcode: str, town: str) -> None:
    """Store where letters to a gemeente go; `postcode` as `1234 AB`. Raises Refused, or NotFound for an unknown code.

    An aanvraag whose password goes by letter is looked at again: what was approved names the address of then.
    """
    with transaction() as session:
        row = _to_change(actor, session.get(Gemeente, code))
        row.address_line, row.postcode, row.town = address_line, postcode, town
        audit.record(ADDRESS_CHANGED, actor, subject=code, gemeente=code, address=row.postal_address)


def _to_change(actor: Actor, row: Gemeente | None) -> Gemeente:
    actor.require(Role.BEHEERDER)
    if row is None:
        raise NotFound("gemeente")
    return row
