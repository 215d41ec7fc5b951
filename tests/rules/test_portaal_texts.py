"""BSN, birth dates and the file of DUO, as people and systems write them."""

import io

import pytest

from keyservice.portaal import birth, bsn_text
from keyservice.portaal.person_file import COLUMNS, Line, lines

HEAD = ";".join(COLUMNS) + "\n"
GOOD = "999990019;Amira;;Voorbeeldstra;1985-11-03;Wi2013;9998;2020-01-15;2021-01-14\n"


@pytest.mark.parametrize("typed", ["999990019", "9999.90.019", " 999 990 019 ", "9999-90-019"])
def test_a_bsn_may_be_typed_with_spaces_dots_and_dashes(typed: str) -> None:
    assert bsn_text.parse(typed).reveal() == "999990019"


@pytest.mark.parametrize(
    "typed", ["", "123456789", "000000000", "99999001", "9999900191", "99999001x", "٩٩٩٩٩٠٠١٩", "a" * 9]
)
def test_what_fails_the_11_proef_is_no_bsn_and_the_fault_does_not_repeat_it(typed: str) -> None:
    with pytest.raises(ValueError, match=r"^no BSN$"):
        bsn_text.parse(typed)


def test_a_bsn_of_eight_digits_gets_its_zero_back() -> None:
    assert bsn_text.parse("10000008").reveal() == "010000008"


@pytest.mark.parametrize(
    "text", ["BSN 999990019.", "9999.90.019", "het nummer is 999 990 019, zegt hij", "1 999990019"]
)
def test_a_bsn_in_a_free_text_is_seen(text: str) -> None:
    assert bsn_text.stands_in(text)


@pytest.mark.parametrize("text", ["", "Kwam niet op 3-11-2026", "123456789", "tel. 06 12345678", "9999900199"])
def test_other_numbers_in_a_free_text_are_left_alone(text: str) -> None:
    assert not bsn_text.stands_in(text)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("3-11-1985", "1985-11-03"),
        ("03/11/1985", "1985-11-03"),
        ("3 11 1985", "1985-11-03"),
        ("1985-11-03", "1985-11-03"),
        ("00-00-1985", "1985-00-00"),
        ("0-11-1985", "1985-11-00"),
        ("1985-00-00", "1985-00-00"),
    ],
)
def test_a_birth_date_may_lack_its_day_or_month(typed: str, stored: str) -> None:
    assert birth.parse(typed) == stored


@pytest.mark.parametrize("typed", ["", "31-2-1985", "3-0-1985", "3-11-85", "3-13-1985", "3-11-1885", "november 1985"])
def test_what_no_calendar_has_is_no_birth_date(typed: str) -> None:
    with pytest.raises(ValueError, match=r"date|day|month"):
        birth.parse(typed)


def test_somebody_of_whom_less_is_known_is_found_by_a_whole_birth_date() -> None:
    assert birth.may_be("1985-11-03") == ["1985-11-03", "1985-11-00", "1985-00-00"]
    assert birth.may_be("1985-00-00") == ["1985-00-00"]


def read(text: str) -> list[Line]:
    return list(lines(io.StringIO(text)))


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("separator", [";", ","])
def test_a_line_becomes_a_person(mark: str, separator: str) -> None:
    (line,) = read(mark + (HEAD + GOOD).replace(";", separator))
    assert line.number == 2
    assert line.person
    assert line.person.bsn.reveal() == "999990019"
    assert (line.person.surname, line.person.birth_date) == ("Voorbeeldstra", "1985-11-03")


@pytest.mark.parametrize("rubbish", ["\0" * 200_000, "x;" * 200_000, '"' + "x" * 200_000, f"bsn;{HEAD}{GOOD}"])
def test_rubbish_is_no_file_of_people(rubbish: str) -> None:
    with pytest.raises(ValueError, match="the first line must be"):
        read(rubbish)


def test_a_field_of_a_megabyte_ends_the_reading_with_the_reason() -> None:
    found = read(HEAD + GOOD + GOOD.replace("Amira", "x" * 2**20) + GOOD)
    assert [(line.number, line.faults) for line in found][1:] == [
        (3, ("een veld is veel te lang, of de aanhalingstekens kloppen niet",))
    ]


def test_a_file_with_other_headings_is_refused_as_a_whole() -> None:
    with pytest.raises(ValueError, match="the first line must be bsn;voornamen;"):
        read("bsn;naam\n")
    with pytest.raises(ValueError, match="the first line"):
        read("")


@pytest.mark.parametrize(
    ("was", "becomes", "fault"),
    [
        ("999990019", "999990018", "bsn: voldoet niet aan de 11-proef"),
        ("Voorbeeldstra", "", "achternaam: ontbreekt"),
        ("Amira", "999990019", "voornamen: is langer dan 200 tekens, of er staat een BSN in"),
        ("1985-11-03", "1985-13-03", "geboortedatum: is geen datum"),
        ("Wi2013", "Wi2020", "wet: is niet Wi2013 of Wi2021"),
        ("9998", "998", "gemeente: is geen code van 4 cijfers"),
        ("2020-01-15", "15-01-2020", "plicht_van: is geen datum"),
        ("2021-01-14", "2020-01-14", "plicht_tot: ligt voor plicht_van"),
        ("2020-01-15", "2016-01-15", "plicht_van: ligt voor het begin van de Wi2013"),
        ("1985-11-03", "2020-11-03", "geboortedatum: ligt na plicht_van"),
        (";Wi2013", ";extra;Wi2013", "heeft 10 kolommen, niet 9"),
    ],
)
def test_a_wrong_line_says_which_column_is_wrong_and_shows_nothing_of_it(was: str, becomes: str, fault: str) -> None:
    (line,) = read(HEAD + GOOD.replace(was, becomes))
    assert line.person is None
    assert len(line.faults) == 1
    assert line.faults[0].startswith(fault)
    assert "99999001" not in repr(line)


def test_all_columns_that_are_wrong_are_told_at_once_and_lines_keep_their_numbers() -> None:
    found = read(HEAD + GOOD + "\n" + 'x;"a\nb";;;;;;;\n' + GOOD)
    assert [(line.number, len(line.faults)) for line in found] == [(2, 0), (5, 7), (6, 0)]


def test_a_quote_that_is_never_closed_ends_the_reading() -> None:
    found = read(HEAD + GOOD + '1;"Amira;;' + GOOD)
    assert found[-1].faults == ("een veld is veel te lang, of de aanhalingstekens kloppen niet",)
    assert found[-1].person is None
