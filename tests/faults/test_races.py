"""A few rounds of what `make faults` does hundreds of times: many people who do the same at the same moment."""

import pytest
from flask import Flask

from tests.faults.races import RACES

ROUNDS = 20


@pytest.mark.parametrize("name", RACES)
def test_i1_i7_many_at_the_same_moment_do_it_once(app: Flask, name: str) -> None:
    assert list(RACES[name](app, ROUNDS)) == []
