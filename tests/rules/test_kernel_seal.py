"""Sealing: a blob opens only in its place, unchanged, with its ring key."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyservice.kernel.ids import new_id
from keyservice.kernel.seal import LASTING_RINGS, SEALING_RINGS, Place, Rings, SealBroken

ROW = UUID(int=1)
PLACE = Place("outbox_message", "content", ROW)
CLEAR = b"het wachtwoord is geheim"


@pytest.fixture
def rings(tmp_path: Path) -> Rings:
    return Rings.create(tmp_path / "rings")


def test_what_was_sealed_opens_in_its_place(rings: Rings) -> None:
    blob = rings.seal("outbox", CLEAR, PLACE)
    assert CLEAR not in blob
    assert rings.unseal("outbox", blob, PLACE) == CLEAR


def test_the_same_text_is_sealed_differently_each_time(rings: Rings) -> None:
    assert rings.seal("zip", CLEAR, PLACE) != rings.seal("zip", CLEAR, PLACE)


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
    blob = rings.seal("zip", CLEAR, PLACE)
    assert Rings.create(rings.folder).unseal("zip", blob, PLACE) == CLEAR


def test_rings_are_readable_by_their_owner_only(rings: Rings) -> None:
    assert stat.S_IMODE(rings.folder.stat().st_mode) == 0o700
    files = list(rings.folder.iterdir())
    assert {file.stem for file in files} == {*SEALING_RINGS, *LASTING_RINGS}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_another_process_opens_what_a_key_sealed_that_it_had_not_read(rings: Rings) -> None:
    reader = Rings(rings.folder)
    reader.keys("outbox")
    program = (
        "import sys; from pathlib import Path; from uuid import UUID; from keyservice.kernel.seal import Place, Rings\n"
        "rings = Rings(Path(sys.argv[1])); rings.add_key('outbox')\n"
        "print(rings.seal('outbox', b'nieuw', Place('t', 'c', UUID(int=7))).hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(rings.folder)], capture_output=True, text=True, check=True, env=os.environ
    )
    blob = bytes.fromhex(done.stdout.strip())
    assert reader.unseal("outbox", blob, Place("t", "c", UUID(int=7))) == b"nieuw"


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
    place = Place("t", "c", new_id())
    assert rings.unseal("password", rings.seal("password", clear, place), place) == clear
