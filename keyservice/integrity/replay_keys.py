"""The replay of keys and of their handing over (see `replay`)."""

from keyservice.audit import EventType
from keyservice.integrity.facts import About, Expected, Handler, Handlers, Told, exactly, plain_id
from keyservice.issuance import events as issuance
from keyservice.issuance.models import End
from keyservice.issuance.service import MOST_TRIES
from keyservice.issuance.wave_workflow import WaveStatus
from keyservice.outbox import events as outbox
from keyservice.sleutels import events as sleutels

_NOT_BLOCKED = dict.fromkeys(("suspended_at", "suspended_by", "resume_asked_by", "resume_asked_at"))


def _key_made(to: Expected, told: Told) -> None:
    to.make(
        "sleutel",
        told.subject,
        number=told.fields["number"],
        gemeente=told.gemeente,
        omgeving=told.fields["omgeving"],
        # Events of before tell no other start than their own moment.
        not_before=exactly(told.fields.get("not_before")) or About(told.at),
        expires_at=exactly(told.fields["expires_at"]),
        activated_at=None,
        revoked_at=None,
        reason=None,
        **_NOT_BLOCKED,
    )


def _key_activated(to: Expected, told: Told) -> None:
    to.change("sleutel", told.subject, activated_at=About(told.at))


def _key_suspended(to: Expected, told: Told) -> None:
    block = {**_NOT_BLOCKED, "suspended_at": About(told.at), "suspended_by": told.fields.get("by")}
    to.change("sleutel", told.subject, **block)


def _resume_asked(to: Expected, told: Told) -> None:
    to.change("sleutel", told.subject, resume_asked_by=told.person, resume_asked_at=About(told.at))


def _key_resumed(to: Expected, told: Told) -> None:
    to.change("sleutel", told.subject, **_NOT_BLOCKED)


def _key_revoked(to: Expected, told: Told) -> None:
    to.change("sleutel", told.subject, revoked_at=About(told.at), reason=told.fields["reason"])


def _asker_added(to: Expected, told: Told) -> None:
    to.make("asking_system", told.subject, name=told.fields["name"], made_at=About(told.at), ended_at=None)


def _asker_ended(to: Expected, told: Told) -> None:
    to.change("asking_system", told.subject, ended_at=About(told.at))


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
        renews_id=plain_id(told.fields.get("renews")) or None,
        overlap_days=told.fields.get("overlap"),
        first_used_at=None,
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
        # "Dit was ik niet" about a key that works, or a leak, revokes it; its handing over had ended before.
        if to.table("issuance").get(told.subject, {}).get("ended_at") is None:
            to.change("issuance", told.subject, ended_at=About(told.at), end_reason=how)

    return handler


def _renewed(to: Expected, told: Told) -> None:
    to.change("issuance", told.subject, renews_id=plain_id(told.fields["previous"]))


def _first_used(to: Expected, told: Told) -> None:
    to.change("issuance", told.subject, first_used_at=exactly(told.fields["used_at"]))


def _succession_asked(to: Expected, told: Told) -> None:
    to.make(
        "succession",
        told.subject,
        gemeente=told.fields["ended"],
        successor=told.fields["successor"],
        asked_by=told.person,
        asked_at=About(told.at),
        decided_by=None,
        decided_at=None,
        until=None,
    )


def _succession_decided(to: Expected, told: Told) -> None:
    until = exactly(told.fields.get("until"))
    to.change("succession", told.subject, decided_by=told.person, decided_at=About(told.at), until=until)


def _letter_made(to: Expected, told: Told) -> None:
    untouched = dict.fromkeys(("opened_at", "opened_by", "posted_at", "posted_by"))
    to.make("letter", told.subject, dossier=told.dossier, number=told.fields["number"], **untouched)


def _letter_opened(to: Expected, told: Told) -> None:
    to.change("letter", told.subject, opened_at=About(told.at), opened_by=told.person)


def _letter_posted(to: Expected, told: Told) -> None:
    to.change("letter", told.subject, posted_at=About(told.at), posted_by=told.person)


def _wave_prepared(to: Expected, told: Told) -> None:
    to.make(
        "wave",
        told.subject,
        status=WaveStatus.PREPARED,
        omgeving=told.fields["omgeving"],
        expires_until=exactly(told.fields["expires_until"]),
        prepared_by=told.person,
        prepared_at=About(told.at),
        started_by=None,
        started_at=None,
    )


def _wave_started(to: Expected, told: Told) -> None:
    started = {"started_by": told.person, "started_at": About(told.at)}
    to.change("wave", told.subject, status=WaveStatus.RUNNING, **started)


def _wave_is(status: WaveStatus) -> Handler:
    def handler(to: Expected, told: Told) -> None:
        to.change("wave", told.subject, status=status)

    return handler


HANDLERS: Handlers = {
    sleutels.MADE: _key_made,
    sleutels.ACTIVATED: _key_activated,
    sleutels.SUSPENDED: _key_suspended,
    sleutels.REVOKED: _key_revoked,
    sleutels.ASKER_ADDED: _asker_added,
    sleutels.ASKER_ENDED: _asker_ended,
    sleutels.RESUME_ASKED: _resume_asked,
    sleutels.RESUMED: _key_resumed,
    sleutels.SUCCESSION_ASKED: _succession_asked,
    sleutels.SUCCESSION_APPROVED: _succession_decided,
    sleutels.SUCCESSION_REFUSED: _succession_decided,
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
    issuance.LEAKED: _ended(End.CANCELLED),
    issuance.LAPSED: _ended(End.LAPSED),
    issuance.RENEWED: _renewed,
    issuance.FIRST_USED: _first_used,
    outbox.LETTER_READY: _letter_made,
    issuance.LETTER_OPENED: _letter_opened,
    issuance.LETTER_POSTED: _letter_posted,
    issuance.WAVE_PREPARED: _wave_prepared,
    issuance.WAVE_STARTED: _wave_started,
    issuance.WAVE_PAUSED: _wave_is(WaveStatus.PAUSED),
    issuance.WAVE_RESUMED: _wave_is(WaveStatus.RUNNING),
    issuance.WAVE_STOPPED: _wave_is(WaveStatus.STOPPED),
    issuance.WAVE_FINISHED: _wave_is(WaveStatus.FINISHED),
    issuance.WAVE_LAPSED: _wave_is(WaveStatus.LAPSED),
}
# The end of a letter is that of its delivery, which has events of its own.
WITHOUT_FACTS: tuple[EventType, ...] = (
    sleutels.DAMAGED,
    sleutels.FIRST_USED,
    sleutels.USED_ELSEWHERE,
    sleutels.TRIED,
    issuance.PASSWORD_READY,
    issuance.REMINDED,
    issuance.WARNED,
    issuance.EXPIRED,
    issuance.OLD_USED,
    issuance.LETTER_FAILED,
    issuance.LETTER_RETURNED,
    issuance.LETTER_REMINDED,
    issuance.WAVE_REFUSED,
    issuance.RING_KEY_DESTROYED,
    issuance.RING_ROTATED,
    issuance.RING_RESEALED,
)
