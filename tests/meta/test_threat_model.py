"""docs/threat-model.md names for each act of a database owner the test that proves it: those tests are there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# They come with the verifier.
WITH_THE_VERIFIER = {
    "test_i16_a_key_written_back_to_before_it_was_revoked_is_revoked_again",
    "test_i12_a_role_written_by_sql_ends_with_the_sessions_of_its_holder",
    "test_i12_what_somebody_wrote_by_sql_is_found_with_row_and_column",
    "test_i4_another_value_in_a_column_of_an_event",
    "test_i12_a_key_that_no_event_explains_is_blocked_once_and_told_each_time",
}


def test_each_test_that_the_threat_model_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "threat-model.md").read_text("utf-8")))
    there = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert named - there <= WITH_THE_VERIFIER
    assert len(named) > 20
