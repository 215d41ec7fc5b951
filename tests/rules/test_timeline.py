"""What a gemeente reads: what happened, what is yet to come, what it has to do now."""

from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from keyservice.aanvragen.workflow import OPEN, Status
from keyservice.audit.queries import EventView
from keyservice.issuance.models import End
from keyservice.overview.timeline import ROAD, Handover, happened, readable, to_come
from keyservice.overview.todo import Act, todo

ANNA, RIK, TOM = UUID(int=1), UUID(int=2), UUID(int=3)
NAMES = {ANNA: "Anna Voorbeeld", RIK: "Rik Fictief", TOM: "Tom Testdorp"}
LACKS = ("key-address", "key-vouched", "password-address", "password-vouched", "password-confirmed", "not-independent")


def event(code: str, person: UUID | None = None, role: str = "relatiebeheerder", **more: object) -> EventView:
    values: dict[str, Any] = {
        "row": 1,
        "id": UUID(int=8),
        "at": datetime(2026, 11, 23, 13, 5, tzinfo=UTC),
        "code": code,
        "sentence": f"Zin van {code}.",
        "person": person,
        "roles": (role,),
        "gemeente": "9998",
        "origin": "web",
        "dossier": UUID(int=9),
        "number": 1,
        "subject": None,
        "result": "ok",
        "fields": {},
        "private": {},
    }
    return EventView(**values | more)


def shown(*events: EventView) -> str:
    return repr(happened(events, "9998", NAMES))


def test_a_colleague_is_named() -> None:
    assert "Anna Voorbeeld" in shown(event("aanvraag:submit", ANNA, "aanvrager"))


@pytest.mark.parametrize(
    ("code", "role", "gemeente", "may_read"),
    [
        ("contact:propose", "aanvrager", "9998", {"name", "email"}),  # its own people wrote it
        ("contact:propose", "aanvrager", "9999", set()),
        ("aanvraag:approve", "relatiebeheerder", "9998", set()),
        ("aanvraag:ask", "relatiebeheerder", None, {"question"}),  # DUO wrote it for the gemeente
        ("aanvraag:reject", "relatiebeheerder", "9998", {"reason"}),
        ("issuance:cancel", "relatiebeheerder", "9998", set()),
        ("issuance:cancel", "aanvrager", "9998", {"name", "email", "reason", "question", "motivation"}),
    ],
)
def test_a_gemeente_reads_its_own_texts_and_those_written_for_it(
    code: str, role: str, gemeente: str | None, may_read: set[str]
) -> None:
    texts = dict.fromkeys(("name", "email", "question", "reason", "motivation", "source", "agent"), "tekst")
    found = readable(event(code, ANNA, role, gemeente=gemeente, private=texts), "9998")
    assert not found & {"source", "agent"}, "nobody's text"
    assert found & may_read == may_read
    if not may_read or role == "relatiebeheerder":
        assert found == may_read


def test_people_of_duo_are_never_named() -> None:
    assert "Rik" not in shown(event("aanvraag:approve", RIK))


def test_somebody_who_acted_for_another_gemeente_is_not_named() -> None:
    assert "Tom" not in shown(event("aanvraag:save", TOM, "aanvrager", gemeente="9999"))


def test_what_stays_inside_duo_is_not_shown() -> None:
    assert happened([event(c) for c in ("aanvraag:note", "message:fail", "access:refuse")], "9998", NAMES) == []


def test_only_text_that_was_written_for_the_gemeente_is_shown() -> None:
    question = event("aanvraag:ask", RIK, private={"question": "Welke versie?", "agent": "Firefox"})
    motivation = event("aanvraag:approve", RIK, private={"motivation": "Ken ik van vroeger"})
    assert "Welke versie?" in shown(question)
    assert "Firefox" not in shown(question)
    assert "vroeger" not in shown(motivation)


def test_a_repeated_act_stands_there_once_with_its_last_moment() -> None:
    first = event("aanvraag:save", ANNA, "aanvrager")
    last = event("aanvraag:save", ANNA, "aanvrager", at=datetime(2026, 11, 24, tzinfo=UTC))
    other = event("aanvraag:submit", ANNA, "aanvrager")
    assert [moment.at for moment in happened([first, last, other], "9998", NAMES)] == [last.at, other.at]


