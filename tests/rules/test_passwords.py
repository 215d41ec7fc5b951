import re
from importlib.metadata import PackageNotFoundError, version

import pytest

from keyservice.kernel.passwords import ENTROPY_BITS, new_password
from keyservice.kernel.text import holds_secret

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def test_a_password_has_at_least_128_bits() -> None:
    assert 138 < ENTROPY_BITS < 139


def test_a_password_is_seven_blocks_of_four_with_hyphens() -> None:
    passwords = [new_password().reveal() for _ in range(500)]
    assert len(set(passwords)) == 500
    assert all(re.fullmatch(f"[{ALPHABET}]{{4}}(-[{ALPHABET}]{{4}}){{6}}", password) for password in passwords)
    assert set("".join(passwords)) == {*ALPHABET, "-"}


def test_a_password_is_recognised_where_it_should_not_be_typed() -> None:
    password = new_password().reveal()
    assert holds_secret(f"Het wachtwoord is {password}.")
    assert holds_secret(password.lower())


def test_passlib_comes_from_libpass() -> None:
    assert version("libpass")
    with pytest.raises(PackageNotFoundError):
        version("passlib")
