"""Whoever adds an event says what it does to stored rows (I12): a handler of the replay, or that it does nothing."""

from keyservice.integrity.replay import HANDLERS, WITHOUT_FACTS
from tests.meta.test_events_documented import render


def test_i12_every_event_is_replayed_or_known_to_change_nothing() -> None:
    render()  # loads the events of all slices
    from keyservice.audit import catalogue  # noqa: PLC0415 - after that

    known = {event.code for event in (*HANDLERS, *WITHOUT_FACTS)}
    events = {code for code in catalogue() if not code.startswith("test:")}
    assert events - known == set(), "say in keyservice/integrity what they do"
    assert len(HANDLERS) + len(WITHOUT_FACTS) == len(known)
