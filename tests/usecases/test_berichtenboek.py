"""The berichtenboek: asked for by a gemeente, handed out by DUO, opened by whom it is for, and told of when new."""

from datetime import timedelta
from email import message_from_bytes, policy
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from keyservice.accounts.models import Account
from keyservice.audit.models import AuditEvent
from keyservice.audit.queries import search
from keyservice.berichtenboek import queries, service, timers
from keyservice.berichtenboek.editions import CURRENT
from keyservice.berichtenboek.models import Copy, Supplier
from keyservice.berichtenboek.workflow import MOST_SUPPLIERS, OPEN, TABLE, Status, Step
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.kernel import clock
from keyservice.kernel.actor import ANONYMOUS
from keyservice.kernel.errors import Conflict, NotFound, Refused
from keyservice.kernel.text import ERASED
from keyservice.outbox.delivery import deliver_due
from keyservice.retention import service as retention
from tests.factories.aanvragen import actor
from tests.factories.berichtenboek import SUPPLIER, asked, change, copy, held, links, older
from tests.factories.people import mails, queued, race
from tests.factories.post import app_for_post
from tests.factories.trail import unexplained
from tests.fakes import Behaviour, mail_server

pytestmark = pytest.mark.usefixtures("context")


def codes(copy_id: UUID) -> list[str]:
    return [event.code for event in reversed(search()) if event.subject == str(copy_id)]


def all_copies() -> list[Copy]:
    db.session.expire_all()
    return list(db.session.scalars(select(Copy).order_by(Copy.leverancier)))


# Asking


def test_a_gemeente_asks_for_itself_and_its_supplier_in_one_go() -> None:
    service.ask(actor("anna"), [None, SUPPLIER])
    assert [(row.leverancier, row.mailbox, row.status) for row in all_copies()] in (
        [(None, None, Status.ASKED), (SUPPLIER.leverancier, SUPPLIER.mailbox, Status.ASKED)],
        [(SUPPLIER.leverancier, SUPPLIER.mailbox, Status.ASKED), (None, None, Status.ASKED)],
    )
    (told,) = queued("berichtenboek-gevraagd")
    assert told.values["receivers"] == f"de gemeente zelf\n{SUPPLIER.leverancier}"


def test_who_has_it_or_waits_for_it_does_not_ask_again() -> None:
    for receiver in (None, SUPPLIER):
        copy_id = asked(receiver)
        for _ in range(2):
            with pytest.raises(Conflict, match="asked-already"):
                service.ask(actor("gert"), [receiver])
            if copy(copy_id).status is Status.ASKED:
                service.hand_out(actor("rik"), copy_id)


def test_after_a_refusal_it_can_be_asked_again() -> None:
    copy_id = asked()
    service.refuse(actor("rik"), copy_id, "Wij kennen deze leverancier niet.")
    assert copy(asked()).status is Status.ASKED


def test_the_database_keeps_one_open_copy_per_receiver() -> None:
    first = copy(asked(None))
    with pytest.raises(IntegrityError), transaction() as session:
        session.add(
            Copy(
                id=UUID(int=1),
                gemeente=first.gemeente,
                asked_by=first.asked_by,
                asked_at=clock.now(),
                status=Status.ASKED,
                status_since=clock.now(),
            )
        )


def test_a_gemeente_asks_for_a_limited_number_of_suppliers() -> None:
    suppliers = [Supplier("Software", "Iemand", f"nummer{n}@leverancier.example") for n in range(MOST_SUPPLIERS + 1)]
    with pytest.raises(Conflict, match="too-many"):
        service.ask(actor("anna"), suppliers)
    assert all_copies() == [], "all or nothing"


# Handing out and refusing


def test_a_supplier_gets_a_link_and_the_gemeente_hears_of_it() -> None:
    copy_id = held()
    row = copy(copy_id)
    assert (row.status, row.decided_by, row.told_version) == (Status.HELD, person_id("rik"), CURRENT.number)
    assert mails("berichtenboek-link") == [SUPPLIER.mailbox]
    assert mails("berichtenboek-klaar") == ["anna@voorbeeldstad.example"]
    assert queries.by_link(links()[-1]).id == copy_id
    assert codes(copy_id) == ["berichtenboek:ask", "berichtenboek:hand-out"]


def test_a_gemeente_reads_behind_the_login_and_gets_no_link() -> None:
    row = copy(held(None))
    assert (row.status, row.token_digest, row.link_until) == (Status.HELD, None, None)
    assert mails("berichtenboek-klaar") == ["anna@voorbeeldstad.example"]
    assert links() == []


