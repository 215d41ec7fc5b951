"""Recovery codes: ten, each good for one login when app and passkey are gone. Only their MACs are stored."""

from uuid import UUID

from keyservice import audit, settings
from keyservice.accounts import events, factor_messages
from keyservice.accounts.models import Account
from keyservice.accounts.sessions import end_sessions
from keyservice.database import transaction
from keyservice.kernel.actor import Actor
from keyservice.kernel.ids import normalise_code, readable_code
from keyservice.kernel.secret import Secret
from keyservice.outbox.service import enqueue

COUNT = 10
# When so few are left, pages ask to make new ones.
FEW = 3
# 12 of 31 characters are 59 bits: nobody guesses one, and the MAC's key lies outside the database.
_BLOCKS = (4, 4, 4)
_PURPOSE = "recovery-code"


def renew(actor: Actor, *, keep_session: str | None = None) -> list[Secret]:
    """Make ten new codes and forget the old ones; what is returned is the only time that they are seen.

    They log in like any other factor: all other sessions end and the owner is told by mail.
    """
    codes = ["-".join(readable_code(block) for block in _BLOCKS) for _ in range(COUNT)]
    with transaction() as session:
        account = session.get_one(Account, actor.person)
        account.mf_recovery_codes = [_mac(account.id, code) for code in codes]
        audit.record(events.RECOVERY_CODES_MADE, actor, subject=account.id, account=account.id)
        enqueue(factor_messages.told(account, factor_messages.Told.RECOVERY_CODES_MADE))
        end_sessions(account.id, keep_session)
    return [Secret(code) for code in codes]


def use(actor: Actor, account_id: UUID, typed: str) -> bool:
    """Tell whether a code is right, and use it up; the owner is told by mail."""
    rings = settings.rings()
    with transaction() as session:
        account = session.get_one(Account, account_id, with_for_update=True)
        kept, parts = account.mf_recovery_codes or [], (str(account_id), normalise_code(typed))
        used = next((mac for mac in kept if rings.mac_fits(bytes.fromhex(mac), _PURPOSE, *parts)), None)
        if used is None:
            return False
        account.mf_recovery_codes = [mac for mac in kept if mac != used]
        left = len(account.mf_recovery_codes)
        audit.record(events.RECOVERY_CODE_USED, actor, subject=account_id, account=account_id, left=left)
        enqueue(factor_messages.told(account, factor_messages.Told.RECOVERY_CODE_USED))
    return True


def left(account: Account) -> int:
    """Return how many codes can still be used."""
    return len(account.mf_recovery_codes or [])


def _mac(account_id: UUID, code: str) -> str:
    return settings.rings().mac(_PURPOSE, str(account_id), normalise_code(code)).hex()
