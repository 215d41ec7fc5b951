"""The dossier bundle: who gets what, that it proves itself, and that no word of DUO and no secret is in it."""

import json
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import delete, select, text, update

from keyservice import settings
from keyservice.aanvragen import review, service
from keyservice.aanvragen.models import Aanvraag
from keyservice.audit import sealer, verify
from keyservice.audit.checkpoint import control_line, sign
from keyservice.audit.models import AuditEvent, AuditLeaf, AuditPrivate
from keyservice.audit.proofs import confirmed
from keyservice.audit.queries import of_dossier, search
from keyservice.audit.sealer import RING, newest, seal
from keyservice.audit.tree import consistency_proof, leaf_hash, root_of
from keyservice.database import db, reading, transaction
from keyservice.demo.people import PEOPLE
from keyservice.issuance.models import Issuance
from keyservice.issuance.service import issue
from keyservice.kernel.errors import Conflict, NotFound, Refused
from keyservice.overview import bundle
from tests.factories.aanvragen import actor, ready
from tests.factories.issuance import approved, held
from tests.factories.pdfs import opened
from tests.factories.sealed import AT_HOME, MOTIVATION, NOTE, QUESTION, at_home, walked, with_triggers_off

pytestmark = pytest.mark.usefixtures("context")
OF_DUO = [person.name for person in PEOPLE if person.audience == "duo"]


@pytest.fixture
def dossier() -> UUID:
    """Return an aanvraag that got its key, with everything in the tree."""
    return walked()


def taken(login: str, aanvraag_id: UUID) -> dict[str, bytes]:
    files, damage = verify.unpack(bundle.take(actor(login), aanvraag_id)[1])
    assert damage == ""
    return files


def rows(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files[verify.EVENTS].splitlines()]


@pytest.mark.parametrize("login", ["anna", "gert", "ada"])
def test_a_bundle_proves_every_stored_event_of_its_dossier(dossier: UUID, login: str) -> None:
    files, point = taken(login, dossier), newest()
    query = select(AuditEvent.canonical).where(AuditEvent.dossier == dossier).order_by(AuditEvent.dossier_number)
    assert [row["event"].encode() for row in rows(files)] == list(db.session.scalars(query))
    problems, trees = verify.check(files)
    assert problems == []
    assert point
    assert trees[0][1:] == (point.size, point.root)
    assert len(trees) == 3, "the newest checkpoint, and for each event the first that covers it"


def test_the_same_dossier_in_the_same_tree_is_the_same_file(dossier: UUID) -> None:
    assert bundle.take(actor("anna"), dossier) == bundle.take(actor("anna"), dossier)


def test_it_is_a_plain_zip_that_any_program_opens_dated_as_all_others(dossier: UUID) -> None:
    name, data = bundle.take(actor("anna"), dossier)
    assert name == "dossier-AA-2026-00001.zip"
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert tuple(archive.namelist()) == verify.NAMES
        assert {(entry.flag_bits & 1, entry.date_time) for entry in archive.infolist()} == {(0, (1980, 1, 1, 0, 0, 0))}


