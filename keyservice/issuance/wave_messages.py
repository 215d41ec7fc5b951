"""The mails to relatiebeheerders about a wave, as values."""

from collections.abc import Iterator

from keyservice import settings
from keyservice.accounts.models import Account
from keyservice.accounts.queries import account, holders
from keyservice.issuance.wave_models import Wave
from keyservice.kernel.actor import Role
from keyservice.outbox.message import Message
from keyservice.outbox.models import Channel


def prepared(wave: Wave, total: int) -> Iterator[Message]:
    """Ask every relatiebeheerder but the one who prepared a wave to look at it and start it."""
    for reader in holders(Role.RELATIEBEHEERDER):
        if reader.id != wave.prepared_by:
            yield _mail("wave-prepared", wave, reader, total=total)


def finished(wave: Wave, done: int, refused: int) -> Iterator[Message]:
    """Tell the two people of a wave how it ended."""
    for person in (wave.prepared_by, wave.started_by):
        if person and (reader := account(person)):
            yield _mail("wave-finished", wave, reader, done=done, refused=refused)


def path(wave: Wave) -> str:
    """Return the page of a wave."""
    return f"/vernieuwingsrondes/{wave.id}"


def _mail(kind: str, wave: Wave, reader: Account, **counts: int) -> Message:
    return Message(
        kind=kind,
        channel=Channel.MAIL,
        key=f"{kind}:{wave.id}:{reader.id}",
        to=reader.email,
        values={
            "name": reader.name,
            "wave": wave.name,
            "url": settings.current().base_url + path(wave),
            **{name: str(count) for name, count in counts.items()},
        },
    )
