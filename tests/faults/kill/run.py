"""One run: a process walks a road and dies at a point, another one starts and walks on, and its rows are judged."""

import json
import os
import shutil
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from flask import Flask

from keyservice.aanvragen.models import Aanvraag
from keyservice.database import db
from tests.conftest import Backend, backend_of
from tests.faults.kill import points
from tests.faults.kill.checks import Scene, broken
from tests.faults.kill.roads import ROADS, clock_after_crash, read_letters, walk
from tests.faults.kill.sink import mail_sink
from tests.faults.kill.world import World

_AANVRAAG, _RESULT, _LOG = "aanvraag", "result", "log"


@dataclass(frozen=True)
class Stage:
    """A database, a mail server and a folder, put back to the beginning before each run."""

    backend: Backend
    world: World
    rings: Path

    @property
    def app(self) -> Flask:
        """Return the application; only processes that were forked off use it."""
        return self.backend.app

    def clear(self) -> None:
        """Put everything back to the beginning."""
        self.backend.restore()
        for path in self.world.mail_folder.iterdir():
            path.unlink()
        for folder in ("postvak", "hand", "rings"):
            shutil.rmtree(self.world.instance / folder, ignore_errors=True)
        shutil.copytree(self.rings, self.world.instance / "rings")  # a road may have moved the clock, and they rotated
        self.log.unlink(missing_ok=True)

    @property
    def log(self) -> Path:
        """Return the file with everything that the processes of a run printed."""
        return self.world.instance / _LOG


@contextmanager
def stage(kind: str, folder: Path) -> Iterator[Stage]:
    """Set the stage for a kind of database."""
    instance, mails, rings = folder / kind, folder / f"{kind}-mail", folder / f"{kind}-rings"
    for path in (instance, mails):
        path.mkdir(parents=True)
    with mail_sink(mails) as port, backend_of(kind, instance) as backend:
        app, name = backend.app, "keyservice.settings"
        app.extensions[name] = replace(app.extensions[name], mail_server="127.0.0.1", mail_port=port)
        shutil.copytree(instance / "rings", rings)
        yield Stage(backend, World(mails, instance), rings)


def count_points(here: Stage, road: str) -> Counter[str]:
    """Walk a road without a crash and return how often each point is reached. Raises AssertionError when it fails."""
    here.clear()

    def walk_and_count() -> None:
        counts: Counter[str] = Counter()
        begin(here, road, points.counting(counts))
        here.world.write_down(_RESULT, json.dumps(counts).encode())
        assert judge(here) == []

    if _forked(here, walk_and_count) != 0:
        sys.exit(f"the road {road!r} is broken without any crash:\n{here.log.read_text()}")
    return Counter(json.loads(here.world.written(_RESULT)[-1]))


def crash(here: Stage, road: str, point: str, occurrence: int) -> list[str]:
    """Let a process die at a point of a road and another one go on; return what is broken afterwards."""
    here.clear()
    died = _forked(here, lambda: begin(here, road, points.killing(point, occurrence)))
    if died != -signal.SIGKILL:
        return [f"the point was not reached (the process ended with {died}): {here.log.read_text()[-2000:]}"]

    def survive() -> None:
        with clock_after_crash(here.world):
            walk(here.app, here.world, ROADS[road], _aanvraag(here))
            here.world.write_down(_RESULT, json.dumps(judge(here)).encode())

    if _forked(here, survive) != 0:
        return [f"the survivor failed: {here.log.read_text()[-2000:]}"]
    faults: list[str] = json.loads(here.world.written(_RESULT)[-1])
    return faults


def begin(here: Stage, road: str, strike: points.Strike) -> None:
    """Make the aanvraag and walk; `strike` is told of every point on the way."""
    with here.app.app_context():
        aanvraag_id = ROADS[road].prepare()
    here.world.write_down(_AANVRAAG, str(aanvraag_id).encode())
    points.install(strike)
    walk(here.app, here.world, ROADS[road], aanvraag_id)


def judge(here: Stage) -> list[str]:
    """Return what is broken on the stage."""
    with here.app.app_context():
        aanvraag = db.session.get_one(Aanvraag, _aanvraag(here))
        return broken(Scene(here.world, aanvraag, here.log.read_bytes()))


def _aanvraag(here: Stage) -> UUID:
    return UUID(here.world.written(_AANVRAAG)[-1].decode())


def _forked(here: Stage, act: Callable[[], None]) -> int:
    """Let a process of its own act, and return its exit code, or minus the signal that ended it."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        _pid, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    code = 1
    try:
        output = os.open(here.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        read_letters(here.world)
        act()
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, it goes to the log and the exit code tells
        traceback.print_exc()
    finally:
        os._exit(code)
