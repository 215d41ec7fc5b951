"""Keys of a gemeente that has ended, in the hands of its successor."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from keyservice.database import Base

# Not refused: waits for a decision, or was approved.
_STANDS = "decided_by IS NULL OR until IS NOT NULL"


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
