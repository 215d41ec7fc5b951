"""A program that cannot start says why on one screen, to whoever started it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from keyservice.app import PACKAGE
from tests.conftest import environ

MAIN = "from keyservice.cli import main; main()"
STARTS = {
    "worker": (["-c", MAIN, "worker"], os.EX_TEMPFAIL),
    "command": (["-c", MAIN, "rings", "list"], os.EX_TEMPFAIL),
    "gunicorn": (["-c", "import wsgi"], 4),
}


@pytest.mark.parametrize("start", STARTS)
def test_a_database_that_is_away_or_empty_is_told_without_a_stack_trace(tmp_path: Path, start: str) -> None:
    arguments, status = STARTS[start]
    for address in (tmp_path / "nergens" / "ks.sqlite", tmp_path / "empty.sqlite"):
        variables = os.environ | environ(tmp_path, f"sqlite:///{address}") | {"PYTHONPATH": str(PACKAGE.parent)}
        done = subprocess.run(
            [sys.executable, *arguments], check=False, capture_output=True, text=True, env=variables, cwd=PACKAGE.parent
        )
        assert done.stderr.startswith(("Stopped. The database", "Not started. The database")), done.stderr
        assert "Traceback" not in done.stderr
        assert "migrate" in done.stderr
        assert done.returncode in {status, 2, 4}


def test_migrate_tells_from_where_to_where_the_schema_went(tmp_path: Path) -> None:
    variables = os.environ | environ(tmp_path, f"sqlite:///{tmp_path / 'ks.sqlite'}")
    variables |= {"PYTHONPATH": str(PACKAGE.parent)}
    said = [
        subprocess.run(
            [sys.executable, "-c", MAIN, "migrate"], check=True, capture_output=True, text=True, env=variables
        ).stdout.splitlines()[0]
        for _ in range(2)
    ]
    newest = max(path.name[:4] for path in (PACKAGE / "migrations" / "versions").glob("0*.py"))
    assert said == [f"schema: empty -> {newest}", f"schema: {newest} -> {newest}"]


def test_what_a_command_writes_can_be_read_by_its_own_user_only(tmp_path: Path) -> None:
    variables = os.environ | environ(tmp_path, f"sqlite:///{tmp_path / 'ks.sqlite'}")
    variables |= {"PYTHONPATH": str(PACKAGE.parent)}
    out = tmp_path / "events.jsonl"
    for arguments in (["migrate"], ["audit", "export", "--texts", "--out", str(out)]):
        subprocess.run([sys.executable, "-c", MAIN, *arguments], check=True, capture_output=True, env=variables)
    assert {oct(path.stat().st_mode & 0o777) for path in (out, tmp_path / "ks.sqlite")} == {"0o600"}


def test_a_file_that_cannot_be_used_is_named_without_a_stack_trace(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'ks.sqlite'}"
    variables = os.environ | environ(tmp_path, database, KEYSERVICE_CHECKPOINTS=str(tmp_path))
    variables |= {"PYTHONPATH": str(PACKAGE.parent)}
    subprocess.run([sys.executable, "-c", MAIN, "migrate"], check=True, capture_output=True, env=variables)
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "audit", "verify"], check=False, capture_output=True, text=True, env=variables
    )
    assert f"Stopped. {tmp_path}: Is a directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_on_a_machine_without_its_packages_is_told_without_a_stack_trace(tmp_path: Path) -> None:
    without = "import sys; sys.modules['aiosmtpd'] = None; sys.modules['mechanicalsoup'] = None; "
    for command in (["run"], ["demo", "--out", str(tmp_path)]):
        done = subprocess.run(
            [sys.executable, "-c", without + MAIN, *command], check=False, capture_output=True, text=True
        )
        assert done.stderr.startswith("Not started. The package "), done.stderr
        assert "Traceback" not in done.stderr