def test_one_act_is_one_line_however_many_events_it_has() -> None:
    issue, activate = ("sleutel:make", "issuance:start", "aanvraag:issue"), ("sleutel:activate", "issuance:finish")
    for codes, told in ((issue, "issuance:start"), (activate, "sleutel:activate")):
        moments = happened([event(code) for code in codes], "9998", NAMES)
        assert [moment.title for moment in moments] == [f"Zin van {told}."]


@pytest.mark.parametrize(
    ("status", "handover", "left"),
    [
        (Status.DRAFT, None, 6),
        (Status.SUBMITTED, None, 5),
        (Status.IN_REVIEW, None, 5),
        (Status.INFO_REQUESTED, None, 5),
        (Status.APPROVED, None, 4),
        (Status.ISSUED, Handover(received=False, password_sent=False, end=None), 3),
        (Status.ISSUED, Handover(received=True, password_sent=False, end=None), 2),
        (Status.ISSUED, Handover(received=True, password_sent=True, end=None), 1),
        (Status.ISSUED, Handover(received=True, password_sent=True, end=End.DONE), 0),
        (Status.ISSUED, Handover(received=False, password_sent=False, end=End.LAPSED), 0),
        (Status.REJECTED, None, 0),
        (Status.WITHDRAWN, None, 0),
        (Status.LAPSED, None, 0),
    ],
)
def test_what_is_yet_to_come_is_the_rest_of_the_road(status: Status, handover: Handover | None, left: int) -> None:
    moments = to_come(status, handover)
    assert [moment.title for moment in moments] == list(ROAD[len(ROAD) - left :])
    assert {moment.tone for moment in moments} <= {"inactive"}


@pytest.mark.parametrize("status", Status)
def test_i15_every_state_says_what_to_do(status: Status) -> None:
    ends = (None, *End)
    handovers = [Handover(r, p, e) for r, p, e in product((False, True), (False, True), ends) if r or not p]
    for missing, handover in product(((), *((code,) for code in LACKS), LACKS), (None, *handovers)):
        box = todo(status, missing=missing, question="Welke?", rejection="Dubbel.", handover=handover)
        assert box.title
        assert box.text


def test_contacts_come_first_while_the_gemeente_can_mend_them() -> None:
    box = todo(Status.IN_REVIEW, missing=("key-address", "password-vouched"))
    assert box.acts == (Act.CONTACTS,)
    assert len(box.points) == 1


def test_when_only_the_call_lacks_the_gemeente_waits() -> None:
    box = todo(Status.IN_REVIEW, missing=("password-vouched",))
    assert box.acts == ()
    assert "belt" in box.text


def test_the_question_stands_in_the_box_with_a_way_to_answer() -> None:
    box = todo(Status.INFO_REQUESTED, question="Welke versie?")
    assert box.text == "Welke versie?"
    assert box.acts == (Act.EDIT, Act.RESUBMIT)


def test_activating_is_asked_only_after_the_password_went() -> None:
    before = todo(Status.ISSUED, handover=Handover(received=True, password_sent=False, end=None))
    after = todo(Status.ISSUED, handover=Handover(received=True, password_sent=True, end=None))
    assert Act.ACTIVATE not in before.acts
    assert after.acts == (Act.ACTIVATE,)


def test_who_must_log_in_for_zip_or_password_is_not_sent_to_a_mail() -> None:
    zip_waits = Handover(received=False, password_sent=False, end=None, zip_by_login=True)
    password_waits = Handover(received=True, password_sent=False, end=None, password_by_login=True)
    for handover, title in ((zip_waits, "Haal het zipbestand op"), (password_waits, "Het wachtwoord staat klaar")):
        box = todo(Status.ISSUED, handover=handover)
        assert (box.title, box.tone) == (title, "warning")
        assert "logt in" in box.text
        assert "e-mail" not in box.text


def test_nobody_is_told_to_wait_in_a_state_that_has_ended() -> None:
    for status in set(Status) - OPEN - {Status.DRAFT, Status.ISSUED}:
        assert todo(status, rejection="Dubbel.").acts == (Act.START,)
