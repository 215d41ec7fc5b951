"""The mails about the berichtenboek, as values. A gemeente reads "uw relatiebeheerder", never a name."""

from collections.abc import Iterator, Sequence

from keyservice import settings
from keyservice.accounts.models import Account
from keyservice.accounts.queries import account, holders, responsible, valid_grants
from keyservice.berichtenboek.editions import CURRENT, changes_since
from keyservice.berichtenboek.models import Copy
from keyservice.berichtenboek.workflow import Status
from keyservice.gemeenten.queries import names
from keyservice.kernel.actor import Role
from keyservice.kernel.secret import Secret
from keyservice.outbox.message import Message
from keyservice.outbox.models import Channel
from keyservice.web.dates import datumtijd

PATH, LINK_PATH, DUO_PATH = "/berichtenboek", "/berichtenboek/link/", "/berichtenboeken"
_ASKERS = frozenset({Role.AANVRAGER, Role.GEMEENTEBEHEERDER})


def link_prefix(copy: Copy) -> str:
    """Return how the keys of all mails with a link to a copy start."""
    return f"berichtenboek-link:{copy.id}:"


def asked(copies: Sequence[Copy]) -> Iterator[Message]:
    """Tell who looks after a gemeente that it asks for the berichtenboek: one mail, also for several receivers."""
    for reader in responsible(copies[0].gemeente):
        yield _to_duo("berichtenboek-gevraagd", f"berichtenboek-asked:{copies[0].id}", copies, reader)


def waits(copy: Copy, reminder: int) -> Iterator[Message]:
    """Remind every relatiebeheerder of somebody who waits."""
    for reader in holders(Role.RELATIEBEHEERDER):
        yield _to_duo("berichtenboek-wacht", f"berichtenboek-waits:{copy.id}:{reminder}", [copy], reader)


def handed_out(copy: Copy, token: str) -> Iterator[Message]:
    """Tell the gemeente that a copy is handed out, and send a supplier the link."""
    yield from _to_gemeente("berichtenboek-klaar", copy)
    if copy.leverancier:
        yield link(copy, token)


def refused(copy: Copy) -> Iterator[Message]:
    """Tell the gemeente that a copy is not handed out, and why."""
    yield from _to_gemeente("berichtenboek-geweigerd", copy, text=copy.refusal or "")


def ended(copy: Copy) -> Iterator[Message]:
    """Tell the gemeente that a copy ended, or that its request lapsed."""
    yield from _to_gemeente("berichtenboek-beeindigd", copy, lapsed="ja" if copy.status is Status.LAPSED else "")


def announced(copy: Copy, told: int, token: str) -> Iterator[Message]:
    """Tell the holder of the newest version, with what changed since the one that he was told of."""
    changes = "\n".join(changes_since(told))
    if copy.leverancier:
        yield _with_link("berichtenboek-nieuw-link", copy, token, changes=changes)
    else:
        yield from _to_gemeente("berichtenboek-nieuw", copy, version=str(CURRENT.number), changes=changes)


def link(copy: Copy, token: str) -> Message:
    """Return the mail to a supplier with the link."""
    return _with_link("berichtenboek-link", copy, token)


def _with_link(kind: str, copy: Copy, token: str, **values: str) -> Message:
    return Message(
        kind=kind,
        channel=Channel.MAIL,
        key=f"{link_prefix(copy)}{(copy.token_digest or b'').hex()}",
        to=copy.mailbox or "",
        values={
            "name": copy.name or "",
            "gemeente": _name(copy),
            "version": str(CURRENT.number),
            "until": datumtijd(copy.link_until),
            "url": Secret(f"{settings.current().base_url}{LINK_PATH}{token}"),
            **values,
        },
    )


def _to_gemeente(kind: str, copy: Copy, **values: str) -> Iterator[Message]:
    for reader in _readers(copy):
        yield Message(
            kind=kind,
            channel=Channel.MAIL,
            # A copy takes each step once, and hears of each version once.
            key=f"{kind}:{copy.id}:{values.get('version', '')}:{reader.id}",
            to=reader.email,
            values={
                "name": reader.name,
                "leverancier": copy.leverancier or "",
                "url": settings.current().base_url + PATH,
                **values,
            },
        )


def _readers(copy: Copy) -> Sequence[Account]:
    """Return who hears of a copy: who asked for it or, when that person left, the gemeentebeheerders."""
    asker = account(copy.asked_by)
    roles = {grant.role for grant in valid_grants(copy.asked_by) if grant.gemeente == copy.gemeente}
    if asker and asker.active and roles & _ASKERS:
        return [asker]
    return holders(Role.GEMEENTEBEHEERDER, copy.gemeente)


def _to_duo(kind: str, key: str, copies: Sequence[Copy], reader: Account) -> Message:
    return Message(
        kind=kind,
        channel=Channel.MAIL,
        key=f"{key}:{reader.id}",
        to=reader.email,
        for_duo=True,
        values={
            "name": reader.name,
            "gemeente": _name(copies[0]),
            "receivers": "\n".join(copy.leverancier or "de gemeente zelf" for copy in copies),
            "url": settings.current().base_url + DUO_PATH,
        },
    )


def _name(copy: Copy) -> str:
    return names([copy.gemeente]).get(copy.gemeente, copy.gemeente)
