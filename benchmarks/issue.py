"""Row `issue`: a key end to end (approve, zip, queue, mails accepted, events), one by one and in a wave of 50."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from uuid import UUID

from flask import Flask
from sqlalchemy import select

from benchmarks import harness, naive
from benchmarks.floor import Example, Floor, Statement, writes
from benchmarks.harness import Case
from benchmarks.mail import RawMail, as_shipped
from benchmarks.report import Figure, figure
from benchmarks.stage import databases, stage
from keyservice import settings
from keyservice.aanvragen import review
from keyservice.aanvragen.workflow import Step
from keyservice.accounts.models import Account
from keyservice.audit.sealer import seal
from keyservice.database import db
from keyservice.issuance import service
from keyservice.kernel.actor import Actor
from keyservice.kernel.seal import Place
from keyservice.outbox.channels.mail import MailProvider
from keyservice.outbox.delivery import deliver_due
from keyservice.outbox.message import decode
from keyservice.outbox.models import OutboxMessage
from keyservice.outbox.service import RING, TABLE
from tests.factories import aanvragen as factory
from tests.factories.post import LINE

WAVE = 50
WAVE_ROUNDS = 9
ONE_SECONDS = 0.06
HOW = (
    "approve, issue and both mails accepted, each act in a transaction of its own; client CPU only; the floor replays "
    "the same rows on the driver, with KDF, AES, seals, hashes and one raw socket; the naive build is ORM rows, "
    "pyzipper and Flask-Mail as documented"
)
MOTIVATION = "Gebeld en alles klopt."


def run(
    kinds: Sequence[str] = (), rounds: int = harness.ROUNDS, wave_rounds: int = WAVE_ROUNDS, wave: int = WAVE
) -> list[Figure]:
    """Measure on these kinds of database (default: every kind that is here)."""
    figures: list[Figure] = []
    for database in kinds or databases():
        with stage(database) as app, builds(app) as found:
            one = {name: build.one_by_one() for name, build in found.items()}
            samples = harness.measure(one, rounds=rounds, slice_seconds=ONE_SECONDS)
            figures += _figures(samples, database, "one by one", 2.4, 1 / 2)
            many = {name: build.in_waves(wave) for name, build in found.items()}
            samples = harness.measure(many, rounds=wave_rounds, slice_seconds=0)
            figures += _figures(samples, database, f"wave of {wave}", 1.8, 1 / 4.5)
    return figures


def _figures(samples: harness.Samples, database: str, way: str, floor: float, naive_part: float) -> list[Figure]:
    renamed = {f"{name}, {database}, {way}": one for name, one in samples.items()}
    ours, least, first = renamed
    return [figure(renamed, ours, least, floor, HOW), figure(renamed, ours, first, naive_part, HOW)]


@dataclass(frozen=True)
class Build:
    """One way to issue keys for aanvragen that `ready` puts under review."""

    many: Callable[[Sequence[UUID]], object]
    ready: Callable[[int], list[UUID]]

    def one_by_one(self) -> Case:
        """Return the issuing of one key at a time."""
        return Case(lambda aanvraag: self.many([aanvraag]), self.ready)

    def in_waves(self, size: int) -> Case:
        """Return the issuing of many keys at a time."""
        return Case(self.many, lambda calls: [self.ready(size) for _ in range(calls)], operations=size)


@contextmanager
def builds(app: Flask) -> Iterator[dict[str, Build]]:
    """Give the program, the floor and the naive build on one database."""
    numbers = count()

    def ready(wanted: int) -> list[UUID]:
        with app.app_context():
            made = [_under_review(f"Pakket {next(numbers)}") for _ in range(wanted)]
            seal()  # so that each build seals the events of its own acts
            return made

    with app.app_context(), RawMail(settings.current().mail_port) as mail:
        actors = factory.actor("rik"), factory.actor("rosa")
        db.session.remove()  # a session that has read would keep SQLite from ever emptying its log
        program = Ours(app, *actors)
        warm, recorded = ready(2)
        program.issue([warm])
        with closing(Floor(program.example(recorded), mail)) as floor:
            yield {
                "program": Build(program.issue, ready),
                "floor": Build(floor.issue, ready),
                "naive": Build(Naive(app, *actors).issue, ready),
            }


def _under_review(pakket: str) -> UUID:
    aanvraag = factory.ready("productie", pakket)
    review.take_step(factory.actor("rik"), aanvraag, Step.TAKE_UP)
    return aanvraag


class Ours:
    """The program: its use cases, each in a context of its own as a request has it, and its worker."""

    def __init__(self, app: Flask, approver: Actor, issuer: Actor) -> None:
        """Take the application and two relatiebeheerders."""
        self._app, self._approver, self._issuer = app, approver, issuer

    def issue(self, aanvragen: Sequence[UUID]) -> None:
        """Approve each aanvraag, issue its key, send all mails."""
        for aanvraag in aanvragen:
            self.approve(aanvraag)
        for aanvraag in aanvragen:
            self.hand_out(aanvraag)
        while self.deliver():
            pass

    def approve(self, aanvraag: UUID) -> None:
        """Approve one aanvraag."""
        with self._app.app_context():
            review.approve(self._approver, aanvraag, MOTIVATION)

    def hand_out(self, aanvraag: UUID) -> None:
        """Issue the key of one aanvraag."""
        with self._app.app_context():
            service.issue(self._issuer, aanvraag)

    def deliver(self) -> int:
        """Send a batch."""
        with self._app.app_context():
            return deliver_due()

    def example(self, aanvraag: UUID) -> Example:
        """Issue one key and return what was written and sent on the way."""
        with self._app.app_context():
            kept = {form for account in db.session.scalars(select(Account.id)) for form in (account, account.hex)}
        with writes(kept) as approve:
            self.approve(aanvraag)
        with writes(kept) as issue:
            self.hand_out(aanvraag)
        with self._app.app_context():
            query = select(OutboxMessage).where(OutboxMessage.dossier == aanvraag).order_by(OutboxMessage.due_at)
            mails = [self._final(row) for row in db.session.scalars(query)]
            seal()  # not replayed: the floor signs a tree of its own
        with writes(kept) as deliver:
            self.deliver()
        sent = [one for one in deliver if _marks_sent(one)]
        claim = [one for one in deliver if not _marks_sent(one)]
        half = len(sent) // len(mails)
        return Example(
            aanvraag, approve, issue, claim, [sent[n * half : (n + 1) * half] for n in range(len(mails))], mails
        )

    def _final(self, row: OutboxMessage) -> bytes:
        packed = settings.rings().unseal(RING, row.content or b"", Place(TABLE, "content", row.id))
        return MailProvider().render(row, decode(packed), LINE)


def _marks_sent(statement: Statement) -> bool:
    return statement.text.startswith("INSERT") or "sent_at" in statement.text


class Naive:
    """The naive build, likewise."""

    def __init__(self, app: Flask, approver: Actor, issuer: Actor) -> None:
        """Take the application and two relatiebeheerders."""
        self._app, self._approver, self._issuer, self._mail = app, approver, issuer, as_shipped()

    def issue(self, aanvragen: Sequence[UUID]) -> None:
        """Approve each aanvraag, issue its key, send all mails."""
        for aanvraag in aanvragen:
            with self._app.app_context():
                naive.approve(self._approver, aanvraag, MOTIVATION)
        for aanvraag in aanvragen:
            with self._app.app_context():
                naive.issue(self._issuer, aanvraag)
        with self._app.app_context():
            while naive.deliver(self._mail):
                pass
