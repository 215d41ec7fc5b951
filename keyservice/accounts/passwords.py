"""Login passwords: what is good enough, how they are hashed, and how one is changed.

NIST SP 800-63B-4 3.1.1.2 and ASVS 5.0 6.2: long enough, not common, not about the person or this service, and no rules
on capitals, digits or signs.
"""

import re
import unicodedata
from collections.abc import Iterable
from uuid import UUID

from flask_security.utils import hash_password, verify_password
from zxcvbn import zxcvbn

from keyservice import audit
from keyservice.accounts import device_messages, events
from keyservice.accounts.models import Account
from keyservice.accounts.sessions import end_sessions
from keyservice.database import transaction
from keyservice.gemeenten.queries import names
from keyservice.kernel.actor import Actor
from keyservice.kernel.secret import Secret
from keyservice.outbox.service import enqueue

# The hash of 256 random bits that nobody kept, with the cost of every other hash: checking it takes as long.
DECOY = "$argon2id$v=19$m=65536,t=3,p=4$KkVoba2V8h5DqPUeQ+gdIw$UrInxLvKGTwbwYXP3Q6wYWRNqmqSQz4ndgAJeZwRd78"
SHORTEST, LONGEST = 12, 128
# zxcvbn's "safely unguessable, moderate protection from offline slow-hash": 10^8 guesses or more.
_GOOD_SCORE = 3
# What must remain when the words anybody would try here are taken out (the least that NIST ever asked of a password).
_SHORTEST_REST = 8
# Of a longer password the beginning must be good already: to guess at 128 characters takes zxcvbn seconds.
_JUDGED = 64
_SHORTEST_WORD = 3
_OBVIOUS = frozenset(
    {"sleuteluitgifte", "applicatiesleutel", "sleutel", "inburgering", "inburgeraar", "portaal", "gemeente", "duo"}
    | {"wachtwoord", "password", "welkom", "geheim", "lente", "zomer", "herfst", "winter"}
    | {"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober"}
    | {"november", "december"}
)


def check_password(text: str, context: Iterable[str]) -> list[str]:
    """Return what is wrong with a new password, in Dutch; an empty list when it is good.

    `context` are texts about the person: name, mail address, name of the gemeente.
    """
    text = normalised(text[: LONGEST + 1])  # which never makes a text shorter, and takes long for a long one
    if len(text) < SHORTEST:
        return [f"Gebruik minstens {SHORTEST} tekens"]
    if len(text) > LONGEST:
        return [f"Gebruik hoogstens {LONGEST} tekens"]
    if len(_rest(text, context)) < _SHORTEST_REST:
        return ["Dit wachtwoord lijkt op uw naam, uw gemeente of deze site. Kies iets anders"]
    if zxcvbn(text[:_JUDGED])["score"] < _GOOD_SCORE:
        return ["Dit wachtwoord is te makkelijk te raden. Kies bijvoorbeeld 4 woorden die niet bij elkaar horen"]
    return []


def _rest(text: str, context: Iterable[str]) -> str:
    words = {word for part in context for word in re.findall(r"[^\W\d_]+", normalised(part).lower())} | _OBVIOUS
    rest = text.lower()
    for word in sorted((w for w in words if len(w) >= _SHORTEST_WORD), key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest


def context_of(account: Account) -> list[str]:
    """Return the texts about a person that a password may not be made of."""
    gemeenten = {grant.gemeente for grant in account.grants if grant.gemeente}
    return [account.name, account.email, *names(gemeenten).values()]


def normalised(text: str) -> str:
    """Return a password as it is hashed: the same letters give the same bytes on every keyboard (NIST: NFKD)."""
    return unicodedata.normalize("NFKD", text)


def hashed(password: Secret) -> str:
    """Return the Argon2id hash of a new password."""
    return str(hash_password(normalised(password.reveal())))


def fits(stored: str | None, typed: str) -> bool:
    """Tell whether a typed password fits the hash; without one, the same work is done for nothing."""
    typed = normalised(typed[: LONGEST + 1])
    # Longer than any password here; beyond 4096 characters the hash refuses to work.
    right = bool(verify_password(typed[:LONGEST], stored or DECOY))
    return right and bool(stored) and len(typed) <= LONGEST


def change_password(actor: Actor, account_id: UUID, password: Secret, token: str | None) -> None:
    """Give the person who is logged in another password, end all other sessions, and tell the owner.

    `token` is that of the session that stays; the caller has checked the old password and the new one.
    """
    new_hash = hashed(password)  # slow: not while the database waits
    with transaction() as session:
        row = session.get_one(Account, account_id)
        row.password = new_hash
        end_sessions(row.id, except_token=token)
        event = audit.record(events.PASSWORD_CHANGED, actor, subject=row.id)
        enqueue(device_messages.password_changed(row, event))
