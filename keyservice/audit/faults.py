"""What a check finds: each fault with its kind, the row it is in, and what is wrong there."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

MOST_KEPT = 100


class Kind(StrEnum):
    """What seems to have happened."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    MOVED = "moved"
    UNSEALED = "unsealed"  # older than any act can be, and not in the tree
    FORGED = "forged"  # signed by nobody of this log
    REBUILT = "rebuilt"  # signed, but another history than the one signed before
    BEHIND = "behind"  # the end of the database was cut off, or an older one was put back
    CUT = "cut"  # the end of something is gone, and of the rest of the database not
    REVIVED = "revived"  # a key that was revoked works again
    UNREADABLE = "unreadable"
    UNEXPLAINED = "unexplained"  # stored state that no event led to


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, e.g. `event row 17 (…)`: `content differs from its leaf`."""

    kind: Kind
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass
class Faults:
    """The faults in the order in which they were found; the first `MOST_KEPT` of them, and how many there are."""

    kept: list[Fault] = field(default_factory=list)
    kinds: Counter[Kind] = field(default_factory=Counter)

    def add(self, kind: Kind, where: str, what: str) -> None:
        """Add one."""
        self.kinds[kind] += 1
        if len(self.kept) < MOST_KEPT:
            self.kept.append(Fault(kind, where, what))

    def extend(self, faults: Iterable[Fault]) -> None:
        """Add those of another check."""
        for fault in faults:
            self.add(fault.kind, fault.where, fault.what)

    @property
    def count(self) -> int:
        """Return how many there are."""
        return self.kinds.total()
