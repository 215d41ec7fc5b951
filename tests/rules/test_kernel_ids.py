"""Numbers and codes that people read out, type or follow."""

import re

import pytest

from keyservice.kernel import ids


def test_ids_are_random_uuids() -> None:
    made = {ids.new_id() for _ in range(100)}
    assert len(made) == 100
    assert {one.version for one in made} == {4}


def test_a_readable_code_has_no_look_alikes() -> None:
    text = "".join(ids.readable_code(8) for _ in range(500))
    assert len(text) == 4000
    assert set(text) == set(ids.READABLE)
    assert set("01OIL").isdisjoint(ids.READABLE)
    assert len(ids.READABLE) == 31


def test_a_z_number_is_z_and_six_readable_characters() -> None:
    assert re.fullmatch(rf"Z-[{ids.READABLE}]{{6}}", ids.z_number())


def test_a_digit_code_has_eight_digits_of_which_the_first_may_be_zero() -> None:
    codes = [ids.digit_code() for _ in range(300)]
    assert all(re.fullmatch("[0-9]{8}", code) for code in codes)
    assert any(code.startswith("0") for code in codes)


def test_a_link_token_has_256_bits_in_text_that_needs_no_quoting() -> None:
    assert re.fullmatch(r"[0-9A-Za-z_-]{43}", ids.link_token())


@pytest.mark.parametrize("typed", ["Z-4K7M2Q", "z4k7m2q", " z - 4k7 m2q ", "4K7M2Q", "Z\u20114K7M2Q", "Z.4k7m2q"])
def test_a_z_number_is_understood_however_it_is_typed(typed: str) -> None:
    assert ids.normalise_z_number(typed) == "Z-4K7M2Q"


def test_a_z_number_that_begins_with_z_keeps_both() -> None:
    assert ids.normalise_z_number("Z-ZZ7M2Q") == "Z-ZZ7M2Q"
    assert ids.normalise_z_number("ZZ7M2Q") == "Z-ZZ7M2Q", "six characters: the Z before the dash was left out"
