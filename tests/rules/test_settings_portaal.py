"""What is set for the portaal: days from which something is allowed, and the file of reasons."""

from datetime import date
from pathlib import Path

import pytest

from keyservice.settings_portaal import EXAMPLES, NEVER, Openings, openings, portaal, read_reasons

HEAD = "code,tekst,geldig_van,geldig_tot,toelichting\n"


def test_what_is_not_set_is_as_the_sources_say() -> None:
    faults: list[str] = []
    assert openings("", faults) == Openings(NEVER, NEVER, date.min)
    assert faults == []


def test_a_day_that_is_set_replaces_only_itself() -> None:
    faults: list[str] = []
    found = openings("machine-wi2021=2027-01-01 machine-refusals=never", faults)
    assert found == Openings(NEVER, date(2027, 1, 1), NEVER)
    assert faults == []


@pytest.mark.parametrize("text", ["machine=2027-01-01", "machine-wi2021=morgen", "machine-wi2021", "2027-01-01"])
def test_what_cannot_be_understood_is_told(text: str) -> None:
    faults: list[str] = []
    openings(text, faults)
    assert len(faults) == 1
    assert faults[0].startswith("PORTAAL")


def test_the_examples_say_that_they_are_examples() -> None:
    found = read_reasons(EXAMPLES)
    assert list(found) == ["GEWEIGERD", "NIET_VERSCHENEN", "VERHUISD", "OVERIG"]
    assert all("voorbeeld" in reason.text for reason in found.values())
    assert [code for code, reason in found.items() if reason.explained] == ["OVERIG"]


def test_an_operator_has_a_file_of_his_own(tmp_path: Path) -> None:
    file = tmp_path / "redenen.csv"
    file.write_text(HEAD + "ZIEK,Langdurig ziek,2026-01-01,2026-12-31,nee\n", "utf-8")
    faults: list[str] = []
    reason = portaal("", str(file), "productie", faults).reasons["ZIEK"]
    assert faults == []
    days = (date(2025, 12, 31), date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1))
    assert [reason.valid_on(day) for day in days] == [False, True, True, False]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "must begin with the line"),
        (HEAD, "holds no reason"),
        (HEAD + "ziek,Ziek,,,nee\n", "line 2 is wrong"),
        (HEAD + "ZIEK,Ziek,,,misschien\n", "line 2 is wrong"),
        (HEAD + "ZIEK,Ziek,morgen,,nee\n", "line 2 is wrong"),
        (HEAD + "ZIEK,Ziek\n", "line 2 is wrong"),
        (HEAD + "ZIEK,Ziek,2026-01-02,2026-01-01,nee\n", "it ends before it begins"),
        (HEAD + "ZIEK,Ziek,,,nee\nZIEK,Ook ziek,,,nee\n", "line 3: ZIEK is there twice"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_its_line(tmp_path: Path, content: str, fault: str) -> None:
    file = tmp_path / "redenen.csv"
    file.write_text(content, "utf-8")
    faults: list[str] = []
    portaal("", str(file), "productie", faults)
    assert len(faults) == 1
    assert faults[0].startswith("REASONS: ")
    assert fault in faults[0]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    faults: list[str] = []
    portaal("", str(tmp_path / "weg.csv"), "productie", faults)
    assert "cannot be read" in faults[0]
