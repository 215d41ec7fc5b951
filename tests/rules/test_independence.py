from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyservice.contacts.independence import Ground, Party, conflicts, same_name

ids = st.uuids()
users = st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){0,2}", fullmatch=True)
domains = st.sampled_from(["gemeente.example", "elders.example", "bücher.example"])
mailboxes = st.builds("{}@{}".format, users, domains)
mobiles = st.integers(min_value=10_000_000, max_value=49_999_999).map(lambda number: f"06{number}")
parties = st.builds(
    Party,
    st.none() | ids,
    st.none() | ids,
    st.sampled_from(["A. Bos", "B. Vos"]),
    st.none() | mailboxes,
    st.none() | mobiles,
)


def party(number: int, mailbox: str | None = None, mobile: str | None = None) -> Party:
    return Party(UUID(int=2 * number), UUID(int=2 * number + 1), f"Persoon {number}", mailbox, mobile)


@st.composite
def mailbox_spellings(draw: st.DrawFn) -> tuple[str, str]:
    """One mailbox, spelled in two ways."""
    user, domain = draw(users), draw(domains)

    def spelling() -> str:
        dotted = "".join(letter + draw(st.sampled_from(["", "."])) for letter in user.replace(".", ""))
        tagged = dotted.strip(".") + draw(st.sampled_from(["", "+", "+a", "+a.b", "+a+b"]))
        spelled_domain = draw(st.sampled_from([domain, domain.upper(), domain.encode("idna").decode()]))
        return f"{draw(st.sampled_from([str.lower, str.upper, str.title]))(tagged)}@{spelled_domain}"

    return spelling(), spelling()


@st.composite
def mobile_spellings(draw: st.DrawFn) -> tuple[str, str]:
    """One mobile number, spelled in two ways."""
    digits = draw(mobiles)[2:]

    def spelling() -> str:
        start = draw(st.sampled_from(["06", "06-", "06 ", "+316", "+31 6 ", "+31 (0)6", "00316", "0031 6-"]))
        gap = draw(st.sampled_from(["", " ", "-"]))
        return start + digits[:4] + gap + digits[4:]

    return spelling(), spelling()


@given(parties, parties)
def test_the_order_of_the_two_does_not_count(a: Party, b: Party) -> None:
    assert conflicts(a, b) == conflicts(b, a)
    assert same_name(a, b) == same_name(b, a)


@given(parties)
def test_everybody_conflicts_with_himself_on_all_that_is_known(a: Party) -> None:
    known = {
        Ground.SAME_PERSON: a.contact_id,
        Ground.SAME_ACCOUNT: a.account,
        Ground.SAME_MAILBOX: a.mailbox,
        Ground.SAME_NUMBER: a.mobile,
    }
    assert conflicts(a, a) == {ground for ground, value in known.items() if value is not None}


@given(mailbox_spellings())
def test_one_mailbox_conflicts_in_each_spelling(spellings: tuple[str, str]) -> None:
    first, second = spellings
    assert conflicts(party(1, first), party(2, second)) == {Ground.SAME_MAILBOX}


@given(mobile_spellings())
def test_one_number_conflicts_in_each_spelling(spellings: tuple[str, str]) -> None:
    first, second = spellings
    assert conflicts(party(1, mobile=first), party(2, mobile=second)) == {Ground.SAME_NUMBER}


@given(
    st.lists(users.map(lambda user: user.replace(".", "")), min_size=2, max_size=2, unique=True),
    domains,
    mobiles,
    mobiles,
)
def test_other_people_with_other_boxes_and_numbers_never_conflict(
    names: list[str], domain: str, mobile: str, other_mobile: str
) -> None:
    a, b = party(1, f"{names[0]}@{domain}", mobile), party(2, f"{names[1]}@{domain}", other_mobile)
    assert conflicts(a, b) == (frozenset() if mobile != other_mobile else {Ground.SAME_NUMBER})


def test_what_is_unknown_is_never_equal() -> None:
    nobody = Party(None, None, "", None, None)
    assert conflicts(nobody, nobody) == frozenset()


def test_each_ground_is_found_by_itself() -> None:
    a, b = party(1, "a@gemeente.example", "06 12345678"), party(2, "b@gemeente.example", "06 12345679")
    assert conflicts(a, b) == frozenset()
    assert conflicts(a, replace(b, contact_id=a.contact_id)) == {Ground.SAME_PERSON}
    assert conflicts(a, replace(b, account=a.account)) == {Ground.SAME_ACCOUNT}
    assert conflicts(a, replace(b, mailbox=a.mailbox)) == {Ground.SAME_MAILBOX}
    assert conflicts(a, replace(b, mobile=a.mobile)) == {Ground.SAME_NUMBER}


def test_an_equal_name_is_no_ground() -> None:
    a, b = party(1, "a@gemeente.example"), party(2, "b@gemeente.example")
    assert conflicts(a, replace(b, name=a.name)) == frozenset()


def test_an_unchecked_address_gives_no_answer() -> None:
    with pytest.raises(ValueError, match=r"^$"):
        conflicts(party(1, "a@@gemeente.example"), party(2, "b@gemeente.example"))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("A.B. de Vries", "a b de vries"),
        ("A.B. de Vries", "Vries, B.A. de"),
        ("Zoë Koç", "Zoe Koc"),
        ("Zoë", "Zoe\u0308"),
        ("J. Jansen-de Boer", "J de Boer Jansen"),
    ],
)
def test_names_that_read_as_one_are_one(name: str, other: str) -> None:
    assert same_name(replace(party(1), name=name), replace(party(2), name=other))


@pytest.mark.parametrize(("name", "other"), [("A. de Vries", "B. de Vries"), ("A. Vries", "A. de Vries")])
def test_other_names_are_other_names(name: str, other: str) -> None:
    assert not same_name(replace(party(1), name=name), replace(party(2), name=other))
