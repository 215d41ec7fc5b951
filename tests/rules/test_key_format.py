import hashlib
import zlib
from collections.abc import Callable

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from keyservice.cli import commands
from keyservice.kernel.secret import Secret
from keyservice.kernel.text import holds_secret
from keyservice.sleutels.format import BASE62, KEY_PATTERN, Fault, Omgeving, check_format, digest, kind, new_key

PREFIXES = {Omgeving.PRODUCTIE: "asl_p_", Omgeving.ACCEPTATIE: "asl_a_"}


@pytest.mark.parametrize("omgeving", Omgeving)
def test_a_new_key_has_the_format(omgeving: Omgeving) -> None:
    keys = {new_key(omgeving).reveal() for _ in range(200)}
    assert len(keys) == 200
    for key in keys:
        assert len(key) == 44
        assert key.startswith(PREFIXES[omgeving])
        assert KEY_PATTERN.fullmatch(key)
        assert check_format(key) is None
        assert kind(key) == omgeving
        assert holds_secret(f"mijn sleutel is {key}.")


def test_the_last_six_characters_are_the_crc_32_in_base62() -> None:
    key = new_key(Omgeving.PRODUCTIE).reveal()
    number = 0
    for character in key[-6:]:
        number = number * 62 + BASE62.index(character)
    assert number == zlib.crc32(key[:-6].encode())


def test_the_base62_digits_are_digits_then_capitals_then_small_letters() -> None:
    assert BASE62 == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_every_character_occurs_in_the_random_part() -> None:
    assert set("".join(new_key(Omgeving.PRODUCTIE).reveal()[6:-6] for _ in range(300))) == set(BASE62)


@pytest.mark.parametrize("omgeving", Omgeving)
def test_each_single_wrong_character_is_caught(omgeving: Omgeving) -> None:
    key = new_key(omgeving).reveal()
    for place, right in enumerate(key):
        for character in (BASE62 + "_-").replace(right, ""):
            assert check_format(key[:place] + character + key[place + 1 :]) is not None


def test_each_swap_of_neighbours_is_caught() -> None:
    for _ in range(100):
        key = new_key(Omgeving.PRODUCTIE).reveal()
        for place in range(len(key) - 1):
            left, right = key[place], key[place + 1]
            if left != right:
                assert check_format(key[:place] + right + left + key[place + 2 :]) is not None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param(lambda _key: "", Fault.PREFIX, id="empty"),
        pytest.param(lambda key: "ASL_P_" + key[6:], Fault.PREFIX, id="capitals"),
        pytest.param(lambda key: "asl_x_" + key[6:], Fault.PREFIX, id="other letter"),
        pytest.param(lambda key: " " + key, Fault.PREFIX, id="space before"),
        pytest.param(lambda key: key + "\n", Fault.LENGTH, id="line end after"),
        pytest.param(lambda key: key[:-1], Fault.LENGTH, id="one short"),
        pytest.param(lambda key: key * 1_000_000, Fault.LENGTH, id="very long"),
        pytest.param(lambda key: key[:10] + "-" + key[11:], Fault.CHARACTERS, id="hyphen"),
        pytest.param(lambda key: key[:10] + "é" + key[11:], Fault.CHARACTERS, id="accent"),
        pytest.param(lambda key: key[:10] + "٨" + key[11:], Fault.CHARACTERS, id="arabic digit"),
        pytest.param(lambda key: "asl_a_" + key[6:], Fault.CHECKSUM, id="other omgeving"),
    ],
)
def test_a_fault_has_its_reason(change: Callable[[str], str], fault: Fault) -> None:
    assert check_format(change(new_key(Omgeving.PRODUCTIE).reveal())) == fault


@given(st.text() | st.from_regex(r"asl_[ap]_[0-9A-Za-z]{38}", fullmatch=True))
def test_any_other_text_is_refused(text: str) -> None:
    assert check_format(text) is not None


def test_the_stored_digest_is_the_sha_256() -> None:
    assert digest(Secret("asl_p_voorbeeld")) == hashlib.sha256(b"asl_p_voorbeeld").digest()


@pytest.mark.parametrize(("last", "says", "code"), [("", "The form is right.", 0), ("x", "This is not a right key", 1)])
def test_a_command_tells_whether_a_key_was_typed_right_and_never_shows_it(last: str, says: str, code: int) -> None:
    key = new_key(Omgeving.PRODUCTIE).reveal() + last
    told = CliRunner().invoke(commands, ["check-key"], input=f"{key}\n")
    assert says in told.output
    assert key not in told.output
    assert told.exit_code == code
