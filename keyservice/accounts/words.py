"""What roles are called on pages and in mails."""

from collections.abc import Mapping
from types import MappingProxyType

from keyservice.kernel.actor import Role

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