def test_a_refusal_carries_its_reason_to_the_gemeente() -> None:
    copy_id = asked()
    service.refuse(actor("rosa"), copy_id, "Wij kennen deze leverancier niet.")
    (told,) = queued("berichtenboek-geweigerd")
    assert told.values["text"] == "Wij kennen deze leverancier niet."
    assert copy(copy_id).status is Status.REFUSED


def test_i6_the_token_of_a_link_stands_in_no_row_and_no_event() -> None:
    held()
    token = links()[-1]
    for row in all_copies():
        assert token.encode() not in b"".join(str(value).encode() for value in vars(row).values())
    canonical = db.session.scalars(select(AuditEvent.canonical)).all()
    assert canonical
    assert all(token.encode() not in content for content in canonical)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("step", [Step.HAND_OUT, Step.REFUSE, Step.END])
def test_a_step_that_the_table_does_not_have_is_a_conflict_and_changes_nothing(status: Status, step: Step) -> None:
    copy_id = {
        Status.ASKED: asked,
        Status.HELD: held,
        Status.REFUSED: _refused,
        Status.WITHDRAWN: _withdrawn,
        Status.LAPSED: _lapsed,
        Status.ENDED: _ended,
    }[status]()
    acts = {
        Step.HAND_OUT: lambda: service.hand_out(actor("rik"), copy_id),
        Step.REFUSE: lambda: service.refuse(actor("rik"), copy_id, "Dat kan niet."),
        Step.END: lambda: service.stop(actor("rik"), copy_id),
    }
    before = len(codes(copy_id))
    if (status, step) in TABLE:
        acts[step]()
        assert copy(copy_id).status is TABLE[status, step]
        return
    with pytest.raises(Conflict, match="berichtenboek-not-now"):
        acts[step]()
    assert (copy(copy_id).status, len(codes(copy_id))) == (status, before)


def _refused() -> UUID:
    service.refuse(actor("rik"), copy_id := asked(), "Dat kan niet.")
    return copy_id


def _withdrawn() -> UUID:
    service.stop(actor("anna"), copy_id := asked())
    return copy_id


def _ended() -> UUID:
    service.stop(actor("rik"), copy_id := held())
    return copy_id


def _lapsed() -> UUID:
    copy_id = asked()
    change(copy_id, status_since=clock.now() - timedelta(days=61))
    timers.lapse()
    return copy_id


def test_two_relatiebeheerders_at_once_decide_once(app: Flask) -> None:
    copy_id = asked()
    rik, rosa = actor("rik"), actor("rosa")
    db.session.remove()
    ends = race(
        app,
        lambda: service.hand_out(rik, copy_id),
        lambda: service.refuse(rosa, copy_id, "Dat kan niet."),
    )
    assert ends[0] in {"berichtenboek-not-now", "changed-meanwhile"}
    assert ends[1] == "done"
    assert len(codes(copy_id)) == 2


# Links


def test_a_new_link_ends_the_old_one() -> None:
    copy_id = held()
    old = links()[-1]
    service.renew_link(actor("rik"), copy_id)
    assert queries.by_link(links()[-1]).id == copy_id
    assert links() != [old], "the mail that was not sent yet is taken back"
    with pytest.raises(NotFound):
        queries.by_link(old)


def test_a_link_works_for_thirty_days() -> None:
    held()
    token, start = links()[-1], clock.now()
    with time_machine.travel(start + timedelta(days=30, minutes=-1), tick=False):
        assert queries.by_link(token).leverancier
    with time_machine.travel(start + timedelta(days=30, minutes=1), tick=False), pytest.raises(NotFound):
        queries.by_link(token)


def test_a_link_that_ended_works_again_after_renewal_only() -> None:
    copy_id = held()
    with time_machine.travel(clock.now() + timedelta(days=40), tick=False):
        service.renew_link(actor("rosa"), copy_id)
        assert queries.by_link(links()[-1]).leverancier


@pytest.mark.parametrize("who", ["rik", "gert"])
def test_whoever_may_stop_a_copy_stops_its_link_at_once(who: str) -> None:
    copy_id = held()
    token = links()[-1]
    service.stop(actor(who), copy_id)
    with pytest.raises(NotFound):
        queries.by_link(token)
    assert links() == [], "a link that waits to be sent is taken back"
    assert mails("berichtenboek-beeindigd") == (["anna@voorbeeldstad.example"] if who == "rik" else [])


