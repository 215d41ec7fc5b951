"""Mails about the keys of an ended gemeente: to relatiebeheerders, and to the gemeentebeheerders of its successor."""

from collections.abc import Iterator

from keyservice import settings
from keyservice.accounts.models import Account
from keyservice.accounts.queries import holders, responsible
from keyservice.gemeenten.models import Gemeente
from keyservice.gemeenten.queries import names
from keyservice.kernel.actor import Role
from keyservice.outbox.message import Message
from keyservice.outbox.models import Channel
from keyservice.sleutels.succession_models import Succession
from keyservice.web.dates import datum

ASKED, APPROVED, REFUSED = "opvolging-gevraagd", "opvolging-goedgekeurd", "opvolging-afgewezen"


def asked(row: Succession, ended: Gemeente) -> Iterator[Message]:
    """Yield the mails that a successor asks for the keys of a gemeente."""
    for reader in responsible(row.gemeente):
        yield _mail(ASKED, row, ended, reader, f"/opvolgingen/{row.id}", for_duo=True)


def decided(row: Succession, ended: Gemeente) -> Iterator[Message]:
    """Yield the mails that tell a successor what was decided."""
    for reader in holders(Role.GEMEENTEBEHEERDER, row.successor):
        yield _mail(APPROVED if row.until else REFUSED, row, ended, reader, "/opvolging")


def _mail(kind: str, row: Succession, ended: Gemeente, reader: Account, path: str, *, for_duo: bool = False) -> Message:
    return Message(
        kind=kind,
        channel=Channel.MAIL,
        key=f"{kind}:{row.id}:{reader.id}",
        to=reader.email,
        values={
            "name": reader.name,
            "ended": ended.name,
            "successor": names([row.successor])[row.successor],
            "last_day": datum(ended.valid_until),
            "until": datum(row.until),
            "url": settings.current().base_url + path,
        },
        for_duo=for_duo,
    )
