"""A wave: many keys renewed by one act of two people, through ordinary issuances."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from keyservice.database import Base
from keyservice.issuance.wave_workflow import Result, WaveStatus

_STATUS = "status IN ({})".format(", ".join(f"'{status}'" for status in WaveStatus))
_RESULT = "result IN ({})".format(", ".join(f"'{result}'" for result in Result))


class Wave(Base):
    """What was asked for, by whom, and who started it (I8). `omgeving` and `gemeenten` (codes) are None for all.

    `expires_until` is the last moment at which a key of the list may expire. `halted_by` and `halt_reason` are of the
    newest pause, going on, or stop.
    """

    __tablename__ = "wave"
    __table_args__ = (
        CheckConstraint(_STATUS, name="status"),
        CheckConstraint("started_by <> prepared_by", name="starter_is_not_preparer"),
        CheckConstraint("(started_by IS NULL) = (started_at IS NULL)", name="started_by_at"),
        CheckConstraint("status IN ('prepared', 'stopped', 'lapsed') OR started_by IS NOT NULL", name="started"),
        Index("ix_wave_status_status_since", "status", "status_since"),
        Index("ix_wave_prepared_at", "prepared_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    reason: Mapped[str]
    omgeving: Mapped[str | None]
    expires_until: Mapped[datetime]
    gemeenten: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    status: Mapped[WaveStatus]
    status_since: Mapped[datetime]
    prepared_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    prepared_at: Mapped[datetime]
    started_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    started_at: Mapped[datetime | None]
    halted_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    halt_reason: Mapped[str | None]


class WaveItem(Base):
    """One aanvraag of a wave, in the order of the list. `sleutel_id` is the key to be renewed.

    `expected` is the code of why it could not be renewed when the list was made, None when it could; `refused` the
    code of why it was not, at its turn.
    """

    __tablename__ = "wave_item"
    __table_args__ = (
        UniqueConstraint("wave_id", "aanvraag_id"),
        CheckConstraint(_RESULT, name="result"),
        CheckConstraint("(result = 'done') = (issuance_id IS NOT NULL)", name="done_with_issuance"),
        CheckConstraint("(result = 'refused') = (refused IS NOT NULL)", name="refused_with_reason"),
        CheckConstraint("(result = 'waiting') = (judged_at IS NULL)", name="judged_at"),
        Index("ix_wave_item_wave_id_result_position", "wave_id", "result", "position"),
    )

    wave_id: Mapped[UUID] = mapped_column(ForeignKey("wave.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    aanvraag_id: Mapped[UUID] = mapped_column(ForeignKey("aanvraag.id"))
    sleutel_id: Mapped[UUID] = mapped_column(ForeignKey("sleutel.id"))
    expected: Mapped[str | None]
    result: Mapped[Result] = mapped_column(default=Result.WAITING)
    refused: Mapped[str | None]
    issuance_id: Mapped[UUID | None] = mapped_column(ForeignKey("issuance.id"), unique=True)
    judged_at: Mapped[datetime | None]
