"""Passkeys (WebAuthn level 2): two factors in one, because the device asks for a finger, face or PIN.

The library py_webauthn checks signatures and origins; here is what is asked for and what is kept.
"""

from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import options_to_json, parse_authentication_credential_json, parse_registration_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from keyservice import audit, settings
from keyservice.accounts import events, factor_messages
from keyservice.accounts.models import Account, Passkey
from keyservice.accounts.sessions import end_sessions
from keyservice.database import transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import Conflict, Invalid, NotFound
from keyservice.outbox.service import enqueue

RP_NAME = "Sleuteluitgifte"
MOST = 10
LONGEST_NAME = 50
# Whatever a browser sends that is no answer of a passkey; py_webauthn lets some faults of its parsers through.
MALFORMED = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, RecursionError)
# On the device itself or on a separate key, but always one that knows its owner: the person need not type a name.
SELECTION = AuthenticatorSelectionCriteria(
    resident_key=ResidentKeyRequirement.REQUIRED,
    require_resident_key=True,
    user_verification=UserVerificationRequirement.REQUIRED,
)


def _origin() -> str:
    return settings.current().base_url


def _rp_id() -> str:
    return urlsplit(_origin()).hostname or ""


def creation_options(account: Account, challenge: str) -> str:
    """Return, as JSON for the browser, what a new passkey of a person must be."""
    options = generate_registration_options(
        rp_id=_rp_id(),
        rp_name=RP_NAME,
        user_id=account.id.bytes,
        user_name=account.email,
        user_display_name=account.name,
        challenge=challenge.encode(),
        authenticator_selection=SELECTION,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=key.credential_id) for key in account.webauthn],
    )
    return options_to_json(options)


def request_options(challenge: str) -> str:
    """Return, as JSON for the browser, the question to sign in with whichever passkey the person has."""
    options = generate_authentication_options(
        rp_id=_rp_id(), challenge=challenge.encode(), user_verification=UserVerificationRequirement.REQUIRED
    )
    return options_to_json(options)


def add(actor: Actor, name: str, answer: str, challenge: str, *, keep_session: str | None = None) -> None:
    """Keep a new passkey; all other sessions end. Raises Invalid, or Conflict when there are too many."""
    proof = _checked_registration(answer, challenge)
    with transaction() as session:
        account = session.get_one(Account, actor.person, with_for_update=True)
        if len(account.webauthn) >= MOST:
            raise Conflict("too-many-passkeys")
        if session.scalar(select(Passkey.id).where(Passkey.credential_id == proof.credential_id)):
            raise Invalid("passkey-refused")
        passkey = Passkey(
            account_id=account.id,
            credential_id=proof.credential_id,
            public_key=proof.credential_public_key,
            sign_count=proof.sign_count,
            backup_state=proof.credential_backed_up,
            device_type=proof.credential_device_type.value,
            name=name,
            usage="first",
        )
        session.add(passkey)
        session.flush()
        audit.record(events.FACTOR_ADDED, actor, subject=passkey.id, account=account.id, factor="passkey", name=name)
        enqueue(factor_messages.told(account, factor_messages.Told.PASSKEY_ADDED))
        end_sessions(account.id, keep_session)


def _checked_registration(answer: str, challenge: str) -> VerifiedRegistration:
    try:
        return verify_registration_response(
            credential=parse_registration_credential_json(answer),
            expected_challenge=challenge.encode(),
            expected_rp_id=_rp_id(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
    except MALFORMED as error:
        raise Invalid("passkey-refused") from error


def owner(answer: str, challenge: str) -> UUID | None:
    """Return whose passkey answered the challenge, with the person's finger, face or PIN; None when nobody's did."""
    try:
        credential = parse_authentication_credential_json(answer)
    except MALFORMED:
        return None
    with transaction() as session:
        query = select(Passkey).where(Passkey.credential_id == credential.raw_id).with_for_update()
        passkey = session.scalar(query)
        proof = passkey and _proof(credential, passkey, challenge)
        if passkey is None or not proof or not passkey.account.active:
            return None
        passkey.sign_count, passkey.lastuse_datetime = proof.new_sign_count, clock.now()
        passkey.backup_state = proof.credential_backed_up
        return passkey.account_id


def _proof(credential: AuthenticationCredential, passkey: Passkey, challenge: str) -> VerifiedAuthentication | None:
    if credential.response.user_handle not in {None, passkey.account_id.bytes}:
        return None
    try:
        # Raises too when the counter did not go up: then somebody copied the key (WebAuthn 6.1.1).
        return verify_authentication_response(
            credential=credential,
            expected_challenge=challenge.encode(),
            expected_rp_id=_rp_id(),
            expected_origin=_origin(),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except MALFORMED:
        return None


def remove(actor: Actor, passkey_id: UUID, *, keep_session: str | None = None) -> None:
    """Take a passkey away. Raises NotFound, or Conflict when it is the only second factor."""
    with transaction() as session:
        account = session.get_one(Account, actor.person, with_for_update=True)
        passkey = next((key for key in account.webauthn if key.id == passkey_id), None)
        if passkey is None:
            raise NotFound("passkey")
        if len(account.webauthn) == 1 and not account.tf_totp_secret:
            raise Conflict("last-factor")
        audit.record(
            events.FACTOR_REMOVED, actor, subject=passkey.id, account=account.id, factor="passkey", name=passkey.name
        )
        session.delete(passkey)
        enqueue(factor_messages.told(account, factor_messages.Told.PASSKEY_REMOVED))
        end_sessions(account.id, keep_session)
