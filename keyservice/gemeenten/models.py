"""The register of gemeenten: who exists from when till when, who follows, and how DUO reaches it."""

from datetime import date

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from keyservice.database import Base
from keyservice.kernel.clock import months_before

APPLY_MONTHS = 6  # before its first day


class Gemeente(Base):
    """A gemeente by its CBS code (4 digits). `valid_until` is its last day; `phone` the registered number in E.164.

    `address_line` (street and number, or a postbus), `postcode` (`1234 AB`) and `town` are where letters go.
    """

    __tablename__ = "gemeente"
    __table_args__ = (
        CheckConstraint("length(code) = 4", name="code_length"),
        CheckConstraint(
            "(address_line IS NULL) = (postcode IS NULL) AND (postcode IS NULL) = (town IS NULL)",
            name="whole_address",
        ),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    sort_name: Mapped[str] = mapped_column(index=True)
    province: Mapped[str]
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    successor_code: Mapped[str | None]
    phone: Mapped[str | None]
    address_line: Mapped[str | None]
    postcode: Mapped[str | None]
    town: Mapped[str | None]
    fictive: Mapped[bool] = mapped_column(default=False)

    @property
    def postal_address(self) -> str | None:
        """Return the lines below the name on an envelope (NEN 5825: two spaces, then the town in capitals)."""
        if not (self.address_line and self.postcode and self.town):
            return None
        return f"{self.address_line}\n{self.postcode}  {self.town.upper()}"

    def valid_on(self, day: date) -> bool:
        """Tell whether the gemeente exists on a day."""
        return (not self.valid_from or self.valid_from <= day) and not self.ended_on(day)

    def ended_on(self, day: date) -> bool:
        """Tell whether a day is after the last day of the gemeente."""
        return self.valid_until is not None and self.valid_until < day

    def may_apply_on(self, day: date) -> bool:
        """Tell whether the gemeente exists on a day, or starts so soon after it that it may ask for keys."""
        return not self.ended_on(day) and (not self.valid_from or months_before(self.valid_from, APPLY_MONTHS) <= day)
