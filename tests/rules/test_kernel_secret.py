"""A secret is never seen by accident."""

import copy
import json
import logging
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from keyservice.kernel.secret import Secret

CLEAR = "asl_p_GEHEIM"


@dataclass(frozen=True)
class Holder:
    secret: Secret


@pytest.mark.parametrize(
    "show",
    [str, repr, "{}".format, "{!r:>40}".format, lambda s: f"{s:>30}", lambda s: "%s %r" % (s, s)],  # noqa: UP031 - the old way must hide it too
    ids=["str", "repr", "format", "format repr", "f-string", "percent"],
)
def test_no_way_of_printing_shows_it(show: Callable[[Secret], str]) -> None:
    assert CLEAR not in show(Secret(CLEAR))
    assert "GEHEIM" not in show(Secret(CLEAR))
    assert CLEAR not in repr(Holder(Secret(CLEAR)))
    assert CLEAR not in repr([Secret(CLEAR)])


def test_the_text_shown_tells_not_even_the_length() -> None:
    assert str(Secret("a")) == str(Secret("a" * 100))


def test_a_log_line_and_a_traceback_do_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("t").error("failed with %s", Secret(CLEAR), exc_info=ValueError(Secret(CLEAR)))
    assert "failed with" in caplog.text
    assert CLEAR not in caplog.text


@pytest.mark.parametrize(
    "act",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        hash,
        vars,
        lambda s: s == CLEAR,
        lambda s: s != "x",
        lambda s: {s},
    ],
    ids=["pickle", "copy", "deepcopy", "json", "hash", "vars", "equal", "unequal", "set"],
)
def test_it_cannot_be_pickled_copied_compared_or_hashed(act: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError):
        act(Secret(CLEAR))


def test_only_reveal_gives_it_away() -> None:
    assert Secret(CLEAR).reveal() == CLEAR
