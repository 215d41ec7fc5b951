"""The walk of `keyservice demo` goes to its end: from an empty form to what is registered by the key."""

from pathlib import Path

import pytest

from keyservice.demo.person import StepFailed
from keyservice.demo.walk import walk


def test_the_walk_ends_with_registrations_by_the_key_that_it_began_to_ask_for(tmp_path: Path) -> None:
    told: list[str] = []
    walk(tmp_path, told.append)
    steps = [line.split(" s  ", 1)[1] for line in told]
    activated = steps.index("Anna has activated the key: it works")
    assert steps[activated + 2] == "cliëntvolgsysteem: Vastgelegd: 4. Geweigerd: 4."
    assert len([step for step in steps if "/problemen/alleen-wi2013" in step]) == 2
    assert len([step for step in steps if "/problemen/inburgeraar-onbekend" in step]) == 2
    assert not (tmp_path / "instance").exists()


def test_a_second_walk_says_what_to_do_with_the_post_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    with pytest.raises(StepFailed, match="Take that folder away, or choose another"):
        walk(tmp_path, lambda _step: None)