def test_the_command_runs_without_any_package_from_the_folder_and_on_the_zip(dossier: UUID, tmp_path: Path) -> None:
    name, data = bundle.take(actor("anna"), dossier)
    outside, folder = tmp_path / name, tmp_path / "uitgepakt"
    outside.write_bytes(data)
    zipfile.ZipFile(outside).extractall(folder)
    point = newest()
    assert point
    line = control_line(point.size, point.root)

    def run(*arguments: str) -> tuple[int, str]:
        # -S and -I: no site-packages, no variables, nothing of the folder we stand in.
        command = [sys.executable, "-S", "-I", str(folder / "verify.py"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.stderr == ""
        return done.returncode, done.stdout

    code, said = run()
    assert (code, "Dossier AA-2026-00001: alles klopt. 12 gebeurtenissen" in said) == (0, True)
    assert run(str(outside)) == (code, said)
    assert run("--regel", line) == (0, said.rstrip("\n") + "\nDe controleregel klopt.\n")
    assert run("--regel", line[:-1] + ("a" if line[-1] != "a" else "b"))[0] == 1
    code, said = run("--regel", "7-abcdefghij234567abcd")
    assert (code, "http" in said.splitlines()[-1]) == (2, True)
    assert run("--sleutel", "duo.example+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[0] == 1
    (folder / "extra.txt").write_text("x")
    assert run() == (1, "Dit dossier klopt NIET.\n- extra.txt: dit bestand hoort er niet bij\n")


def test_i6_a_gemeente_reads_its_own_texts_and_those_written_for_it_and_none_of_duo(dossier: UUID) -> None:
    data = bundle.take(actor("anna"), dossier)[1]
    assert QUESTION.encode() in data
    for kept in (NOTE, MOTIVATION, AT_HOME, "Bladeraar", *OF_DUO):
        assert kept.encode() not in data, kept
    # The salts of what is kept are kept too: else a short text could be guessed.
    assert {name for row in rows(taken("anna", dossier)) for name in row["private"]} == {"question"}


def test_an_auditor_gets_every_text_with_its_salt(dossier: UUID) -> None:
    files = taken("ada", dossier)
    texts = {text["value"] for row in rows(files) for text in row["private"].values()}
    assert {QUESTION, NOTE, MOTIVATION, AT_HOME, "Bladeraar 7"} <= texts
    assert all(set(row["private"]) == set(json.loads(row["event"])["private"]) for row in rows(files))


def test_the_summary_names_people_of_the_gemeente_and_nobody_of_duo(dossier: UUID) -> None:
    aanvraag = db.session.get_one(Aanvraag, dossier)
    proven = bundle._proven(dossier)
    shown = json.dumps(bundle._summary(aanvraag, of_dossier(dossier), proven), ensure_ascii=False)
    assert "Uw relatiebeheerder" in shown
    assert "Anna Voorbeeld (aanvrager)" in shown
    assert QUESTION in shown
    for kept in (NOTE, MOTIVATION, AT_HOME, *OF_DUO):
        assert kept not in shown, kept


def test_the_summary_says_that_it_is_accessible_tagged_and_dutch(dossier: UUID) -> None:
    pdf = opened(taken("anna", dossier)["samenvatting.pdf"])
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    assert b"<pdfaid:part>2</pdfaid:part>" in pdf
    assert re.search(rb"/Lang ?\(nl", pdf)
    assert b"/Marked true" in pdf
    assert b"/TH" in pdf


@pytest.mark.parametrize("odd", ["Pakket 🗝️ voor 東京", 'Pakket #eval("1") *vet* $x$'])
def test_a_name_that_no_font_has_or_that_looks_like_markup_does_not_stop_it(odd: str, dossier: UUID) -> None:
    with transaction() as session:
        session.execute(update(Aanvraag).where(Aanvraag.id == dossier).values(pakket=odd))
    assert taken("anna", dossier)["samenvatting.pdf"].startswith(b"%PDF")


def test_i6_no_key_password_or_code_is_in_a_bundle() -> None:
    aanvraag_id = walked(activated=False)
    issuance_id = db.session.scalars(select(Issuance.id).where(Issuance.aanvraag_id == aanvraag_id)).one()
    secrets = held(issuance_id)
    seal()
    for login in ("anna", "ada"):
        data = bundle.take(actor(login), aanvraag_id)[1]
        for secret in (secrets.key.reveal(), secrets.password.reveal(), secrets.code, secrets.token.reveal()):
            assert secret.encode() not in data


def test_i9_another_gemeente_and_a_draft_are_not_found_and_other_roles_refused(dossier: UUID) -> None:
    for login, aanvraag_id in (("tom", dossier), ("anna", uuid4()), ("anna", service.start(actor("anna")))):
        with pytest.raises(NotFound):
            bundle.take(actor(login), aanvraag_id)
    for login in ("rik", "ben"):
        with pytest.raises(Refused):
            bundle.take(actor(login), dossier)
    assert search(code="audit:bundle") == []


def test_taking_a_bundle_is_an_event_beside_the_dossier(dossier: UUID) -> None:
    before = rows(taken("ada", dossier))
    (event,) = search(code="audit:bundle")
    point = newest()
    assert point
    assert (event.person, event.subject, event.gemeente) == (actor("ada").person, str(dossier), "9998")
    assert (event.dossier, event.fields) == (None, {"events": len(before), "checkpoint": point.size})
    seal()
    assert len(rows(taken("ada", dossier))) == len(before)


def test_what_is_not_in_the_tree_yet_is_left_out_and_the_summary_says_so(dossier: UUID) -> None:
    review.add_note(actor("rik"), dossier, "Nog niet verzegeld.")
    files = taken("ada", dossier)
    assert verify.check(files)[0] == []
    assert len(rows(files)) == 12
    shown = bundle._summary(db.session.get_one(Aanvraag, dossier), of_dossier(dossier), bundle._proven(dossier))
    assert (shown["count"], shown["unsealed"]) == (12, 1)
    seal()
    assert len(rows(taken("ada", dossier))) == 13


def test_a_dossier_of_which_nothing_is_in_the_tree_comes_later() -> None:
    settings.current().checkpoints.unlink(missing_ok=True)
    first, second = ready(), ready(pakket="Ander pakket")
    review.add_note(actor("rik"), first, "Nog niet verzegeld.")
    with pytest.raises(Conflict, match="dossier-not-sealed"):  # there is no checkpoint at all
        bundle.take(actor("anna"), first)
    seal()
    review.add_note(actor("rik"), second, "Nog niet verzegeld.")
    with pytest.raises(Conflict, match="dossier-not-sealed"):  # there is one of other events
        bundle.take(actor("anna"), second)
    assert search(code="audit:bundle") == []


def test_an_event_that_was_changed_in_the_database_is_named_by_its_bundle(dossier: UUID) -> None:
    tamper("UPDATE audit_event SET canonical = :other WHERE dossier = :dossier AND dossier_number = 3", dossier)
    problems, _trees = verify.check(taken("ada", dossier))
    assert [problem for problem in problems if problem.startswith("gebeurtenis ")] == [
        "gebeurtenis 3 (aanvraag:reject): de inhoud of de plaats staat zo niet in het logboek"
    ]


@pytest.mark.parametrize(
    "statement", ["DELETE FROM audit_leaf WHERE position = 1", "UPDATE audit_leaf SET hash = :other"]
)
def test_no_bundle_is_made_of_a_tree_that_does_not_lead_to_its_checkpoint(dossier: UUID, statement: str) -> None:
    tamper(statement, dossier)
    with pytest.raises(Conflict, match="trail-broken"):
        bundle.take(actor("ada"), dossier)


def tamper(statement: str, dossier: UUID) -> None:
    """Change what triggers protect, as who may change the schema can."""
    query = select(AuditEvent.canonical).where(AuditEvent.dossier == dossier, AuditEvent.dossier_number == 3)
    other = db.session.scalars(query).one().replace(b"aanvraag:ask", b"aanvraag:reject")
    with_triggers_off(("audit_event", "audit_leaf"))
    values = {"other": other, "dossier": dossier if db.engine.dialect.name == "postgresql" else dossier.hex}
    found = text(statement)
    db.session.execute(found, {name: value for name, value in values.items() if name in found.compile().params})
    db.session.commit()


def test_a_text_that_was_erased_is_missing_and_all_else_still_proven(dossier: UUID) -> None:
    with transaction() as session:
        session.execute(delete(AuditPrivate))
    files = taken("ada", dossier)
    assert verify.check(files)[0] == []
    assert not any(row["private"] for row in rows(files))


def test_checkpoints_of_a_key_that_no_longer_signs_are_proven_too(dossier: UUID) -> None:
    rings = settings.rings()
    kept = rings.path(RING).read_text()
    try:
        rings.add_key(RING)
        issue(at_home("rosa"), approved(pakket="Nog een pakket"))
        review.add_note(actor("rik"), dossier, "Met een nieuwe sleutel.")
        seal()
        files = taken("ada", dossier)
    finally:
        rings.path(RING).write_text(kept)
        rings._rings.pop(RING)
    assert verify.check(files)[0] == []
    assert files[verify.KEYS].count(b"\n") == 2


def test_the_line_of_every_checkpoint_is_confirmed_and_no_other(dossier: UUID) -> None:
    trees = verify.check(taken("anna", dossier))[1]
    for tree in trees:
        row = confirmed(control_line(tree.size, tree.root).upper())
        assert row
        assert row.size == tree.size
        assert confirmed(control_line(tree.size, bytes(32))) is None
        assert confirmed(control_line(tree.size + 1, tree.root)) is None
    assert confirmed(control_line(10**18 - 1, trees[0].root)) is None


def test_e_a_dossier_proves_that_it_is_of_the_history_of_another_moment_or_gemeente(
    dossier: UUID, tmp_path: Path
) -> None:
    other = ready(pakket="Een ander pakket")
    trees = []
    for note in ("Eerste", "Tweede"):
        review.add_note(actor("rik"), other, note)
        seal()
        files = taken("anna", dossier)
        trees.append(verify.check(files)[1][0])
    before, now = trees
    place, proof = tmp_path / "dossier.zip", tmp_path / "bewijs.jsonl"
    place.write_bytes(verify.pack(files))

    def said(tree: verify.Tree) -> tuple[int, str]:
        command = [sys.executable, "-I", verify.__file__, str(place), "--regel", control_line(tree.size, tree.root)]
        command += ["--bewijs", str(proof)] if proof.exists() else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines()[-1]

    code, told = said(before)
    assert (code, f"/controle/bewijs?van={before.size}&tot={now.size} " in told) == (2, True)
    proof.write_bytes(bundle.extension(before.size, now.size))
    assert said(before) == (0, "De controleregel klopt.")
    assert said(before._replace(root=bytes(32)))[0] == 1, "a second history that was shown to another gemeente"


def test_e_no_proof_leads_from_one_history_to_another(dossier: UUID) -> None:
    files = taken("ada", dossier)
    now = verify.check(files)[1][0]
    # Another tree of fewer leaves, signed with the right key: shown to somebody else, or before all was made anew.
    key = sealer._private(settings.rings().keys(RING)[0].key)
    other = sign(now.origin, 8, root_of([leaf_hash(str(number).encode()) for number in range(8)]), key)
    leaves = list(db.session.scalars(select(AuditLeaf.hash).order_by(AuditLeaf.position)))
    steps = consistency_proof(leaves[: now.size], 8)
    for proof in (steps, steps[1:], [], [root_of(leaves[:8]), *steps]):
        row = {"checkpoint": other.text, "proof": [step.hex() for step in proof]}
        assert verify.check(files, more=verify.canonical(row) + b"\n")[0]
    right = {"checkpoint": sign(now.origin, 8, root_of(leaves[:8]), key).text, "proof": [step.hex() for step in steps]}
    assert verify.check(files, more=verify.canonical(right) + b"\n")[0] == []


def test_a_proof_is_between_two_checkpoints_of_ours_the_earlier_one_first(dossier: UUID) -> None:
    newer, older = (tree.size for tree in verify.check(taken("anna", dossier))[1][:2])
    for sizes in ((newer, older), (newer, newer), (older, newer + 1), (older + 1, newer), (10**18 - 1, 10**18)):
        with pytest.raises(NotFound):
            bundle.extension(*sizes)
    tamper("UPDATE audit_leaf SET hash = :other", dossier)
    with pytest.raises(Conflict, match="trail-broken"):
        bundle.extension(older, newer)


def test_reading_for_long_keeps_no_writer_waiting_also_in_a_post(context: Flask, dossier: UUID) -> None:
    def write() -> None:
        with context.app_context():
            review.add_note(actor("rik"), dossier, "Tijdens het lezen.")
            db.session.remove()

    with context.test_request_context(method="POST"), reading(), ThreadPoolExecutor(1) as pool:
        before = len(of_dossier(dossier))
        pool.submit(write).result(timeout=5)
    assert len(of_dossier(dossier)) == before + 1


def test_an_act_cannot_be_half_read(dossier: UUID) -> None:
    with transaction(), pytest.raises(RuntimeError, match="inside"), reading():
        pass
