"""Sealing: a blob opens only in its place, unchanged, with its ring key, as long as that one lives."""

import json
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from keyservice.kernel import rotation
from keyservice.kernel.ids import new_id
from keyservice.kernel.seal import LASTING_RINGS, PASSING, SEALED, SEALING_RINGS, Place, Rings, SealBroken

ROW = UUID(int=1)
START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
PLACE = Place("outbox_message", "content", ROW)
ZIP = Place("issuance", "zip", ROW)
CLEAR = b"het wachtwoord is geheim"


@pytest.fixture
def rings(tmp_path: Path) -> Rings:
    return Rings.create(tmp_path / "rings")


def test_what_was_sealed_opens_in_its_place(rings: Rings) -> None:
    blob = rings.seal("outbox", CLEAR, PLACE)
    assert CLEAR not in blob
    assert rings.unseal("outbox", blob, PLACE) == CLEAR


def test_the_same_text_is_sealed_differently_each_time(rings: Rings) -> None:
    assert rings.seal("outbox", CLEAR, PLACE) != rings.seal("outbox", CLEAR, PLACE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place("outbox_message", "content", UUID(int=2)),
        Place("outbox_message", "final", ROW),
        Place("issuance", "content", ROW),
        Place("outbox_messagecontent", "", ROW),
    ],
)
def test_a_blob_that_was_moved_does_not_open(rings: Rings, elsewhere: Place) -> None:
    with pytest.raises(SealBroken):
        rings.unseal("outbox", rings.seal("outbox", CLEAR, PLACE), elsewhere)


def test_a_blob_with_any_bit_changed_or_byte_cut_does_not_open(rings: Rings) -> None:
    blob = rings.seal("outbox", CLEAR, PLACE)
    changed = [blob[:n] + bytes([blob[n] ^ 1]) + blob[n + 1 :] for n in range(len(blob))]
    for broken in (*changed, *(blob[:n] for n in range(len(blob))), blob + b"\0"):
        with pytest.raises(SealBroken):
            rings.unseal("outbox", broken, PLACE)


def test_a_blob_of_another_ring_or_folder_does_not_open(rings: Rings, tmp_path: Path) -> None:
    blob = rings.seal("outbox", CLEAR, PLACE)
    for other, ring in ((rings, "zip"), (Rings.create(tmp_path / "other"), "outbox")):
        with pytest.raises(SealBroken):
            other.unseal(ring, blob, PLACE)


def test_a_blob_whose_key_was_destroyed_does_not_open(rings: Rings) -> None:
    blob = rings.seal("outbox", CLEAR, PLACE)
    rings.add_key("outbox")
    kept = json.loads(rings.path("outbox").read_text())[:1]
    rings.path("outbox").write_text(json.dumps(kept))
    with pytest.raises(SealBroken):
        Rings(rings.folder).unseal("outbox", blob, PLACE)


def test_a_missing_ring_is_no_silent_new_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Rings(tmp_path).seal("outbox", CLEAR, PLACE)
    assert list(tmp_path.iterdir()) == []


def test_after_rotation_the_new_key_seals_and_the_old_one_still_opens(rings: Rings) -> None:
    old = rings.seal("outbox", CLEAR, PLACE)
    rings.add_key("outbox")
    new = rings.seal("outbox", CLEAR, PLACE)
    assert old[1:5] != new[1:5]
    assert rings.unseal("outbox", old, PLACE) == rings.unseal("outbox", new, PLACE) == CLEAR


def test_create_keeps_the_rings_that_are_there(rings: Rings) -> None:
    blob = rings.seal("zip", CLEAR, ZIP)
    assert Rings.create(rings.folder).unseal("zip", blob, ZIP) == CLEAR


def test_rings_are_readable_by_their_owner_only(rings: Rings) -> None:
    assert stat.S_IMODE(rings.folder.stat().st_mode) == 0o700
    files = list(rings.folder.iterdir())
    assert {file.name for file in files} == {f"{ring}.json" for ring in (*SEALING_RINGS, *LASTING_RINGS)} | {
        ".write.lock"
    }
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def sealed_elsewhere(folder: Path, act: str, processes: int = 1) -> list[bytes]:
    """Let processes of their own do something at one moment, seal, and return the blobs."""
    program = (
        "import sys, time_machine\nfrom datetime import datetime\nfrom pathlib import Path\nfrom uuid import UUID\n"
        "from keyservice.kernel.seal import Place, Rings\n"
        "rings = Rings(Path(sys.argv[1])); rings.keys('outbox'); print('ready', flush=True); sys.stdin.readline()\n"
        f"{act}\nprint(rings.seal('outbox', {CLEAR!r}, Place('outbox_message', 'content', UUID(int=1))).hex())"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(processes)
    ]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    ended = [process.communicate("go\n")[0] for process in started[::-1]]
    assert [process.returncode for process in started] == [0] * processes
    return [bytes.fromhex(out.strip()) for out in ended]


