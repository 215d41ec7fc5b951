import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyservice.gemeenten.phones import InvalidPhone, PhoneFault, is_mobile, parse_mobile, parse_phone, show_phone


@pytest.mark.parametrize(
    "typed",
    [
        "0612345678",
        "06 12345678",
        "06-12345678",
        "06 12 34 56 78",
        "06–12345678",
        "06.12.34.56.78",
        " 06 12345678 ",
        "06\u00a012345678",
        "+31612345678",
        "+31 6 12345678",
        "+31 (0)6 12345678",
        "0031612345678",
        "0031 6-12345678",
    ],
)
def test_a_mobile_number_is_read_in_each_spelling(typed: str) -> None:
    assert parse_mobile(typed) == "+31612345678"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("0970 123 45678", PhoneFault.NOT_MOBILE),
        ("+31 970 12345678", PhoneFault.NOT_MOBILE),
        ("030 286 00 00", PhoneFault.NOT_MOBILE),
        ("14 030", PhoneFault.NOT_MOBILE),
        ("066 1234567", PhoneFault.NOT_MOBILE),
        ("+32 470 12 34 56", PhoneFault.NOT_DUTCH),
        ("0032470123456", PhoneFault.NOT_DUTCH),
        ("06-1234567", PhoneFault.NOT_DUTCH),
        ("06 123456789", PhoneFault.NOT_DUTCH),
        ("06 12345678 ext 3", PhoneFault.NOT_DUTCH),
        ("0612345678;1", PhoneFault.NOT_DUTCH),
        ("٠٦١٢٣٤٥٦٧٨", PhoneFault.NOT_DUTCH),
        ("06 1234\r\n5678", PhoneFault.NOT_DUTCH),
        ("\u200f0612345678", PhoneFault.NOT_DUTCH),
        pytest.param("06" * 5_000_000, PhoneFault.NOT_DUTCH, id="10 MB"),
        ("", PhoneFault.NOT_DUTCH),
        ("112", PhoneFault.NOT_DUTCH),
    ],
)
def test_anything_else_is_refused_as_mobile(typed: str, code: PhoneFault) -> None:
    with pytest.raises(InvalidPhone) as refused:
        parse_mobile(typed)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("typed", "e164"), [("030 286 00 00", "+31302860000"), ("14 030", "+3114030"), ("06 12345678", "+31612345678")]
)
def test_each_dutch_number_is_a_phone(typed: str, e164: str) -> None:
    assert parse_phone(typed) == e164


def test_0970_is_dutch_but_no_mobile() -> None:
    assert not is_mobile(parse_phone("0970 123 45678"))


def test_a_number_is_shown_as_people_write_it() -> None:
    assert show_phone("+31612345678") == "06 12345678"
    assert show_phone("+31302860000") == "030 286 0000"


@given(st.integers(min_value=10_000_000, max_value=49_999_999).map(lambda number: f"+316{number}"))
def test_what_is_shown_can_be_typed_again(e164: str) -> None:
    assert parse_mobile(show_phone(e164)) == e164


@given(st.text())
def test_any_text_gives_a_clean_number_or_is_refused(typed: str) -> None:
    try:
        number = parse_phone(typed)
    except InvalidPhone:
        return
    assert number.startswith("+31")
    assert number.isascii()