def test_there_is_no_link_of_a_gemeente_to_renew() -> None:
    with pytest.raises(Conflict, match="berichtenboek-not-now"):
        service.renew_link(actor("rik"), held(None))


# Opening


def test_opening_says_who_has_which_version() -> None:
    copy_id = held()
    service.open_by_link(ANONYMOUS, links()[-1])
    row = copy(copy_id)
    assert row.opened_version == CURRENT.number
    assert row.opened_at is not None
    assert codes(copy_id)[-1] == "berichtenboek:open"


def test_opening_often_within_an_hour_is_one_event() -> None:
    copy_id, start = held(), clock.now()
    for minutes in (0, 10, 59, 61):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            service.open_by_link(ANONYMOUS, links()[-1])
    assert codes(copy_id).count("berichtenboek:open") == 2


def test_a_gemeente_without_it_is_refused() -> None:
    asked(None)
    with pytest.raises(Refused, match="berichtenboek-not-held"):
        service.open_own(actor("anna"))


def test_a_copy_of_a_supplier_does_not_open_the_book_to_its_gemeente() -> None:
    held()
    with pytest.raises(Refused, match="berichtenboek-not-held"):
        service.open_own(actor("anna"))


# A new version


def test_every_holder_of_an_older_version_hears_of_the_new_one() -> None:
    own, supplier = held(None), held()
    waiting = asked(Supplier("Andere software", "Wim Wacht", "wim@leverancier.example"))
    first = links()[-1]
    older(own)
    older(supplier)
    timers.announce()
    assert mails("berichtenboek-nieuw") == ["anna@voorbeeldstad.example"]
    assert mails("berichtenboek-nieuw-link") == [SUPPLIER.mailbox]
    assert queries.by_link(links()[-1]).id == supplier
    with pytest.raises(NotFound):
        queries.by_link(first)
    assert codes(waiting) == ["berichtenboek:ask"]
    assert copy(own).told_version == copy(supplier).told_version == CURRENT.number


def test_a_version_is_told_once_per_holder_however_often_and_wherever_the_timer_runs(app: Flask) -> None:
    ids = [held(None), held()]
    for copy_id in ids:
        older(copy_id)
    db.session.remove()
    race(app, timers.announce, timers.announce)
    timers.announce()
    assert len(mails("berichtenboek-nieuw")) == len(mails("berichtenboek-nieuw-link")) == 1
    for copy_id in ids:
        assert codes(copy_id).count("berichtenboek:announce") == 1


def test_the_mail_tells_what_changed_since_the_version_that_the_holder_knows() -> None:
    copy_id = held(None)
    older(copy_id)
    timers.announce()
    (told,) = queued("berichtenboek-nieuw")
    assert told.values["changes"] == "\n".join(CURRENT.changes)


def test_a_program_put_back_to_an_older_version_tells_nobody_of_it() -> None:
    change(copy_id := held(), told_version=CURRENT.number + 1)
    timers.announce()
    assert "berichtenboek:announce" not in codes(copy_id)


def test_when_the_asker_left_the_gemeentebeheerders_hear_of_a_new_version() -> None:
    copy_id = held(None)
    older(copy_id)
    with transaction() as session:
        session.get_one(Account, person_id("anna")).active = False
    timers.announce()
    assert mails("berichtenboek-nieuw") == ["gert@voorbeeldstad.example"]


# Time


def test_i15_relatiebeheerders_are_reminded_after_two_and_five_working_days_each_time_once() -> None:
    copy_id = asked()
    since = copy(copy_id).status_since
    for days, count in ((0, 0), (2, 1), (2, 1), (5, 2), (30, 2)):
        with time_machine.travel(clock.add_working_days(since, days) + timedelta(minutes=1), tick=False):
            timers.remind()
        assert codes(copy_id).count("berichtenboek:remind") == count, days
    assert mails("berichtenboek-wacht") == sorted(["rik@duo.example", "rosa@duo.example"] * 2)


def test_i15_what_nobody_decides_lapses_after_60_days() -> None:
    copy_id = asked()
    for days, status in ((59, Status.ASKED), (61, Status.LAPSED)):
        with time_machine.travel(copy(copy_id).asked_at + timedelta(days=days), tick=False):
            timers.lapse()
        assert copy(copy_id).status is status
    assert mails("berichtenboek-beeindigd") == ["anna@voorbeeldstad.example"]


def test_i15_a_copy_of_a_supplier_ends_a_year_after_its_last_link() -> None:
    own, supplier = held(None), held()
    for days, status in ((394, Status.HELD), (396, Status.LAPSED)):
        with time_machine.travel(copy(own).asked_at + timedelta(days=days), tick=False):
            timers.lapse()
        assert copy(supplier).status is status
    assert copy(own).status is Status.HELD


