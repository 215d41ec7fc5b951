"""A mail server in a process of its own, so that the one that is killed and the one that judges have no threads."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keyservice.demo.mailbox import DemoMailServer


@contextmanager
def mail_sink(folder: Path) -> Iterator[int]:
    """Run a mail server that keeps what it takes in a folder, and give its port."""
    command = [sys.executable, "-m", "tests.faults.kill.sink", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


def _serve(folder: Path) -> None:
    with DemoMailServer(folder) as server:
        print(server.port, flush=True)  # noqa: T201 - its port is its product
        sys.stdin.read()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
