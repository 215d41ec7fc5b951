"""Row `zip`: writing the zip that carries a key, beside other writers of the same format (WinZip AES-256)."""

import importlib
import importlib.util
import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pyzipper.zipfile import ZIP_STORED
from pyzipper.zipfile_aes import WZ_AES, AESZipFile

from benchmarks import harness
from benchmarks.harness import Case
from benchmarks.report import Figure, figure
from keyservice.issuance.contents import KEY_ENTRY
from keyservice.kernel.passwords import new_password
from keyservice.kernel.zips import CONTENT_SIZE, build_zip, write_zip

OURS = "write_zip"
PASSWORD = new_password()
CLEAR = PASSWORD.reveal()
CONTENT = b"asl_p_ 0123456789 abcdefghijk\r\n".ljust(CONTENT_SIZE)
EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
# Peer, and the most of its time that ours may take.
GOALS = {
    "pyzipper as shipped": 0.6,
    "zipctl": 1.05,
    "stream-zip": 0.8,
    "7z as a process": 0.4,
    "rustyzipper": 1.8,
}
HOW = f"one entry of {CONTENT_SIZE} bytes, AES-256, in memory; every output opened with pyzipper and compared"

Write = Callable[[], bytes]


def run(rounds: int = harness.ROUNDS, slice_seconds: float = harness.SLICE_SECONDS) -> list[Figure]:
    """Measure every writer that is here. Raises RuntimeError when the output of one does not open."""
    with writers() as found:
        for name, write in found.items():
            if opened(write()) != CONTENT:
                raise RuntimeError(f"the zip of {name} does not open")
        cases = {name: _case(write) for name, write in found.items()}
        samples = harness.measure(cases, rounds=rounds, slice_seconds=slice_seconds)
    figures = [figure(samples, OURS, peer, goal, HOW) for peer, goal in GOALS.items() if peer in found]
    return [*figures, figure(samples, "build_zip (write and read back)", OURS, None, HOW)]


def _case(write: Write) -> Case:
    return Case(lambda _: write())


def opened(data: bytes) -> bytes:
    """Return the content of the one entry, as pyzipper as shipped reads it."""
    with AESZipFile(io.BytesIO(data)) as archive:
        archive.setpassword(CLEAR.encode())
        (name,) = archive.namelist()
        return bytes(archive.read(name))


@contextmanager
def writers() -> Iterator[dict[str, Write]]:
    """Give ours and every peer that is installed, by name."""
    found: dict[str, Write] = {
        OURS: lambda: write_zip(CONTENT, PASSWORD, KEY_ENTRY),
        "build_zip (write and read back)": lambda: build_zip(CONTENT.decode(), PASSWORD, KEY_ENTRY),
        "pyzipper as shipped": as_shipped,
    }
    peers = {"zipctl": _zipctl, "stream-zip": _stream_zip, "rustyzipper": _rustyzipper}
    found |= {name: write for name, write in peers.items() if importlib.util.find_spec(name.replace("-", "_"))}
    with ExitStack() as stack:
        program = shutil.which("7z") or shutil.which("7zz")
        if program:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            found["7z as a process"] = lambda: _seven_zip(str(program), folder)
        yield found


def as_shipped() -> bytes:
    """Return the zip as the documentation of pyzipper makes it."""
    buffer = io.BytesIO()
    with AESZipFile(buffer, "w", compression=ZIP_STORED, encryption=WZ_AES) as archive:
        archive.setpassword(CLEAR.encode())
        archive.writestr(KEY_ENTRY, CONTENT)
    return buffer.getvalue()


def _zipctl() -> bytes:
    zipctl = importlib.import_module("zipctl")
    buffer = io.BytesIO()
    with zipctl.ZipFile(buffer, "w", compression=zipctl.ZIP_STORED, encryption=zipctl.WZ_AES) as archive:
        archive.setpassword(CLEAR.encode())
        archive.writestr(KEY_ENTRY, CONTENT)
    return buffer.getvalue()


def _stream_zip() -> bytes:
    library = importlib.import_module("stream_zip")
    member = (KEY_ENTRY, EARLIEST, 0o600, library.ZIP_AUTO(len(CONTENT), level=0), (CONTENT,))
    return b"".join(library.stream_zip([member], password=CLEAR))


def _rustyzipper() -> bytes:
    library = importlib.import_module("rustyzipper")
    options = {"password": CLEAR, "compression_level": library.CompressionLevel.STORE}
    return bytes(library.compress_bytes([(KEY_ENTRY, CONTENT)], **options))


def _seven_zip(program: str, folder: Path) -> bytes:
    target = folder / "sleutel.zip"
    target.unlink(missing_ok=True)
    options = ["-tzip", "-mem=AES256", "-mx0", f"-p{CLEAR}", f"-si{KEY_ENTRY}"]
    subprocess.run([program, "a", *options, target], input=CONTENT, stdout=subprocess.DEVNULL, check=True)
    return target.read_bytes()
