"""docs/events.md is made from the catalogue: `.venv/bin/python -m tests.meta.test_events_documented` writes it anew."""

from importlib import import_module
from pathlib import Path

import keyservice
from keyservice.audit import EventType, catalogue
from keyservice.overview.event_fields import FIELDS
from keyservice.overview.event_words import SUBJECTS

PACKAGE = Path(keyservice.__file__).parent
DOCUMENT = PACKAGE.parent / "docs" / "events.md"
HEAD = """\
# Events

The closed catalogue of the audit trail. Made from the code: do not edit, but run
`.venv/bin/python -m tests.meta.test_events_documented`.

A code is `subject:action`; it is never renamed or used again. Every event has, beside the fields below: version, id,
moment (UTC), person, roles, gemeente acted for, origin (web, cli, worker or api), dossier and the number in it, the
subject acted on, and the result (ok, refused or failed). *Fields* stand in the event for ever. *Erasable* ones (free
text, names, addresses), and the network address and browser of the person, stand apart; the event holds only a salted
SHA-256 of each, and the salt is erased with the text. The sentence is what a page shows, in Dutch, also to a gemeente.

| code | sentence | fields | erasable |
|---|---|---|---|
"""


def events() -> list[EventType]:
    """Return the events of all slices; other tests define some of the subject `test`."""
    for path in sorted(PACKAGE.glob("*/events.py")):
        import_module(f"keyservice.{path.parent.name}.events")
    return [event for code, event in sorted(catalogue().items()) if not code.startswith("test:")]


def render() -> str:
    """Return the document."""
    return HEAD + "".join(f"{_row(event)}\n" for event in events())


def _row(event: EventType) -> str:
    fields, private = (" ".join(sorted(names)) for names in (event.fields, event.private))
    return f"| `{event.code}` | {event.sentence} | {fields} | {private} |".replace("  |", " |")


def test_docs_events_lists_exactly_the_events_of_the_catalogue() -> None:
    assert DOCUMENT.read_text("utf-8") == render(), "renew docs/events.md: its first lines say how"


def test_every_subject_and_field_has_a_dutch_name_on_pages_and_nothing_else() -> None:
    assert {event.code.partition(":")[0] for event in events()} == set(SUBJECTS)
    assert {name for event in events() for name in event.fields | event.private} | {"agent"} == set(FIELDS)


if __name__ == "__main__":
    DOCUMENT.write_text(render(), "utf-8")
