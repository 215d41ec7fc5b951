"""Keys as they are kept: a digest to find them, facts to judge them, a MAC over both. No character of the key."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from keyservice.database import Base
from keyservice.sleutels.life import Blocker, Facts

# Not refused: waits for a decision, or was approved.
_STANDS = "decided_by IS NULL OR until IS NOT NULL"


class Sleutel(Base):
    """An applicatiesleutel. People name it by `number`, e.g. `SL-2026-00042`.

    `warnings` counts how many moments of warning have passed (`life.warnings_passed`); the last is the expiry itself.
    """

    __tablename__ = "sleutel"
    __table_args__ = (
        CheckConstraint("omgeving IN ('acceptatie', 'productie')", name="omgeving"),
        CheckConstraint("length(digest) = 32", name="digest_length"),
        CheckConstraint("revoked_at IS NULL OR reason IS NOT NULL", name="revoked_with_reason"),
        CheckConstraint("suspended_by IS NULL OR suspended_at IS NOT NULL", name="suspended_by_somebody"),
        CheckConstraint("(resume_asked_by IS NULL) = (resume_asked_at IS NULL)", name="resume_asked_by_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    gemeente: Mapped[str] = mapped_column(ForeignKey("gemeente.code"), index=True)
    omgeving: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    mac: Mapped[bytes] = mapped_column(LargeBinary)
    not_before: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    activated_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    suspended_by: Mapped[Blocker | None]
    resume_asked_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    resume_asked_at: Mapped[datetime | None]
    warnings: Mapped[int] = mapped_column(default=0)

    @property
    def facts(self) -> Facts:
        """Return the facts from which the state follows."""
        return Facts(
            self.not_before,
            self.expires_at,
            self.activated_at,
            self.suspended_at,
            self.revoked_at,
            self.suspended_by,
            self.resume_asked_by,
            self.resume_asked_at,
        )


class Succession(Base):
    """An ended gemeente whose keys act for its successor until a moment, when a relatiebeheerder approved that.

    `gemeente` is the ended one. A request that was refused can be followed by another one.
    """

    __tablename__ = "succession"
    __table_args__ = (
        CheckConstraint("gemeente <> successor", name="two_gemeenten"),
        CheckConstraint("decided_by <> asked_by", name="two_people"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_by_at"),
        CheckConstraint("until IS NULL OR decided_by IS NOT NULL", name="approved_by_somebody"),
        Index(
            "uq_succession_gemeente",
            "gemeente",
            unique=True,
            sqlite_where=text(_STANDS),
            postgresql_where=text(_STANDS),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    gemeente: Mapped[str] = mapped_column(ForeignKey("gemeente.code"))
    successor: Mapped[str] = mapped_column(ForeignKey("gemeente.code"), index=True)
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
    until: Mapped[datetime | None]
