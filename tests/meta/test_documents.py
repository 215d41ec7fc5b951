"""What docs/ and the code say about each other is there: tests, invariants, guards, decisions, commands, links."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from keyservice.cli import commands

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "keyservice").rglob("*.md")]
CODE = [path for folder in ("keyservice", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def names_of_tests() -> set[str]:
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }


def test_each_test_that_the_threat_model_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", text("threat-model.md")))
    assert named - names_of_tests() == set()
    assert len(named) > 20


def invariants() -> set[int]:
    return {int(number) for number in re.findall(r"^\| I(\d+) \|", text("invariants.md"), re.MULTILINE)}


def proven_by(name: str) -> Iterator[int]:
    """Give the numbers in the name of a test, such as `test_i1_to_i3_and_i9_hold_always`: 1, 2, 3 and 9."""
    numbers = re.match(r"test_((?:i\d+(?:_to|_and)?_)+)", name)
    for first, last in re.findall(r"i(\d+)(?:_to_i(\d+))?", numbers[1] if numbers else ""):
        yield from range(int(first), int(last or first) + 1)


def test_every_invariant_that_is_named_is_explained_and_proven() -> None:
    named = {
        int(number) for path in [*DOCUMENTS, *CODE] for number in re.findall(r"\bI(\d+)\b", path.read_text("utf-8"))
    }
    assert named - invariants() == set()
    assert invariants() - {number for name in names_of_tests() for number in proven_by(name)} == set()


def guards() -> list[tuple[str, str]]:
    rows = re.findall(r"^\|[^|]+\| (`[^|]+) \| (`[^|]+) \|$", text("security-flow.md"), re.MULTILINE)
    return [(symbol, places) for symbols, places in rows for symbol in re.findall(r"`([\w.]+)`", symbols)]


@pytest.mark.parametrize(("symbol", "places"), guards())
def test_a_guard_stands_where_the_security_flow_says(symbol: str, places: str) -> None:
    found = [ROOT / place for place in re.findall(r"`([\w./]+)`", places)]
    files = [file for place in found for file in (place.rglob("*.py") if place.is_dir() else [place])]
    made = re.compile(rf"^\s*(?:def |class )?{symbol.rpartition('.')[2]}\b.*[(:=]", re.MULTILINE)
    assert any(made.search(file.read_text("utf-8")) for file in files)


def named_in(path: Path) -> set[str]:
    """Return the documents that a module names, a decision by its number."""
    source = path.read_text("utf-8")
    decisions = {f"docs/adr/{int(number):04}-*.md" for number in re.findall(r"\bADR (\d+)\b", source)}
    return decisions | set(re.findall(r"(?<![\w/])(?:docs/)?[\w-][\w./-]*\.md\b", source))


def test_every_document_that_the_code_names_is_there() -> None:
    folders = (ROOT, ROOT / "docs")
    assert [
        (path.name, name)
        for path in CODE
        for name in named_in(path)
        if not any([*folder.glob(name)] for folder in (*folders, path.parent))
    ] == []


def command_lines(group: click.Group, *above: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from command_lines(command, *above, name)
        else:
            yield " ".join((*above, name))


def test_the_manual_tells_what_every_command_does() -> None:
    manual = "".join(path.read_text("utf-8") for path in DOCUMENTS)
    # That is `make run`.
    assert {line for line in command_lines(commands, "keyservice") if line not in manual} == {"keyservice run"}


def log_lines() -> set[str]:
    """Return how every line begins that the program writes into the log at an error or a warning."""
    said = re.compile(r"""\blog\.(?:error|warning)\(\s*"([^":]+)""")
    return {line for path in (ROOT / "keyservice").rglob("*.py") for line in said.findall(path.read_text("utf-8"))}


def test_the_manual_tells_what_every_line_of_the_log_means() -> None:
    manual = text("operations.md")
    assert {line for line in log_lines() if f"`{line}" not in manual} == set()
    assert len(log_lines()) > 10


def anchors(document: Path) -> set[str]:
    """Return what a link can lead to: a heading as GitHub names it."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(document: Path) -> None:
    for address, anchor in re.findall(r"\]\((?!https?:|mailto:)([^)#]*)#?([^)]*)\)", document.read_text("utf-8")):
        target = (document.parent / address).resolve() if address else document
        assert target.exists(), address
        assert not anchor or anchor in anchors(target), f"{address}#{anchor}"
