"""The replay of keys and of their handing over (see `replay`)."""

from keyservice.audit import EventType
from keyservice.integrity.facts import About, Expected, Handler, Handlers, Told, exactly, plain_id
from keyservice.issuance import events as issuance
from keyservice.issuance.models import End
from keyservice.issuance.service import MOST_TRIES
from keyservice.sleutels import events as sleutels


def _key_made(to: Expected, told: Told) -> None:
    to.make(
        "sleutel",
        told.subject,
        number=told.fields["number"],
        gemeente=told.gemeente,
        omgeving=told.fields["omgeving"],
        not_before=About(told.at),
        expires_at=exactly(told.fields["expires_at"]),
        activated_at=None,
        suspended_at=None,
        revoked_at=None,
        reason=None,
    )


def _key_activated(to: Expected, told: Told) -> None:
    to.change("sleutel", told.subject, activated_at=About(told.at))


def _key_suspended(to: Expected, told: Told) -> None:
    to.change("sleutel", told.subject, suspended_at=About(told.at))


def _key_revoked(to: Expected, told: Told) -> None:
    to.change("sleutel", told.subject, revoked_at=About(told.at), reason=told.fields["reason"])


def _handing_over(to: Expected, told: Told) -> None:
    to.make(
        "issuance",
        told.subject,
        aanvraag_id=told.dossier,
        number=told.fields["number"],
        approval_id=plain_id(told.fields["approval"]),
        sleutel_id=plain_id(told.fields["sleutel"]),
        issued_by=told.person,
        issued_at=About(told.at),
        deadline=exactly(told.fields["deadline"]),
        activation_tries=0,
        copies=1,
        released_by=None,
        **dict.fromkeys(("fetched_at", "received_at", "released_at", "password_sent_at", "ended_at", "end_reason")),
    )


def _resent(to: Expected, told: Told) -> None:
    to.change("issuance", told.subject, copies=told.fields["copy"])


def _fetched(to: Expected, told: Told) -> None:
    to.change("issuance", told.subject, fetched_at=About(told.at))


def _received(to: Expected, told: Told) -> None:
    to.change("issuance", told.subject, received_at=About(told.at))


def _released(to: Expected, told: Told) -> None:
    to.change("issuance", told.subject, released_at=About(told.at), released_by=told.person)


def _password_gone(to: Expected, told: Told) -> None:
    to.change("issuance", told.subject, password_sent_at=About(told.at))


def _code_refused(to: Expected, told: Told) -> None:
    tries = told.fields["tries"]
    to.change("issuance", told.subject, activation_tries=0 if tries >= MOST_TRIES else tries)


def _ended(how: End) -> Handler:
    def handler(to: Expected, told: Told) -> None:
        # "Dit was ik niet" about a key that works revokes it; its handing over had ended before.
        if to.table("issuance").get(told.subject, {}).get("ended_at") is None:
            to.change("issuance", told.subject, ended_at=About(told.at), end_reason=how)

    return handler


HANDLERS: Handlers = {
    sleutels.MADE: _key_made,
    sleutels.ACTIVATED: _key_activated,
    sleutels.SUSPENDED: _key_suspended,
    sleutels.REVOKED: _key_revoked,
    issuance.STARTED: _handing_over,
    issuance.RESENT: _resent,
    issuance.FETCHED: _fetched,
    issuance.RECEIVED: _received,
    issuance.RELEASED: _released,
    issuance.PASSWORD_SHOWN: _password_gone,
    issuance.PASSWORD_QUEUED: _password_gone,
    issuance.CODE_REFUSED: _code_refused,
    issuance.DONE: _ended(End.DONE),
    issuance.CANCELLED: _ended(End.CANCELLED),
    issuance.DISOWNED: _ended(End.CANCELLED),
    issuance.LAPSED: _ended(End.LAPSED),
}
WITHOUT_FACTS: tuple[EventType, ...] = (sleutels.DAMAGED, issuance.PASSWORD_READY, issuance.REMINDED)
