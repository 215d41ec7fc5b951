"""Which buttons there are about a key that was handed over: for this person, and how the key stands now."""

from dataclasses import dataclass
from datetime import datetime

from keyservice.issuance.models import End, Issuance
from keyservice.kernel.actor import Actor, Role
from keyservice.sleutels.life import Blocker, State, resume_asked, state

_WHO = (Role.AANVRAGER, Role.GEMEENTEBEHEERDER, Role.RELATIEBEHEERDER)


@dataclass(frozen=True)
class KeyActs:
    """`resume` also when it only asks a colleague; `asked` says that somebody did so already."""

    suspend: bool = False
    resume: bool = False
    revoke: bool = False
    asked: bool = False

    @property
    def any(self) -> bool:
        """Tell whether there is a button."""
        return self.suspend or self.resume or self.revoke


def key_acts(actor: Actor, issuance: Issuance | None, now: datetime) -> KeyActs:
    """Return what this person may do with the key of an issuance now."""
    if issuance is None or issuance.end_reason is not End.DONE or not actor.has(*_WHO):
        return KeyActs()
    facts = issuance.sleutel.facts
    found = state(facts, now)
    if found in {State.REVOKED, State.EXPIRED}:
        return KeyActs()
    duo = actor.has(Role.RELATIEBEHEERDER)
    mine = {Blocker.DUO, Blocker.PROGRAM} if duo else {Blocker.GEMEENTE}
    asked_by = resume_asked(facts, now)
    return KeyActs(
        suspend=facts.blocker is None or facts.blocker.yields_to(Blocker.DUO if duo else Blocker.GEMEENTE),
        resume=facts.blocker in mine and asked_by != actor.person,
        revoke=True,
        asked=asked_by is not None,
    )
