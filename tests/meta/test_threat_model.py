"""docs/threat-model.md names for each act of a database owner the test that proves it: those tests are there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_test_that_the_threat_model_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "threat-model.md").read_text("utf-8")))
    there = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert named - there == set()
    assert len(named) > 20
