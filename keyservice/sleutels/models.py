"""Keys as they are kept: a digest to find them, facts to judge them, a MAC over both. No character of the key."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Row, text
from sqlalchemy.orm import Mapped, mapped_column

from keyservice.database import Base
from keyservice.sleutels.life import Blocker, Facts, State

_UNTOLD = "told_at IS NULL"


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
        return facts_of(self)


def facts_of(row: "Sleutel | Row[*tuple[Any, ...]]") -> Facts:
    """Return the facts of a key, by its object or by its bare row."""
    return Facts(
        row.not_before,
        row.expires_at,
        row.activated_at,
        row.suspended_at,
        row.revoked_at,
        row.suspended_by,
        row.resume_asked_by,
        row.resume_asked_at,
    )


class SleutelUse(Base):
    """That a key was shown from a network, in one of its states: only what was shown while ACTIVE opened anything.

    `network` is cut off (IPv4 /24, IPv6 /48). `told_at` is when the worker looked whether people must hear of it.
    """

    __tablename__ = "sleutel_use"
    __table_args__ = (
        CheckConstraint("state IN ({})".format(", ".join(f"'{state}'" for state in State)), name="state"),
        CheckConstraint("count > 0 AND first_at <= last_at", name="used"),
        Index("ix_sleutel_use_untold", "sleutel_id", sqlite_where=text(_UNTOLD), postgresql_where=text(_UNTOLD)),
    )

    sleutel_id: Mapped[UUID] = mapped_column(ForeignKey("sleutel.id"), primary_key=True)
    network: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[State] = mapped_column(primary_key=True, default=State.ACTIVE)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    count: Mapped[int] = mapped_column(BigInteger)
    told_at: Mapped[datetime | None]


class AskingSystem(Base):
    """A system that may ask whether a key works (RFC 7662), known by a credential of its own."""

    __tablename__ = "asking_system"
    __table_args__ = (
        CheckConstraint("length(digest) = 32", name="digest_length"),
        Index(
            "uq_asking_system_name",
            "name",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    mac: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
