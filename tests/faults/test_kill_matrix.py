"""I1-I7, I12-I16 after a kill anywhere: 3 seeds of the kill matrix, and proof that its judge is no yes-man."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from keyservice.aanvragen.models import Aanvraag
from keyservice.database import db
from keyservice.demo.mailbox import DemoMailServer
from tests.conftest import BACKENDS
from tests.faults.kill.checks import Scene, broken, secrets
from tests.faults.kill.roads import ROADS, walk
from tests.faults.kill.world import World

SEEDS = 3
ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", BACKENDS)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_i1_to_i7_and_i12_to_i16_hold_after_a_kill_anywhere(kind: str, seed: int) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.faults",
        "--database",
        kind,
        "--seeds=1",
        f"--first-seed={seed}",
        "--rounds=0",
    ]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ))
    last = outcome.stdout.rstrip().rpartition("\n")[2]
    assert re.fullmatch(r"\d+ points, \d+ runs, 0 broken", last), outcome.stdout + outcome.stderr
    assert outcome.returncode == 0, "fewer points than promised"


@pytest.fixture
def scene(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Give a road that was walked to its end without a crash."""
    world = World(tmp_path, app.extensions["keyservice.settings"].instance)
    with DemoMailServer(tmp_path) as server:
        conf = app.extensions["keyservice.settings"]
        monkeypatch.setitem(
            app.extensions, "keyservice.settings", replace(conf, mail_server="127.0.0.1", mail_port=server.port)
        )
        with app.app_context():
            aanvraag_id: UUID = ROADS["mail and sms"].prepare()
        walk(app, world, ROADS["mail and sms"], aanvraag_id)
        with app.app_context():
            yield Scene(world, db.session.get_one(Aanvraag, aanvraag_id), b"")


def test_the_judge_finds_nothing_after_a_road_without_a_crash(scene: Scene) -> None:
    assert broken(scene) == []


@pytest.mark.parametrize(
    ("harm", "invariant"),
    [
        ("UPDATE outbox_message SET status = 'waiting' WHERE kind = 'sleutel-active'", "I5: sleutel-active is still"),
        ("UPDATE outbox_message SET id = '00000000000000000000000000000001' WHERE kind = 'sleutel-zip'", "I5: "),
        ("DELETE FROM outbox_message WHERE kind = 'sleutel-zip'", "I1: issuance 1 without a message"),
        ("UPDATE aanvraag SET status = 'approved'", "I12: the aanvraag is approved"),
        ("UPDATE issuance SET received_at = NULL, released_at = issued_at", "I12: issuance 1, received"),
        ("UPDATE issuance SET end_reason = 'lapsed'", "I12: issuance 1, end"),
        ("UPDATE sleutel SET activated_at = NULL", "I2: the keys ended as"),
        ("UPDATE sleutel SET revoked_at = not_before, reason = 'x'", "I12: issuance 1, revoked"),
        ("UPDATE contact SET name = '{key}'", "I6: a key stands in"),
        ("UPDATE contact SET name = '{password}'", "I6: a password stands in"),
    ],
)
def test_the_judge_finds_harm(scene: Scene, harm: str, invariant: str) -> None:
    db.session.execute(text(harm.format(**dict(secrets(scene)))))
    db.session.commit()
    db.session.expire_all()
    assert [fault for fault in broken(scene) if fault.startswith(invariant)] != []


def test_the_judge_finds_a_mail_that_differs_from_its_repeat_and_one_too_many(scene: Scene) -> None:
    first = next(scene.world.mail_folder.glob("*.eml"))
    (scene.world.mail_folder / "9998-x.eml").write_bytes(first.read_bytes() + b"x")
    (scene.world.mail_folder / "9999-x.eml").write_bytes(first.read_bytes())
    faults = broken(scene)
    assert any("arrived 3 times" in fault for fault in faults)
    assert any("differs from the first" in fault for fault in faults)


def test_the_judge_finds_a_lost_mail(scene: Scene) -> None:
    next(scene.world.mail_folder.glob("*.eml")).unlink()
    assert any("arrived 0 times" in fault for fault in broken(scene))
