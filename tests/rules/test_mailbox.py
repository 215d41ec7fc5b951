import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyservice.kernel.mailbox import InvalidEmail, canonical_mailbox, parse_email


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("a.devries@gemeente.example", "a.devries@gemeente.example"),
        ("  A.deVries@Gemeente.EXAMPLE ", "A.deVries@gemeente.example"),
        ("post@bücher.example", "post@xn--bcher-kva.example"),
        ("o'brien+key@gemeente.example", "o'brien+key@gemeente.example"),
    ],
)
def test_an_address_is_read(typed: str, address: str) -> None:
    assert parse_email(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "a",
        "a@b",
        "a@gemeente.local",
        "a@@gemeente.example",
        "a b@gemeente.example",
        '"a b"@gemeente.example',
        "a@[192.0.2.1]",
        "a@gemeente.example\r\nBcc: b@gemeente.example",
        "a\n@gemeente.example",
        "a@gemeente.example\n",
        "a\x00@gemeente.example",
        "a@gemeente.example\x7f",
        "a\u200f@gemeente.example",
        "a@geme\u200bente.example",
        "аnna@gemeente.example",
        "A. de Vries <a@gemeente.example>",
        "a@gemeente.example, b@gemeente.example",
        pytest.param("a" * 10_000_000 + "@gemeente.example", id="10 MB"),
        "a" * 65 + "@gemeente.example",
    ],
)
def test_anything_else_is_refused(typed: str) -> None:
    with pytest.raises(InvalidEmail):
        parse_email(typed)


@pytest.mark.parametrize(
    "spelling",
    [
        "A.deVries@Gemeente.example",
        "adevries@gemeente.example",
        "a.d.e.v.r.i.e.s@gemeente.example",
        "ADEVRIES+wachtwoord@GEMEENTE.EXAMPLE",
        " a.devries+a+b@gemeente.example ",
    ],
)
def test_spellings_of_one_mailbox_are_one(spelling: str) -> None:
    assert canonical_mailbox(spelling) == "adevries@gemeente.example"


def test_an_idn_domain_is_the_same_in_both_forms() -> None:
    assert canonical_mailbox("a@BÜCHER.example") == canonical_mailbox("a@xn--bcher-kva.example")


def test_two_addresses_that_begin_with_a_plus_are_two() -> None:
    assert canonical_mailbox("+a@gemeente.example") != canonical_mailbox("+b@gemeente.example")


@given(st.text(max_size=80))
def test_any_text_gives_a_clean_address_or_is_refused(typed: str) -> None:
    try:
        address = parse_email(typed)
    except InvalidEmail:
        return
    assert address.isascii()
    assert address.isprintable()


@given(st.emails())
def test_a_canonical_mailbox_is_its_own_canonical_mailbox(typed: str) -> None:
    try:
        canonical = canonical_mailbox(typed)
    except InvalidEmail:
        return
    assert canonical_mailbox(canonical) == canonical
