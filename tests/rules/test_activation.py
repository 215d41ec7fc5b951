import pytest

from keyservice.kernel.secret import Secret
from keyservice.sleutels.activation import InvalidActivationCode, new_activation_code, parse_activation_code

ALPHABET = set("23456789ABCDEFGHJKMNPQRSTUVWXYZ")


def test_a_code_has_8_of_31_characters() -> None:
    codes = [new_activation_code().reveal() for _ in range(500)]
    assert {len(code) for code in codes} == {8}
    assert set("".join(codes)) == ALPHABET
    assert len(ALPHABET) == 31


def test_every_new_code_can_be_typed() -> None:
    code = new_activation_code()
    assert parse_activation_code(code.reveal()).reveal() == code.reveal()


@pytest.mark.parametrize("typed", ["7K4MWXQ2", "7k4mwxq2", " 7K4M WXQ2 ", "7k4m-wxq2", "7K 4M.WX-Q2\n"])
def test_spaces_dashes_and_case_do_not_count(typed: str) -> None:
    assert parse_activation_code(typed).reveal() == "7K4MWXQ2"


@pytest.mark.parametrize(
    "typed",
    ["", "7K4MWXQ", "7K4MWXQ22", "7K4MWXQO", "7K4MWXQ1", "7K4MWXQ٢", pytest.param("7" * 10_000_000, id="10 MB")],
)
def test_what_cannot_be_a_code_is_refused(typed: str) -> None:
    with pytest.raises(InvalidActivationCode):
        parse_activation_code(typed)


def test_a_code_does_not_print() -> None:
    code = new_activation_code()
    assert isinstance(code, Secret)
    assert code.reveal() not in f"{code} {code!r}"
