"""People, their grants and sessions. An account has one audience: gemeente or DUO, never both."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from flask_security.core import UserMixin, WebAuthnMixin
from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from keyservice.database import Base
from keyservice.kernel import clock
from keyservice.kernel.actor import DUO_ROLES, GEMEENTE_ROLES, Role
from keyservice.kernel.ids import new_id


class Audience(StrEnum):
    """For whom somebody works."""

    GEMEENTE = "gemeente"
    DUO = "duo"


def _among(column: str, values: frozenset[Role]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in sorted(values))})"


class Account(Base, UserMixin):
    """One person. `fs_uniquifier` is what sessions name: changing it ends them all.

    From `erased_at` on, after the term of who left, the row is nobody's any more (ADR 28).
    """

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("audience IN ('gemeente', 'duo')", name="audience"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)  # type: ignore[assignment]  # the mixin says int
    audience: Mapped[Audience]
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    fictive: Mapped[bool] = mapped_column(default=False)
    erased_at: Mapped[datetime | None]
    # Second factors, with the names that Flask-Security looks for; the TOTP secret is sealed by its ring.
    tf_primary_method: Mapped[str | None]
    tf_totp_secret: Mapped[str | None]
    tf_last_counter: Mapped[int | None]
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(JSON)
    webauthn: Mapped[list["Passkey"]] = relationship(  # type: ignore[assignment]  # the mixin names its own class
        back_populates="account", cascade="all, delete-orphan"
    )
    grants: Mapped[list["Grant"]] = relationship(
        back_populates="account", foreign_keys="Grant.account_id", order_by="Grant.valid_from"
    )

    # Flask-Security asks for roles; rights come from grants, per gemeente and in time.
    roles = ()  # type: ignore[assignment]


class Grant(Base):
    """A role given to a person, from-until, for one gemeente or (DUO's own roles) for none."""

    __tablename__ = "role_grant"
    __table_args__ = (
        CheckConstraint(
            f"({_among('role', GEMEENTE_ROLES)} AND gemeente IS NOT NULL)"
            f" OR ({_among('role', DUO_ROLES)} AND gemeente IS NULL)",
            name="role_fits_gemeente",
        ),
        CheckConstraint("granted_by IS NULL OR granted_by <> account_id", name="not_to_oneself"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    role: Mapped[Role]
    gemeente: Mapped[str | None] = mapped_column(ForeignKey("gemeente.code"))
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    granted_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    reviewed_at: Mapped[datetime | None]
    account: Mapped[Account] = relationship(back_populates="grants", foreign_keys=[account_id])


class Session(Base):
    """One browser's session; the cookie holds the token, the row only its SHA-256."""

    __tablename__ = "login_session"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    data: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(index=True)
    browser: Mapped[str | None]


class PortfolioEntry(Base):
    """A gemeente that a relatiebeheerder looks after, from-until. It sorts and notifies and is no wall."""

    __tablename__ = "portfolio_entry"
    __table_args__ = (Index("ix_portfolio_entry_account_gemeente", "account_id", "gemeente"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    gemeente: Mapped[str] = mapped_column(ForeignKey("gemeente.code"), index=True)
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]


class Passkey(Base, WebAuthnMixin):
    """A passkey of a person (WebAuthn level 2), with the names that Flask-Security looks for."""

    __tablename__ = "passkey"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)  # type: ignore[assignment]  # the mixin says int
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(default=0)
    backup_state: Mapped[bool]
    device_type: Mapped[str]
    create_datetime: Mapped[datetime] = mapped_column(default=clock.now)
    lastuse_datetime: Mapped[datetime] = mapped_column(default=clock.now)
    name: Mapped[str]
    usage: Mapped[str]
    account: Mapped[Account] = relationship(back_populates="webauthn")

    def get_user_mapping(self) -> dict[str, UUID]:
        """Return how Flask-Security finds the person of this passkey."""
        return {"id": self.account_id}


class OidcIdentity(Base):
    """The one (issuer, subject) pair by which a person logs in through a provider; bound inside an invitation."""

    __tablename__ = "oidc_identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    issuer: Mapped[str]
    subject: Mapped[str]
    bound_at: Mapped[datetime]


class Invitation(Base):
    """A role offered to somebody: a link in a mail plus a code that the inviter says aloud; single use, 72 hours.

    `token_digest` is the SHA-256 of the link's token, `code_mac` the MAC of the code. An invitation that takes two DUO
    people (`second_needed`) is sent when `second_by` has confirmed it; `called_number` is the registered number of the
    gemeente that was called for it.
    """

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint("second_by IS NULL OR second_by <> invited_by", name="two_people"),
        CheckConstraint("used_at IS NULL OR NOT second_needed OR second_by IS NOT NULL", name="second_before_use"),
        CheckConstraint(
            "NOT second_needed OR second_by IS NULL OR gemeente IS NULL OR called_number IS NOT NULL",
            name="called_before_second",
        ),
        CheckConstraint(
            f"second_needed OR invited_by IS NULL OR {_among('role', GEMEENTE_ROLES)}", name="duo_takes_two"
        ),
        CheckConstraint("account_id <> invited_by AND account_id <> second_by", name="not_to_oneself"),
        CheckConstraint(
            f"({_among('role', GEMEENTE_ROLES)} AND gemeente IS NOT NULL)"
            f" OR ({_among('role', DUO_ROLES)} AND gemeente IS NULL)",
            name="role_fits_gemeente",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(index=True)
    role: Mapped[Role]
    gemeente: Mapped[str | None] = mapped_column(ForeignKey("gemeente.code"), index=True)
    grant_until: Mapped[datetime | None]
    invited_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    invited_at: Mapped[datetime]
    second_needed: Mapped[bool]
    second_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    called_number: Mapped[str | None]
    token_digest: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    code_mac: Mapped[bytes | None] = mapped_column(LargeBinary)
    tries: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))


class FactorReset(Base):
    """The taking away of somebody's second factors, so that new ones can be enrolled: two DUO people and a call."""

    __tablename__ = "factor_reset"
    __table_args__ = (
        CheckConstraint("confirmed_by IS NULL OR confirmed_by <> proposed_by", name="two_people"),
        CheckConstraint("proposed_by <> account_id AND confirmed_by <> account_id", name="not_ones_own"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    proposed_at: Mapped[datetime]
    called_number: Mapped[str | None]
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class LoginCounter(Base):
    """How often logging in failed lately, per account or per source (`subject`); it slows down and locks nobody out."""

    __tablename__ = "login_counter"

    subject: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    since: Mapped[datetime] = mapped_column(index=True)
    wait_until: Mapped[datetime | None]


class KnownDevice(Base):
    """A browser from which a person logged in before, by the SHA-256 of a lasting cookie."""

    __tablename__ = "known_device"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
