"""Every message has a name for the pages that list messages."""

from pathlib import Path

import pytest

from keyservice.overview.words import MESSAGES

POST = Path(__file__).parents[2] / "templates" / "post"


@pytest.mark.parametrize("kind", sorted({path.parent.name for path in POST.glob("*/*.*")}))
def test_a_message_has_a_name_in_words(kind: str) -> None:
    assert MESSAGES[kind] != kind
