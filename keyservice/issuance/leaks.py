"""A key that somebody found: whoever shows it ends it at once, without a login; its owners and DUO are told."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from sqlalchemy import select

from keyservice import audit
from keyservice.accounts import guessing
from keyservice.accounts.queries import holders, responsible
from keyservice.database import transaction
from keyservice.issuance import events, messages, steps
from keyservice.issuance.messages import Told, recipients_of
from keyservice.issuance.models import End, Issuance
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, Invalid
from keyservice.kernel.secret import Secret
from keyservice.kernel.text import clean
from keyservice.outbox.service import enqueue
from keyservice.sleutels import queries
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.format import digest
from keyservice.sleutels.leaks import keys_in, without_keys
from keyservice.sleutels.life import State, state

WITHOUT_KEY = "leak-without-key"
MOST_KEYS = 100
# Revoking a key and queueing its mails takes 10 to 30 ms.
ANSWER_SECONDS = 0.1
LONGEST_PLACE = 500
_LIVING = frozenset({State.SLEEPING, State.ACTIVE, State.SUSPENDED})


def report(actor: Actor, text: str, place: str = "") -> None:
    """End every living key in a text, and tell who should know. Nothing says whether there was one.

    `place` is where it was found, in the finder's words; a key in it counts too and is not stored. What holds no whole
    key costs no query and no try. Who reports is not recorded, also when somebody is logged in. Raises Invalid (no
    whole key in it, more than `MOST_KEYS`), or TooOften for a source that shows many keys
    that never existed.
    """
    shown = {digest(key): key for key in keys_in(f"{text}\n{place}")}
    if not shown:
        raise Invalid(WITHOUT_KEY)
    if len(shown) > MOST_KEYS:
        raise Invalid("leak-too-many", most=MOST_KEYS)
    unknown = replace(actor, person=None, roles=frozenset(), gemeente=None, factor_at=None)
    guess = guessing.attempt(guessing.Kind.LEAK, None, unknown.source)
    with _at_least(ANSWER_SECONDS):
        living = [row for row in queries.by_digests(shown) if state(row.facts, clock.now()) in _LIVING]
        told = clean(without_keys(place))[:LONGEST_PLACE]
        for sleutel_id, key in [(row.id, shown[row.digest]) for row in living]:
            _end(unknown, sleutel_id, key, told)
        if living:
            guess.right()
        else:
            audit.record_refusal(unknown, "issuance:leak", "leak-unknown")


@contextlib.contextmanager
def _at_least(seconds: float) -> Iterator[None]:
    """Take some time, however little there is to do: else the time of an answer told whether the key existed."""
    end = time.monotonic() + seconds
    yield
    time.sleep(max(0.0, end - time.monotonic()))


def _end(actor: Actor, sleutel_id: UUID, key: Secret, found: str) -> None:
    # Ended by somebody else a moment earlier: that is all that was asked.
    with contextlib.suppress(Conflict), transaction() as session:
        query = select(Issuance).where(Issuance.sleutel_id == sleutel_id)
        issuance = session.execute(query.with_for_update().execution_options(populate_existing=True)).scalar_one()
        if issuance.ended_at is None:
            steps.close(issuance, End.CANCELLED)
        sleutels.revoke_leaked(actor, sleutel_id, key, dossier=issuance.aanvraag_id)
        steps.record(events.LEAKED, actor, issuance, found=found)
        _tell(issuance)


def _tell(issuance: Issuance) -> None:
    """Tell both contacts, the gemeentebeheerders and the relatiebeheerders; nobody twice at one address."""
    steps.tell(Told.LEAKED, issuance)
    to = recipients_of(issuance)
    told = {to.key.mailbox.lower(), to.password.mailbox.lower()}
    gemeente = issuance.aanvraag.gemeente
    for reader in (*holders(Role.GEMEENTEBEHEERDER, gemeente), *responsible(gemeente)):
        if reader.email.lower() not in told:
            enqueue(messages.leaked(issuance, reader))
