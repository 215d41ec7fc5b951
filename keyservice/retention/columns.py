"""Every column of the database: personal and until when, or not personal. A test finds the column that lacks here.

`docs/retention.md` is made from this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# The private fields of events (`audit.define`), by what they hold; a test finds the one that lacks here.
TRACES = ("source", "agent")
WHO = ("name", "email", "function", "mailbox", "phone", "mobile", "identity", "leverancier")
TEXTS = ("reason", "question", "motivation", "text", "found")


@dataclass(frozen=True)
class Kind:
    """Personal data that go together. `term` is a name of `settings.Retention`, or a fixed term of a timer.

    `since` tells from which moment it counts, `columns` what is erased: `table.column`, or `table.*` when the row goes.
    """

    name: str
    what: str
    term: str
    since: str
    columns: tuple[str, ...]


def _of(table: str, columns: str) -> tuple[str, ...]:
    return tuple(f"{table}.{column}" for column in columns.split())


ERASED_BY_RUN = (
    Kind(
        "dossier",
        "Texts of and about people in an aanvraag: signer, supplier's contact, questions, reasons, notes, what was "
        "approved, recipients of its messages, and the private texts of its events",
        "ended, or sleutel when a key was issued",
        "rejection, withdrawal or lapse; the end (expiry or revocation) of its last key",
        (
            *_of(
                "aanvraag",
                "question rejection leverancier_contact leverancier_mailbox toelichting signer_name signer_function",
            ),
            *_of("aanvraag_note", "text"),
            *_of("approval", "motivation snapshot"),
            *_of("outbox_message", "recipient"),
            *_of("audit_private", "salt value"),
        ),
    ),
    Kind(
        "contact",
        "A contact that no aanvraag within its term names any more",
        "ended",
        "the newest of: proposed, proven, confirmed, vouched for, retired",
        _of("contact", "name function mailbox phone mobile verified_address vouched_beside"),
    ),
    Kind(
        "account",
        "A person who left: no role now or later, nothing done, not named by a contact, in no dossier within its term. "
        "Who decided or activated stays until `audit` after the last time",
        "ended, or audit for who decided",
        "the newest of: account made, end of the last role, last event",
        (
            *_of(
                "account",
                "name email password fs_uniquifier active tf_primary_method tf_totp_secret tf_last_counter "
                "mf_recovery_codes",
            ),
            *_of("passkey", "*"),
            *_of("oidc_identity", "*"),
            *_of("known_device", "*"),
            *_of("login_session", "*"),
        ),
    ),
    Kind(
        "invitation",
        "Name and address in an invitation that was accepted, withdrawn or lapsed",
        "ended",
        "its end",
        _of("invitation", "name email"),
    ),
    Kind(
        "berichtenboek",
        "The person of a supplier, and the reason of a refusal, in a copy of the berichtenboek that ended",
        "ended",
        "its end",
        _of("berichtenboek_copy", "leverancier name mailbox refusal"),
    ),
    Kind(
        "event-trace",
        "Network address and browser of an event",
        "access",
        "the event",
        _of("audit_private", "salt value"),
    ),
    Kind(
        "event-draft",
        "Private texts of an event about a draft that was discarded",
        "30 days",
        "the event",
        _of("audit_private", "salt value"),
    ),
    Kind(
        "event-person",
        "Who an event outside a dossier is about: name, function, addresses. The row of the person still has them",
        "ended",
        "the event",
        _of("audit_private", "salt value"),
    ),
    Kind("event-text", "Every other private text", "audit", "the event", _of("audit_private", "salt value")),
    Kind(
        "message",
        "The masked recipient of a message that belongs to no aanvraag",
        "access",
        "the message was made",
        _of("outbox_message", "recipient"),
    ),
    Kind(
        "code",
        "The address to which a code was sent",
        "access",
        "the code was made",
        _of("contact_challenge", "*"),
    ),
    Kind(
        "wave",
        "Free texts of a wave that has ended",
        "audit",
        "its end",
        _of("wave", "name reason halt_reason"),
    ),
    Kind(
        "inburgeraar",
        "An inburgeraar, everything that was registered about him, and the private texts of its events",
        "inburgeraar",
        "the newest of: last day of his duty, last registration",
        (*_of("inburgeraar", "*"), *_of("registration", "*"), *_of("audit_private", "salt value")),
    ),
    Kind(
        "processing",
        "A look at the data of an inburgeraar, who is named by a pseudonym",
        "inburgeraar",
        "the look",
        _of("processing_log", "*"),
    ),
)
# These stay days, and are watched by the worker.
ERASED_BY_TIMER = (
    Kind("draft", "A draft as a whole", "30 days", "it was started", _of("aanvraag", "*")),
    Kind("session", "A session", "30 minutes idle, 10 hours at most", "", _of("login_session", "*")),
    Kind("device", "A browser that was used before", "400 days", "last login with it", _of("known_device", "*")),
    Kind(
        "refusal",
        "The network address of an unknown party (or the id of a key)",
        "1 day",
        "the refusal",
        _of("anonymous_refusal", "*"),
    ),
    Kind(
        "machine-message",
        "The answer to a message of a machine: which of its people were registered, by number, and a MAC over it",
        "7 days",
        "the answer",
        _of("machine_message", "*"),
    ),
    Kind("guess", "Counters of wrong guesses, under a MAC", "1 hour", "the first guess", _of("login_counter", "*")),
)
# Random numbers of people: they say who as long as the account has a name, and nothing after.
PEOPLE: Mapping[str, str] = MappingProxyType(
    {
        "aanvraag": "created_by submitted_by claimed_by declared_by",
        "aanvraag_note": "author",
        "approval": "requested_by created_by approved_by",
        "audit_event": "person",
        "berichtenboek_copy": "asked_by decided_by",
        "contact": "proposed_by verified_account vouched_by",
        "factor_reset": "account_id proposed_by confirmed_by",
        "invitation": "invited_by second_by account_id",
        "issuance": "approved_by issued_by released_by",
        "letter": "maker opened_by posted_by",
        "portfolio_entry": "account_id",
        "role_grant": "account_id granted_by",
        "sleutel": "resume_asked_by",
        "succession": "asked_by decided_by",
        "wave": "prepared_by started_by halted_by",
    }
)
# Sealed, or a digest or MAC of something random; gone when no longer needed (ADR 23).
SECRETS: Mapping[str, str] = MappingProxyType(
    {
        "berichtenboek_copy": "token_digest",
        "invitation": "token_digest code_mac",
        "issuance": "zip password receipt_digest activation_mac",
        "letter": "pdf",
        "outbox_message": "content final",
        "asking_system": "digest mac",
        "sleutel": "digest mac",
    }
)
# About things, moments and organisations. The number of a gemeente that was called is its own, registered one. The
# network of a key is that of a server, cut off to at least 256 addresses.
NOT_PERSONAL: Mapping[str, str] = MappingProxyType(
    {
        "aanvraag": "id number status status_since revision created_at submitted_at reminders gemeente gemeente_name "
        "oin kvk key_contact_id password_contact_id leverancier pakket pakket_versie pakket_key omgeving declared_at "
        "declaration_version kind replaces_id erased_at",
        "aanvraag_note": "id aanvraag_id at",
        "account": "id audience created_at fictive erased_at",
        "approval": "id aanvraag_id approved_at four_eyes content_hash retracted_at",
        "asking_system": "id name made_at ended_at",
        "audit_checkpoint": "size at root frontier through text",
        "audit_event": "row id at code dossier dossier_number gemeente canonical mac",
        "audit_leaf": "position event hash",
        "audit_private": "event name",
        "berichtenboek_copy": "id gemeente asked_at status status_since reminders told_version link_until "
        "opened_version opened_at",
        "contact": "id gemeente part via z_number created_at verified_at vouched_how vouched_number vouched_at "
        "confirmed_at retired_at replaced_by_id erased_at",
        "factor_reset": "id proposed_at called_number confirmed_at ended_at",
        "gemeente": "code name sort_name province valid_from valid_until successor_code phone address_line postcode "
        "town fictive",
        "invitation": "id role gemeente grant_until invited_at second_needed called_number tries expires_at used_at "
        "ended_at",
        "issuance": "id aanvraag_id number approval_id four_eyes issued_at deadline sleutel_id renews_id overlap_days "
        "first_used_at old_use_told_at z_number "
        "activation_tries activation_wait_until fetched_at received_at released_at password_sent_at copies reminders "
        "ended_at end_reason",
        "letter": "id subject dossier number status status_since reminders ready_at opened_at posted_at",
        "number_series": "kind year last",
        "outbox_message": "id dedup_key kind channel for_duo dossier status created_at due_at attempts lease_until "
        "owner last_error sent_at bounced_at bounce_status escalated_at",
        "portfolio_entry": "id gemeente valid_from valid_until",
        "role_grant": "id role gemeente valid_from valid_until reviewed_at",
        "sleutel": "id number gemeente omgeving not_before expires_at activated_at suspended_at revoked_at reason "
        "suspended_by resume_asked_at warnings",
        "succession": "id gemeente successor asked_at decided_at until",
        "sleutel_use": "sleutel_id network state first_at last_at count told_at",
        "wave": "id omgeving expires_until gemeenten status status_since prepared_at started_at",
        "wave_item": "wave_id position aanvraag_id sleutel_id expected result refused issuance_id judged_at",
        "worker_beat": "id host started_at seen_at",
    }
)
