import hashlib
import io
import os
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest
from pyzipper.zipfile_aes import AESZipFile

from keyservice.contacts.practice import PRACTICE_ENTRY, practice_text
from keyservice.issuance.contents import KEY_ENTRY, key_text
from keyservice.kernel.passwords import new_password
from keyservice.kernel.secret import Secret
from keyservice.kernel.zips import CONTENT_SIZE, ZipUnreadable, build_zip, read_zip
from keyservice.sleutels.activation import new_activation_code
from keyservice.sleutels.format import KEY_PATTERN, Omgeving, check_format, new_key

PASSWORD = new_password()
TEXT = key_text(new_key(Omgeving.PRODUCTIE), new_activation_code())
ZIP = build_zip(TEXT, PASSWORD, KEY_ENTRY)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run a zip program that a recipient could have; skip when it is not here."""
    if shutil.which(str(arguments[0])) is None:
        pytest.skip(f"{arguments[0]} is not installed")
    return subprocess.run([*map(str, arguments)], capture_output=True, check=False, timeout=30)


def facts(data: bytes) -> dict[str, object]:
    """Everything that anyone can see of a zip without its password."""
    with AESZipFile(io.BytesIO(data)) as archive:
        (entry,) = archive.infolist()
        return {
            "size": len(data),
            "comments": archive.comment + entry.comment,
            "name": entry.filename,
            "date": entry.date_time,
            "method": entry.compress_type,
            "version": entry.wz_aes_version,
            "strength": entry.wz_aes_strength,
            "crc": entry.CRC,
            "sizes": (entry.file_size, entry.compress_size),
            "attributes": (entry.external_attr, entry.internal_attr, entry.flag_bits, entry.create_system),
        }


def test_a_zip_opens_with_its_password() -> None:
    assert read_zip(ZIP, PASSWORD) == {KEY_ENTRY: TEXT.encode().ljust(CONTENT_SIZE)}


def test_7zip_opens_it(tmp_path: Path) -> None:
    (tmp_path / "sleutel.zip").write_bytes(ZIP)
    done = run("7z", "x", f"-p{PASSWORD.reveal()}", f"-o{tmp_path}", tmp_path / "sleutel.zip")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / KEY_ENTRY).read_bytes().rstrip(b" ") == TEXT.encode()


def test_7zip_refuses_another_password(tmp_path: Path) -> None:
    (tmp_path / "sleutel.zip").write_bytes(ZIP)
    assert run("7z", "t", f"-p{new_password().reveal()}", tmp_path / "sleutel.zip").returncode == 2


def test_bsdtar_opens_it(tmp_path: Path) -> None:
    (tmp_path / "sleutel.zip").write_bytes(ZIP)
    done = run("bsdtar", "-x", "--passphrase", PASSWORD.reveal(), "-C", tmp_path, "-f", tmp_path / "sleutel.zip")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / KEY_ENTRY).read_bytes().rstrip(b" ") == TEXT.encode()


def test_a_thousand_zips_look_the_same_from_outside() -> None:
    zips = [
        build_zip(key_text(new_key(omgeving), new_activation_code()), new_password(), KEY_ENTRY)
        for omgeving in Omgeving
        for _ in range(500)
    ]
    first = facts(zips[0])
    assert [facts(data) for data in zips] == [first] * 1000
    assert (
        first
        | {
            "comments": b"",
            "name": "applicatiesleutel.txt",
            "date": (1980, 1, 1, 0, 0, 0),
            "method": zipfile.ZIP_STORED,
            "version": 2,
            "strength": 3,
            "crc": 0,
            "sizes": (2048, 2048 + 28),
        }
        == first
    )


def test_two_zips_of_one_text_share_no_salt() -> None:
    start = 30 + len(KEY_ENTRY)
    again = build_zip(TEXT, PASSWORD, KEY_ENTRY)
    assert ZIP[:14] == again[:14]
    assert ZIP[start:] != again[start:]


def test_another_password_does_not_open_it() -> None:
    for wrong in (new_password(), Secret(PASSWORD.reveal().lower()), Secret(PASSWORD.reveal().replace("-", ""))):
        with pytest.raises(ZipUnreadable):
            read_zip(ZIP, wrong)


def with_check_of(password: Secret, data: bytes = ZIP) -> bytes:
    """Return a zip with the two bytes by which a program knows a wrong password at once, made to fit a wrong one.

    One wrong password in 65,536 fits them by chance; then the seal of the content is all that is left.
    """
    start = 30 + sum(struct.unpack("<HH", data[26:30]))
    salt = data[start : start + 16]
    check = hashlib.pbkdf2_hmac("sha1", password.reveal().encode(), salt, 1000, 66)[64:]
    return data[: start + 16] + check + data[start + 18 :]


def test_a_wrong_password_that_passes_for_right_at_first_opens_nothing() -> None:
    assert with_check_of(PASSWORD) == ZIP
    wrong = new_password()
    with pytest.raises(ZipUnreadable):
        read_zip(with_check_of(wrong), wrong)


@pytest.mark.parametrize("program", ["7z t -p{}", "bsdtar -x -O --passphrase {} -f"])
def test_programs_of_recipients_see_it_too(program: str, tmp_path: Path) -> None:
    wrong, archive = new_password(), tmp_path / "sleutel.zip"
    for password, data in ((PASSWORD, ZIP), (wrong, with_check_of(wrong))):
        archive.write_bytes(data)
        done = run(*program.format(password.reveal()).split(), archive)
        assert (done.returncode == 0) is (password is PASSWORD), done.stderr
        assert (TEXT.encode() in done.stdout) is (password is PASSWORD and "bsdtar" in program)


def test_a_flipped_byte_never_gives_another_content() -> None:
    headers = [*range(100), *range(len(ZIP) - 120, len(ZIP))]
    for place in [*headers, *range(100, len(ZIP) - 120, 97)]:
        changed = bytearray(ZIP)
        changed[place] ^= 0xFF
        try:
            assert read_zip(bytes(changed), PASSWORD) == {KEY_ENTRY: TEXT.encode().ljust(CONTENT_SIZE)}
        except ZipUnreadable:
            continue
        assert place in headers, "a change of the sealed content must show"


def test_a_size_set_to_nothing_does_not_hide_the_content() -> None:
    directory = ZIP.rindex(b"PK\x01\x02")
    emptied = ZIP[: directory + 24] + bytes(4) + ZIP[directory + 28 :]
    with pytest.raises(ZipUnreadable):
        read_zip(emptied, PASSWORD)


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", ZIP[:1000], ZIP[:-30], ZIP[100:], os.urandom(500)],
    ids=["empty", "start", "half", "no-end", "no-start", "noise"],
)
def test_a_piece_of_a_zip_is_unreadable(data: bytes) -> None:
    with pytest.raises(ZipUnreadable):
        read_zip(data, PASSWORD)


def test_a_zip_without_encryption_is_unreadable() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(KEY_ENTRY, TEXT)
    with pytest.raises(ZipUnreadable):
        read_zip(buffer.getvalue(), PASSWORD)


def test_a_text_that_does_not_fit_is_refused() -> None:
    assert read_zip(build_zip("x" * CONTENT_SIZE, PASSWORD, "a.txt"), PASSWORD) == {"a.txt": b"x" * CONTENT_SIZE}
    with pytest.raises(ValueError, match="2049 bytes"):
        build_zip("x" * (CONTENT_SIZE + 1), PASSWORD, "a.txt")


def test_i6_nothing_of_the_content_stands_in_clear_in_the_zip() -> None:
    assert not any(line.encode() in ZIP for line in TEXT.split("\r\n") if line)


def test_key_and_activation_code_each_stand_alone_on_a_line() -> None:
    key, code = new_key(Omgeving.ACCEPTATIE), new_activation_code()
    lines = key_text(key, code).split("\r\n")
    assert lines.count(key.reveal()) == 1
    assert lines.count(f"{code.reveal()[:4]}-{code.reveal()[4:]}") == 1
    (found,) = [line for line in lines if KEY_PATTERN.fullmatch(line)]
    assert check_format(found) is None


def test_the_practice_file_holds_its_code_and_no_key() -> None:
    text = practice_text(Secret("12345678"))
    assert text.split("\r\n").count("1234-5678") == 1
    assert not KEY_PATTERN.search(text)
    assert set(read_zip(build_zip(text, PASSWORD, PRACTICE_ENTRY), PASSWORD)) == {"oefenbestand.txt"}


@pytest.mark.parametrize("text", [TEXT, practice_text(Secret("12345678"))], ids=["key", "practice"])
def test_a_text_shows_the_same_on_each_system(text: str) -> None:
    assert text.isascii()
    assert text.count("\n") == text.count("\r\n")
    assert max(map(len, text.split("\r\n"))) <= 78