def test_another_process_opens_what_a_key_sealed_that_it_had_not_read(rings: Rings) -> None:
    reader = Rings(rings.folder)
    reader.keys("outbox")
    blob = sealed_elsewhere(rings.folder, "rings.add_key('outbox')")[0]
    assert reader.unseal("outbox", blob, PLACE) == CLEAR


def test_a_mac_belongs_to_its_purpose_and_parts(rings: Rings) -> None:
    mac = rings.mac("sleutel", "a", "bc")
    rings.add_key("mac")
    assert rings.mac_fits(mac, "sleutel", "a", "bc"), "an older key still checks"
    assert not rings.mac_fits(mac, "sleutel", "ab", "c")
    assert not rings.mac_fits(mac, "event", "a", "bc")
    assert not rings.mac_fits(mac[:-1], "sleutel", "a", "bc")


def test_a_mac_of_an_unknown_key_is_a_broken_seal(rings: Rings) -> None:
    with pytest.raises(SealBroken):
        rings.mac_fits(b"\0" * 36, "sleutel", "a")


@given(clear=st.binary(max_size=500))
def test_any_bytes_come_back(clear: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    rings = Rings.create(tmp_path_factory.getbasetemp() / "shared-rings")
    place = Place("issuance", "password", new_id())
    assert rings.unseal("password", rings.seal("password", clear, place), place) == clear


# How long a key lives


@pytest.fixture
def clocked(tmp_path: Path) -> Rings:
    with time_machine.travel(START, tick=False):
        return Rings.create(tmp_path / "clocked")


def seal_at(rings: Rings, moment: datetime) -> bytes:
    with time_machine.travel(moment, tick=False):
        return rings.seal("outbox", CLEAR, PLACE)


def test_a_key_seals_for_a_week_and_then_another_one_does_also_without_a_worker(clocked: Rings) -> None:
    first = seal_at(clocked, START)
    assert seal_at(clocked, START + 7 * DAY - SECOND)[1:5] == first[1:5]
    second = seal_at(clocked, START + 7 * DAY)
    assert second[1:5] != first[1:5]
    assert seal_at(clocked, START + 14 * DAY - SECOND)[1:5] == second[1:5]
    assert clocked.unseal("outbox", first, PLACE) == CLEAR
    assert len(clocked.keys("zip")) == 1, "a ring that seals nothing waits for the worker"


def test_rotate_renews_each_sealing_ring_that_is_due_and_no_lasting_one(clocked: Rings) -> None:
    for days, keys in ((6, 1), (7, 2), (8, 2), (13, 2), (14, 3)):
        with time_machine.travel(START + days * DAY, tick=False):
            clocked.rotate()
        assert {len(clocked.keys(ring)) for ring in SEALING_RINGS} == {keys}, days
    assert {len(clocked.keys(ring)) for ring in LASTING_RINGS} == {1}


def test_many_processes_rotate_a_ring_once_and_lose_nothing(clocked: Rings) -> None:
    a_week_later = f"time_machine.travel(datetime.fromisoformat('{START + 7 * DAY}'), tick=False).start()"
    blobs = sealed_elsewhere(clocked.folder, a_week_later, processes=6)
    assert len(clocked.keys("outbox")) == 2
    assert {blob[1:5] for blob in blobs} == {clocked.keys("outbox")[0].id}
    assert {clocked.unseal("outbox", blob, PLACE) for blob in blobs} == {CLEAR}


def test_threads_that_add_keys_at_the_same_moment_lose_none(clocked: Rings) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Rings(clocked.folder).add_key("outbox"), range(24)))
    assert len(clocked.keys("outbox")) == 25