# What holds always


def test_i9_a_copy_of_another_gemeente_is_not_found() -> None:
    for copy_id in (asked(), held(None)):
        with pytest.raises(NotFound):
            service.stop(actor("tom"), copy_id)
        with pytest.raises(NotFound):
            queries.copy_for(actor("tom"), copy_id)
    assert queries.of_gemeente("9999") == []


def test_i12_every_copy_is_what_its_events_led_to() -> None:
    held(None)
    service.open_own(actor("anna"))
    older_one = held()
    service.open_by_link(ANONYMOUS, links()[-1])
    service.renew_link(actor("rik"), older_one)
    service.stop(actor("rik"), older_one)
    for make in (_refused, _withdrawn, _lapsed):
        make()
    asked()
    # The lapsed one was made to look old past the program.
    names = [row for row in unexplained() if "status_since" not in row and "told_version" not in row]
    assert names == [], names


@pytest.mark.parametrize("column", ["mailbox", "told_version", "opened_version", "link_until", "status_since"])
def test_i12_a_copy_changed_past_the_program_shows(column: str) -> None:
    copy_id = held()
    service.open_by_link(ANONYMOUS, links()[-1])
    assert unexplained() == []
    new = {"mailbox": "boef@elders.example", "told_version": 99, "opened_version": 99}
    change(copy_id, **{column: new.get(column, clock.now() + timedelta(days=99))})
    assert len(unexplained()) == 1


def test_a_year_after_its_end_nobody_is_in_a_copy_any_more_and_its_events_still_explain_it(app: Flask) -> None:
    ended, refused, own = _ended(), _refused(), held(None)
    with time_machine.travel(clock.now() + timedelta(days=370), tick=False):
        retention.run()
        for copy_id in (ended, refused):
            row = copy(copy_id)
            assert {row.leverancier, row.name, row.mailbox} == {ERASED}
        assert copy(refused).refusal == ERASED
        assert copy(own).status is Status.HELD
        assert [row for row in unexplained() if "berichtenboek" in row] == []


def test_every_mail_arrives_in_words_and_only_that_of_the_supplier_has_the_link(context: Flask) -> None:
    behaviour = Behaviour()
    with mail_server(behaviour) as port, app_for_post(context, port):
        own, supplier = held(None), held()
        _refused_other()
        older(own)
        older(supplier)
        deliver_due()
        timers.announce()
        deliver_due()
        service.stop(actor("rik"), supplier)
        asked()
        with time_machine.travel(clock.now() + timedelta(days=10), tick=False):
            timers.remind()
            deliver_due()
    mails_ = [message_from_bytes(mail.content, policy=policy.default) for mail in behaviour.mails]
    seen: dict[str, set[str]] = {}
    for mail in mails_:
        for kind in ("plain", "html"):
            body = mail.get_body((kind,))
            assert body is not None
            text = body.get_content()
            assert ("/berichtenboek/link/" in text) is (mail["To"] == SUPPLIER.mailbox), mail["Subject"]
            assert "{" not in text.split("</style>")[-1]
            seen.setdefault(mail["Subject"], set()).add(mail["To"])
    gemeente, duo = {"anna@voorbeeldstad.example"}, {"rik@duo.example", "rosa@duo.example"}
    assert seen == {
        "Gemeente Voorbeeldstad vraagt het berichtenboek aan": {"rik@duo.example"},
        "Gemeente Voorbeeldstad wacht op het berichtenboek": duo,
        "Het berichtenboek staat voor u klaar": gemeente,
        "Uw leverancier krijgt het berichtenboek": gemeente,
        "U krijgt het berichtenboek niet": gemeente,
        f"Nieuwe versie van het berichtenboek: versie {CURRENT.number}": gemeente | {SUPPLIER.mailbox},
        "Het berichtenboek van de machinekoppeling": {SUPPLIER.mailbox},
        "De toegang tot het berichtenboek is gestopt": gemeente,
    }


def _refused_other() -> None:
    copy_id = asked(Supplier("Andere software", "Wim Wacht", "wim@leverancier.example"))
    service.refuse(actor("rik"), copy_id, "Dat kan niet.")


def test_every_open_state_has_a_way_out_by_a_person_and_by_time() -> None:
    for status in OPEN:
        steps = {step for seen, step in TABLE if seen is status}
        assert Step.LAPSE in steps
        assert steps - {Step.LAPSE}
