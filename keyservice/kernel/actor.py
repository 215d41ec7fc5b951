"""Who acts: a person in a role for a gemeente, a key, or the program itself."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from keyservice.kernel.errors import Refused


class Role(StrEnum):
    """What somebody may be granted."""

    AANVRAGER = "aanvrager"
    GEMEENTEBEHEERDER = "gemeentebeheerder"
    RAADPLEGEN_MUTEREN_2013 = "raadplegen_muteren_2013"
    RAADPLEGEN_MUTEREN_2021 = "raadplegen_muteren_2021"
    RELATIEBEHEERDER = "relatiebeheerder"
    AUDITOR = "auditor"
    BEHEERDER = "beheerder"


GEMEENTE_ROLES = frozenset(
    {
        Role.AANVRAGER,
        Role.GEMEENTEBEHEERDER,
        Role.RAADPLEGEN_MUTEREN_2013,
        Role.RAADPLEGEN_MUTEREN_2021,
    }
)
DUO_ROLES = frozenset({Role.RELATIEBEHEERDER, Role.AUDITOR, Role.BEHEERDER})


@dataclass(frozen=True)
class Actor:
    """One acting party, fixed for the length of a request or a run.

    `roles` are those valid now and, for a gemeente role, for `gemeente` (the code acted for). `origin` is web, cli,
    worker or api. `factor_at` is when the person last proved to be himself. `source` and `agent` are the network
    address and the browser, personal data that only erasable columns hold. `sleutel` is the id of the key by which a
    machine acts for a gemeente: then there is no person. `trace` is the `traceparent` of the request (W3C Trace
    Context), as it came.
    """

    person: UUID | None
    roles: frozenset[Role]
    gemeente: str | None
    origin: str
    factor_at: datetime | None = None
    source: str | None = field(default=None, repr=False)
    agent: str | None = field(default=None, repr=False)
    sleutel: UUID | None = None
    trace: str | None = field(default=None, repr=False)

    def has(self, *roles: Role) -> bool:
        """Tell whether at least one of the roles is held."""
        return not self.roles.isdisjoint(roles)

    def require(self, *roles: Role) -> None:
        """Raise Refused unless at least one of the roles is held: each use case asks, whatever page called it."""
        if not self.has(*roles):
            raise Refused("role")


ANONYMOUS = Actor(person=None, roles=frozenset(), gemeente=None, origin="web")
WORKER = Actor(person=None, roles=frozenset(), gemeente=None, origin="worker")
CLI = Actor(person=None, roles=frozenset(), gemeente=None, origin="cli")