def test_every_process_notices_a_new_and_a_removed_key_at_once(clocked: Rings) -> None:
    other = Rings(clocked.folder)
    old = other.seal("outbox", CLEAR, PLACE)
    clocked.add_key("outbox")
    assert other.seal("outbox", CLEAR, PLACE)[1:5] == clocked.keys("outbox")[0].id
    assert other.unseal("outbox", old, PLACE) == CLEAR
    clocked.destroy("outbox", [old[1:5]])
    with pytest.raises(SealBroken):
        other.unseal("outbox", old, PLACE)


def test_a_destroyed_key_stands_in_no_file_of_the_folder(clocked: Rings) -> None:
    key = clocked.keys("outbox")[0]
    clocked.add_key("outbox")
    clocked.destroy("outbox", [key.id])
    assert {path.suffix for path in clocked.folder.iterdir()} == {".json", ".lock"}
    left = b"".join(path.read_bytes() for path in clocked.folder.iterdir())
    assert key.id.hex().encode() not in left


def test_a_key_does_not_survive_in_what_a_crash_left_half_written(clocked: Rings) -> None:
    key = clocked.keys("outbox")[0]

    def die(_path: Path, _target: Path) -> Path:
        raise RuntimeError("kill -9, right before the rename")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", die)
        with pytest.raises(RuntimeError):
            clocked.add_key("outbox")
    assert [found.id for found in clocked.keys("outbox")] == [key.id], "the old ring is whole"
    clocked.add_key("outbox")
    clocked.destroy("outbox", [key.id])
    left = b"".join(path.read_bytes() for path in clocked.folder.iterdir())
    assert key.id.hex().encode() not in left


def test_the_key_that_seals_cannot_be_destroyed(clocked: Rings) -> None:
    newest = clocked.keys("outbox")[0].id
    clocked.destroy("outbox", [newest])
    assert [key.id for key in clocked.keys("outbox")] == [newest]


def test_nothing_is_sealed_for_a_place_where_nobody_looks_before_a_key_is_destroyed(rings: Rings) -> None:
    for ring, place in (
        ("outbox", Place("issuance", "zip", ROW)),
        ("zip", PLACE),
        ("password", Place("account", "note", ROW)),
    ):
        with pytest.raises(ValueError, match="see SEALED"):
            rings.seal(ring, CLEAR, place)
    for ring, columns in SEALED.items():
        for table, column in (*columns, PASSING):
            assert rings.seal(ring, CLEAR, Place(table, column, ROW))
    assert rings.seal("totp", CLEAR, Place("account", "tf_totp_secret", ROW)), "a lasting ring keeps its keys"


@pytest.mark.parametrize(
    ("age", "due"),
    [
        (timedelta(), False),
        (7 * DAY - SECOND, False),
        (7 * DAY, True),
        (400 * DAY, True),
        (SECOND - DAY, False),
        (-DAY, True),
        (-365 * DAY, True),
    ],
)
def test_a_key_is_due_after_a_week_or_when_it_is_of_the_future(age: timedelta, *, due: bool) -> None:
    assert rotation.due(START, START + age) is due


@pytest.mark.parametrize(
    ("ages", "old"),
    [
        ([0], {}),
        ([400], {}),
        ([0.9, 8], {}),
        ([1, 8], {1: False}),
        ([3, 10, 17, 24, 31, 38, 44.9], {1: False, 2: False, 3: False, 4: False, 5: False, 6: False}),
        ([3, 45], {1: True}),
        ([0.5, 46, 53], {2: True}),  # the program stood still: the last key waits for a day after its successor
        ([2, -365, 4], {1: False, 2: False}),  # the clock was a year ahead when the second key was made
        ([50, -365, 4], {1: True, 2: True}),
    ],
)
def test_a_key_may_go_a_day_after_its_last_seal_and_must_after_45_days(ages: list[float], old: dict[int, bool]) -> None:
    assert rotation.old([START - age * DAY for age in ages], START) == old


def test_a_clock_that_jumps_ahead_destroys_nothing_that_was_sealed_a_moment_ago(clocked: Rings) -> None:
    blob = seal_at(clocked, START)
    with time_machine.travel(START + 365 * DAY, tick=False):
        clocked.rotate()
        assert clocked.old_keys("outbox") == {}
        assert clocked.unseal("outbox", blob, PLACE) == CLEAR
    assert seal_at(clocked, START + HOUR)[1:5] == clocked.keys("outbox")[0].id
    assert len(clocked.keys("outbox")) == 3, "and back: no key of the future goes on sealing"
