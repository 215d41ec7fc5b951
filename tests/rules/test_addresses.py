"""Dutch postcodes, and the lines of an envelope."""

import pytest

from keyservice.gemeenten.addresses import InvalidPostcode, parse_postcode
from keyservice.gemeenten.models import Gemeente


@pytest.mark.parametrize("typed", ["1234 AB", "1234AB", " 1234 ab ", "1234ab", "1234-ab", "NL-1234 AB"])
def test_a_postcode_is_read_as_people_type_it(typed: str) -> None:
    assert parse_postcode(typed) == "1234 AB"


@pytest.mark.parametrize(
    "typed", ["", "1234", "0234 AB", "1234 A", "1234 ABC", "12345 AB", "1234 SS", "1234 SD", "B-1000"]
)
def test_what_is_no_dutch_postcode_is_refused(typed: str) -> None:
    with pytest.raises(InvalidPostcode):
        parse_postcode(typed)


def test_the_lines_of_an_envelope_end_with_postcode_two_spaces_and_the_town_in_capitals() -> None:
    gemeente = Gemeente(code="0518", name="'s-Gravenhage", address_line="Spui 70", postcode="2511 BT", town="Den Haag")
    assert gemeente.postal_address == "Spui 70\n2511 BT  DEN HAAG"


@pytest.mark.parametrize("lacks", ["address_line", "postcode", "town"])
def test_half_an_address_is_no_address(lacks: str) -> None:
    whole = {"address_line": "Spui 70", "postcode": "2511 BT", "town": "Den Haag"}
    assert Gemeente(code="0518", **whole | {lacks: None}).postal_address is None
