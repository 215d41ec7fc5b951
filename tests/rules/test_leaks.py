"""Keys in what somebody pastes."""

import pytest

from keyservice.sleutels.format import Omgeving, new_key
from keyservice.sleutels.leaks import LEFT_OUT, keys_in, without_keys

# One that is never given out, so that the names of the tests stay the same.
KEY = "asl_p_VoorbeeldVoorbeeldVoorbeeld123454es8EW"
OTHER = new_key(Omgeving.ACCEPTATIE).reveal()


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"  {KEY}\r\n",
        f"SLEUTEL='{KEY}'; # tot 2027",
        f'{{"authorization": "Bearer {KEY}"}}',
        f"https://voorbeeld.example/?sleutel={KEY.replace('_', '%5F')}&x=1",
        KEY.replace("_", "\\_"),
        f"{KEY[:20]}\n   {KEY[20:]}",
        f"{KEY}achtervoegsel",
        f"\ufeff{KEY[:9]}\u200b{KEY[9:]}",
    ],
)
def test_a_key_is_found_however_it_was_pasted(text: str) -> None:
    assert [key.reveal() for key in keys_in(text)] == [KEY]


def test_several_keys_are_found_once_each() -> None:
    assert [key.reveal() for key in keys_in(f"{KEY}\n{OTHER}\n{KEY}")] == [KEY, OTHER]


@pytest.mark.parametrize(
    "text", ["", "SL-2026-00042", KEY[:-1], f"{KEY[:-1]}{'a' if KEY[-1] != 'a' else 'b'}", KEY.lower(), "asl_p_" * 50]
)
def test_what_is_no_whole_key_is_none(text: str) -> None:
    assert keys_in(text) == []


def test_where_a_key_was_found_is_told_without_the_key() -> None:
    told = without_keys(f"In https://voorbeeld.example/log?k={KEY} op 3 maart")
    assert told == "In https://voorbeeld.example/log?k=(sleutel) op 3 maart"


def test_with_another_secret_in_it_nothing_of_the_text_stays() -> None:
    assert without_keys("Het wachtwoord was ABCD-EFGH-JKMN-PQRS-TUVW-XYZ2-3456") == LEFT_OUT
    assert without_keys(f"Half: {KEY[:30]}") == LEFT_OUT
