"""What is typed is cleaned; a secret that was typed is recognised."""

import unicodedata
from collections.abc import Callable
from time import monotonic
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyservice.accounts.passwords import LONGEST, normalised
from keyservice.app import LONGEST_REQUEST
from keyservice.kernel.passwords import new_password
from keyservice.kernel.text import clean, fold, holds_secret, normal
from keyservice.sleutels.format import Omgeving, new_credential, new_key


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("  Anna   Voorbeeld ", "Anna Voorbeeld"),
        ("Anna\r\nBcc: iedereen@voorbeeld.example", "Anna Bcc: iedereen@voorbeeld.example"),
        ("Anna\x00\x07\x1b[31mrood", "Anna [31mrood"),
        ("Anna\x85Voorbeeld\u2028hier", "Anna Voorbeeld hier"),
        ("\u202eannA\u202c", "annA"),
        ("An\u200bna\ufeff\u2060 Voor\u00adbeeld", "Anna Voorbeeld"),
        ("a\u2066b\u2069c\u200ed\u200fe", "abcde"),
        ("Jose\u0301", "José"),
        ("Bakkerij 🍞 'De Vlaai'", "Bakkerij 🍞 'De Vlaai'"),
        ("Şükrü Ðặng", "Şükrü Ðặng"),
        ("\u00a0\u3000", ""),
        ("\u3164\u115f\u1160\uffa0\u2800\u034f\u061c\u180e", ""),
        ("An\u034fna", "Anna"),
        ("", ""),
    ],
)
def test_a_line_is_cleaned(typed: str, cleaned: str) -> None:
    assert clean(typed) == cleaned


def test_a_text_area_keeps_its_lines_and_nothing_else() -> None:
    assert clean("een\r\n  twee\rdrie\x00 \n\nvier\u202e\n", lines=True) == "een\ntwee\ndrie\n\nvier"


@given(st.text(max_size=60), st.booleans())
def test_cleaned_text_holds_no_control_character_and_stays_as_it_is(typed: str, lines: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    cleaned = clean(typed, lines=lines)
    assert not [c for c in cleaned if unicodedata.category(c)[0] == "C" and not (lines and c == "\n")]
    assert clean(cleaned, lines=lines) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)


KEY = new_key(Omgeving.PRODUCTIE).reveal()
PASSWORD = new_password().reveal()


# Named, because they are random: every process that runs tests must see the same names.
SECRETS = {
    "a key": KEY,
    "the credential of a system": new_credential().reveal(),
    "a key in a sentence": f"De sleutel is {KEY}.",
    "a key in capitals": KEY.upper(),
    "half a key": KEY[:20],
    "a key with invisible characters": f"{KEY[:3]}\u200b{KEY[3:9]}\u00ad{KEY[9:]}",
    "a password": PASSWORD,
    "a password in a sentence": f"wachtwoord:{PASSWORD}!",
    "a password in small letters": PASSWORD.lower(),
    "a password with spaces": PASSWORD.replace("-", " "),
    "a password with hard hyphens": PASSWORD.replace("-", "\u2011"),
    "a password with dashes": PASSWORD.replace("-", "\u2013"),
    "a password over lines": PASSWORD.replace("-", "-\n"),
    "a password without hyphens": PASSWORD.replace("-", ""),
    "a password with underscores": PASSWORD.replace("-", "_"),
    "a password in wide letters": PASSWORD.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}),
    "a key over lines": f"{KEY[:10]}\n{KEY[10:]}",
    "a key broken in its head": f"{KEY[:5]}\n{KEY[5:]}",
    "a key as a word processor escapes it": KEY.replace("_", "\\_"),
    "a key in an address": "naam=" + KEY.replace("_", "%5F"),
    "a PGP key": "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "a private key with long dashes": "\u2014\u2014-BEGIN PRIVATE KEY\u2014\u2014-",
    "a PuTTY key": "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none",
    "a private key": "-----BEGIN PRIVATE KEY-----\nMIIE",
    "an RSA key": "-----BEGIN RSA PRIVATE KEY-----",
    "an SSH key": "-----BEGIN OPENSSH PRIVATE KEY-----",
}


@pytest.mark.parametrize("name", list(SECRETS))
def test_a_secret_that_was_typed_is_recognised(name: str) -> None:
    assert holds_secret(SECRETS[name]), SECRETS[name]


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "Graag met spoed, wij gaan op 1 december over.",
        "AA-2026-00042 en SL-2026-00042 en Z-4K7M2Q",
        "De sleutel begint met asl_p_",
        "OIN 00000001002306608000, KvK 12345678, 06-12345678",
        "-----BEGIN CERTIFICATE-----",
        "2345-6789-ABCD",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "Contactfunctionarissen-van-de-samenwerkende-gemeenten",
        "3f2504e04f8941d39a0c0305e82c3301",
        "Wij weten niet wat een private key is",
    ],
)
def test_ordinary_text_is_let_through(typed: str) -> None:
    assert not holds_secret(typed)


def test_names_are_compared_without_case_accents_and_punctuation() -> None:
    assert fold("Centric B.V.") == fold("céntric bv") == "centricbv"


@pytest.mark.parametrize("piece", ["-", "A", "2", "AAAA-", "AAAA ", "asl_p_", "--BEGIN ", "%41", " ", "- "])
def test_the_longest_request_is_looked_through_in_a_moment(piece: str) -> None:
    started = monotonic()
    holds_secret(piece * (LONGEST_REQUEST // len(piece)))
    assert monotonic() - started < 5


# Marks whose order changes, also such as count as letters until they are taken apart.
MARKS = ["\u0315\u0300", "\u0f73\u0f71", "\uff9e\u0315", "\u0f75\u0345\u0315"]


@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize("look", [clean, fold, holds_secret, lambda text: normalised(text[: LONGEST + 1])])
def test_t35_marks_heaped_upon_one_letter_keep_no_process_busy(look: Callable[[str], object], marks: str) -> None:
    longest = f"a{marks}" + marks * (LONGEST_REQUEST // len(marks.encode()))
    for text in (longest, quote(longest)):
        started = monotonic()
        look(text)
        assert monotonic() - started < 5


def test_marks_beyond_the_thirtieth_go_and_no_others() -> None:
    assert normal("NFC", "e" + "\u0301" * 40) == "é" + "\u0301" * 29
    assert clean("n\u0303" * 100) == "ñ" * 100


@given(st.text(alphabet=st.sampled_from("ae\u0301\u0315\u0f73\uff9e1 "), max_size=30))
def test_whatever_people_write_is_in_the_normal_form_of_unicode(text: str) -> None:
    for form in ("NFC", "NFKC", "NFKD"):
        assert normal(form, text) == unicodedata.normalize(form, text)
