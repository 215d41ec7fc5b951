"""The dossier bundle: one zip with which anybody can check what happened with an aanvraag, without us (ADR 27)."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from flask import current_app, render_template

from keyservice import audit, settings
from keyservice.aanvragen.content import Section
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import aanvraag_for
from keyservice.aanvragen.summary import sections
from keyservice.aanvragen.words import STATUS
from keyservice.accounts.queries import names
from keyservice.accounts.words import ROLES
from keyservice.audit import proofs, sealer, verify
from keyservice.audit.checkpoint import control_line, verifier_key
from keyservice.audit.events import BUNDLE_TAKEN
from keyservice.audit.proofs import ProvenDossier, ProvenEvent
from keyservice.audit.queries import EventView
from keyservice.audit.queries import of_dossier as events_of
from keyservice.database import reading, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, NotFound
from keyservice.kernel.pdf import render_pdf
from keyservice.overview.timeline import acted_for, readable, text_for_gemeente
from keyservice.overview.words import ORIGIN, VISITOR
from keyservice.web.dates import datumtijd

CONTROL_PATH = "/controle"
FOLDER = "overview/dossierbundel"
VERIFIER = Path(verify.__file__).read_bytes()


def take(actor: Actor, aanvraag_id: UUID) -> tuple[str, bytes]:
    """Return the name and the bytes of the bundle of an aanvraag, and record that it went out.

    It holds what is in the tree: an act of the last minute may lack, and the summary says so. Raises Refused (role),
    NotFound (also for a draft), or Conflict when nothing of the dossier is in the tree yet or the tree is broken.
    """
    actor.require(Role.AANVRAGER, Role.GEMEENTEBEHEERDER, Role.AUDITOR)
    with reading():
        aanvraag = aanvraag_for(actor, aanvraag_id)
        if aanvraag.number is None:
            raise NotFound("aanvraag")
        proven = _proven(aanvraag.id)
        data = verify.pack(_files(actor, aanvraag, proven))
        name, gemeente, size = f"dossier-{aanvraag.number}.zip", aanvraag.gemeente, proven.checkpoint.size
    with transaction():
        audit.record(
            BUNDLE_TAKEN, actor, subject=aanvraag_id, gemeente=gemeente, events=len(proven.events), checkpoint=size
        )
    return name, data


def public_keys() -> str:
    """Return the public keys that sign or have signed, newest first, one a line."""
    return "".join(f"{verifier_key(sealer.origin(), key)}\n" for key in sealer.public_keys())


def extension(old_size: int, size: int) -> bytes:
    """Return the line that proves to `verify.py --bewijs` that a later checkpoint only added to an earlier one.

    Raises NotFound when one of them is not ours, and Conflict when the tree is broken.
    """
    with _whole_tree():
        found = proofs.extension(old_size, size)
    if found is None:
        raise NotFound("page")
    return _json_lines([_older_line(*found)])


@contextmanager
def _whole_tree() -> Iterator[None]:
    try:
        yield
    except sealer.TrailBroken as error:
        current_app.logger.error("no proof: %s", error)  # noqa: TRY400 - where it was found says nothing
        raise Conflict("trail-broken") from error


def _proven(dossier: UUID) -> ProvenDossier:
    with _whole_tree():
        found = proofs.of_dossier(dossier)
    if found is None:
        raise Conflict("dossier-not-sealed")
    return found


def _files(actor: Actor, aanvraag: Aanvraag, proven: ProvenDossier) -> dict[str, bytes]:
    events, point = events_of(aanvraag.id), proven.checkpoint
    known = {
        "number": aanvraag.number,
        "page": f"{settings.current().base_url}{CONTROL_PATH}",
        "control_line": control_line(point.size, point.root),
    }
    summary = known | _summary(aanvraag, events, proven)
    lines = [
        _line(event, _private(actor, aanvraag.gemeente, view, event))
        for view, event in zip(events, proven.events, strict=False)
    ]
    older = [_older_line(text, proof) for text, proof in proven.older]
    files = {
        "LEESMIJ.txt": render_template(f"{FOLDER}/LEESMIJ.txt", **known).encode(),
        "samenvatting.pdf": render_pdf(Path(str(current_app.template_folder)) / FOLDER / "samenvatting.typ", summary),
        verify.EVENTS: _json_lines(lines),
        verify.CHECKPOINT: point.text.encode(),
        verify.OLDER: _json_lines(older),
        verify.KEYS: public_keys().encode(),
        "verify.py": VERIFIER,
    }
    return {**files, verify.CONTENTS: _contents(str(aanvraag.number), files)}


def _contents(number: str, files: Mapping[str, bytes]) -> bytes:
    """Return the signed list of files. Its first line is no origin: it can never pass for a checkpoint."""
    lines = [f"Dossier {number}", *(f"{hashlib.sha256(data).hexdigest()}  {name}" for name, data in files.items())]
    return sealer.signed_note("".join(f"{line}\n" for line in lines)).encode()


def _json_lines(values: Sequence[object]) -> bytes:
    return b"".join(verify.canonical(value) + b"\n" for value in values)


def _older_line(checkpoint: str, proof: Sequence[bytes]) -> object:
    return {"checkpoint": checkpoint, "proof": [step.hex() for step in proof]}


def _line(event: ProvenEvent, private: Mapping[str, tuple[bytes, str]]) -> object:
    """Return what stands in the line of one event."""
    return {
        "event": event.canonical.decode(),
        "position": event.position,
        "proof": [step.hex() for step in event.proof],
        "private": {name: {"salt": salt.hex(), "value": value} for name, (salt, value) in private.items()},
    }


def _private(actor: Actor, gemeente: str, view: EventView, event: ProvenEvent) -> Mapping[str, tuple[bytes, str]]:
    """Return the private texts that a reader may have; of all others the event holds a salted hash only."""
    if actor.has(Role.AUDITOR):
        return event.private
    return {name: text for name, text in event.private.items() if name in readable(view, gemeente)}


def _summary(aanvraag: Aanvraag, events: Sequence[EventView], proven: ProvenDossier) -> dict[str, object]:
    """Return what the summary shows, the same to every reader: the gemeente by name, DUO by role."""
    at, told = clock.local(proven.checkpoint.at), events[: len(proven.events)]
    people = names(event.person for event in told)
    asked = [rows for section, rows in sections(aanvraag).items() if section is not Section.CONTACTPERSONEN]
    return {
        "gemeente": f"{aanvraag.gemeente_name} ({aanvraag.gemeente})",
        "status": STATUS[aanvraag.status][0],
        "day": {"year": at.year, "month": at.month, "day": at.day},
        "asked": [[label, value] for rows in asked for label, value in rows if value],
        "events": [_told(event, aanvraag.gemeente, people) for event in told],
        "count": len(told),
        "unsealed": len(events) - len(told),
        "size": proven.checkpoint.size,
        "checkpoint_at": datumtijd(proven.checkpoint.at),
    }


def _told(event: EventView, gemeente: str, people: Mapping[UUID, str]) -> list[str]:
    what = " ".join(filter(None, (event.sentence, text_for_gemeente(event))))
    return [str(event.number), datumtijd(event.at), what, _who(event, gemeente, people)]


def _who(event: EventView, gemeente: str, people: Mapping[UUID, str]) -> str:
    if event.person is None:
        return ORIGIN.get(event.origin, VISITOR)
    roles = ", ".join(ROLES[role] for role in Role if role in event.roles)
    if acted_for(event, gemeente):
        return f"{people.get(event.person, 'Onbekend')} ({roles})"
    return "Uw relatiebeheerder" if Role.RELATIEBEHEERDER in event.roles else f"Medewerker van DUO ({roles})"
