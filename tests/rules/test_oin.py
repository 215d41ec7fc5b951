import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyservice.gemeenten.oin import InvalidNumber, NumberFault, parse_kvk, parse_oin

RSIN_OIN = "00000001822477348000"


@pytest.mark.parametrize(
    "typed",
    [
        RSIN_OIN,
        "00000001 822477348 000",
        "00000001.8224.77348.000",
        " 00000001-822477348–000\n",
        "00000001\u00a0822477348000",
    ],
)
def test_an_oin_is_read_with_any_separators(typed: str) -> None:
    assert parse_oin(typed, omgeving_is_acceptatie=False) == RSIN_OIN


@pytest.mark.parametrize("oin", ["00000004194049711000", "00000001002220647000", "00000003123456780000"])
def test_other_registers_are_accepted(oin: str) -> None:
    assert parse_oin(oin, omgeving_is_acceptatie=False) == oin


def test_a_number_with_letters_is_stored_in_capitals() -> None:
    assert parse_oin("00000007 12ab34cd5 000", omgeving_is_acceptatie=False) == "0000000712AB34CD5000"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", NumberFault.LENGTH),
        ("0000000182247734800", NumberFault.LENGTH),
        ("000000018224773480000", NumberFault.LENGTH),
        pytest.param("1" * 10_000_000, NumberFault.LENGTH, id="10 MB"),
        ("0000000x822477348000", NumberFault.CHARACTERS),
        ("00000001822477_48000", NumberFault.CHARACTERS),
        ("0000000182247734٨000", NumberFault.CHARACTERS),
        ("00000001８22477348000", NumberFault.CHARACTERS),
        ("0000000182247734\u200f000", NumberFault.CHARACTERS),
        ("99999999822477348000", NumberFault.PREFIX),
        ("00000005822477348000", NumberFault.PREFIX),
        ("00000099000000001000", NumberFault.TEST),
        ("00000001822477348001", NumberFault.SUFFIX),
        ("00000001822477349000", NumberFault.RSIN),
        ("00000001000000000000", NumberFault.RSIN),
        ("0000000182247734A000", NumberFault.RSIN),
        ("00000003123456789000", NumberFault.KVK),
        ("00000003A23456780000", NumberFault.KVK),
    ],
)
def test_a_wrong_oin_is_refused_with_its_reason(typed: str, code: NumberFault) -> None:
    with pytest.raises(InvalidNumber) as refused:
        parse_oin(typed, omgeving_is_acceptatie=False)
    assert refused.value.code == code


def test_a_test_oin_is_for_acceptatie_only() -> None:
    assert parse_oin("00000099000000001000", omgeving_is_acceptatie=True) == "00000099000000001000"


def test_each_single_wrong_digit_in_an_rsin_is_refused() -> None:
    wrong = [
        f"{RSIN_OIN[:place]}{digit}{RSIN_OIN[place + 1 :]}"
        for place in range(8, 17)
        for digit in "0123456789"
        if digit != RSIN_OIN[place]
    ]
    assert len(wrong) == 81
    for oin in wrong:
        with pytest.raises(InvalidNumber) as refused:
            parse_oin(oin, omgeving_is_acceptatie=False)
        assert refused.value.code == NumberFault.RSIN


@given(st.text())
def test_any_text_gives_a_clean_oin_or_is_refused(typed: str) -> None:
    try:
        oin = parse_oin(typed, omgeving_is_acceptatie=True)
    except InvalidNumber:
        return
    assert len(oin) == 20
    assert oin.isascii()


@pytest.mark.parametrize("typed", ["12345678", " 1234 5678 ", "12.34.56.78"])
def test_a_kvk_nummer_is_read(typed: str) -> None:
    assert parse_kvk(typed) == "12345678"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("1234567", NumberFault.LENGTH),
        ("123456789", NumberFault.LENGTH),
        ("1234567a", NumberFault.CHARACTERS),
        ("1234567٨", NumberFault.CHARACTERS),
    ],
)
def test_a_wrong_kvk_nummer_is_refused(typed: str, code: NumberFault) -> None:
    with pytest.raises(InvalidNumber) as refused:
        parse_kvk(typed)
    assert refused.value.code == code
