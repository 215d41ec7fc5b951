"""Keys as they are kept: a digest to find them, facts to judge them, a MAC over both. No character of the key."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from keyservice.database import Base
from keyservice.sleutels.life import Facts


class Sleutel(Base):
    """An applicatiesleutel. People name it by `number`, e.g. `SL-2026-00042`."""

    __tablename__ = "sleutel"
    __table_args__ = (
        CheckConstraint("omgeving IN ('acceptatie', 'productie')", name="omgeving"),
        CheckConstraint("length(digest) = 32", name="digest_length"),
        CheckConstraint("revoked_at IS NULL OR reason IS NOT NULL", name="revoked_with_reason"),
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

    @property
    def facts(self) -> Facts:
        """Return the facts from which the state follows."""
        return Facts(self.not_before, self.expires_at, self.activated_at, self.suspended_at, self.revoked_at)
