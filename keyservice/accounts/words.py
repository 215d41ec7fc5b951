"""What roles are called on pages and in mails, and who grants them."""

from collections.abc import Mapping
from types import MappingProxyType

from keyservice.accounts.queries import holders
from keyservice.kernel.actor import Actor, Role

ROLES: Mapping[Role, str] = MappingProxyType(
    {
        Role.AANVRAGER: "aanvrager",
        Role.GEMEENTEBEHEERDER: "gemeentebeheerder",
        Role.RAADPLEGEN_MUTEREN_2013: "raadplegen en muteren persoon 2013",
        Role.RAADPLEGEN_MUTEREN_2021: "raadplegen en muteren persoon 2021",
        Role.RELATIEBEHEERDER: "relatiebeheerder",
        Role.AUDITOR: "auditor",
        Role.BEHEERDER: "functioneel beheerder",
    }
)


def granters(actor: Actor) -> str:
    """Return whom somebody of a gemeente asks for a role there: never himself."""
    others = [person.name for person in holders(Role.GEMEENTEBEHEERDER, actor.gemeente) if person.id != actor.person]
    if not others and actor.has(Role.GEMEENTEBEHEERDER):
        return "een andere beheerder binnen uw gemeente. U kunt uzelf geen rol geven"
    return " of ".join(others) or "de beheerder binnen uw gemeente"
