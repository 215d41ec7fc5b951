"""Makes and reads the zip that carries a key: WinZip AES-256, the same outside for every key.

The encryption is the AE-2 format of WinZip ("AES Encryption Information: Encryption Specification AE-1 and AE-2"). AE-2
has no checksum of the clear text in its header, where AE-1 would give everybody a CRC of the key.
"""

import io
import os
import struct
import zlib
from typing import Any

from Cryptodome.Cipher import AES
from Cryptodome.Hash import HMAC
from Cryptodome.Hash import SHA1 as SHA1_MODULE
from Cryptodome.Util import Counter
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from pyzipper.zipfile import ZIP_STORED, BadZipFile
from pyzipper.zipfile_aes import (
    WZ_AES,
    WZ_AES_V2,
    AESZipDecrypter,
    AESZipEncrypter,
    AESZipExtFile,
    AESZipFile,
    AESZipInfo,
)

from keyservice.kernel.secret import Secret

CONTENT_SIZE = 2048
"""Bytes in the one entry of every zip: its size tells nothing about what is inside."""

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment a zip can express
_AES_256 = 3
_ENCRYPTED = 0x1
_SALT = 16
_OVERHEAD = _SALT + 2 + 10  # salt, password check and seal around the content
_UNREADABLE = (
    *(RuntimeError, BadZipFile, zlib.error, EOFError),  # wrong password, wrong seal, cut off
    *(struct.error, ValueError, OverflowError, OSError, KeyError),  # headers that point nowhere
)


class ZipUnreadable(Exception):
    """The password is wrong, or the bytes are not the zip that was made."""


def _keys(password: bytes, salt: bytes) -> tuple[Any, HMAC.HMAC, bytes]:
    """Return cipher, seal and password check, derived by OpenSSL: half the cost of pyzipper's own, the same format."""
    keys = PBKDF2HMAC(SHA1(), length=66, salt=salt, iterations=1000).derive(password)  # noqa: S303 - the format
    cipher = AES.new(keys[:32], AES.MODE_CTR, counter=Counter.new(nbits=128, little_endian=True))
    return cipher, HMAC.new(keys[32:64], digestmod=SHA1_MODULE), keys[64:]


class _Encrypter(AESZipEncrypter):
    def __init__(self, password: bytes) -> None:
        self.force_wz_aes_version = WZ_AES_V2
        self.aes_strength = _AES_256
        self.salt = os.urandom(_SALT)
        self.encrypter, self.hmac, self.encpwdverify = _keys(password, self.salt)


class _Decrypter(AESZipDecrypter):
    def __init__(self, entry: AESZipInfo, pwd: bytes, encryption_header: bytes) -> None:
        self.filename = entry.filename
        self.decypter, self.hmac, check = _keys(pwd, encryption_header[:_SALT])  # spelled as pyzipper spells it
        if check != encryption_header[_SALT:]:
            raise ZipUnreadable


class _EntryReader(AESZipExtFile):
    def setup_aeszipdecrypter(self) -> type[_Decrypter]:
        super().setup_aeszipdecrypter()  # type: ignore[no-untyped-call]  # takes in the salt
        return _Decrypter


class _Reader(AESZipFile):
    zipextfile_cls = _EntryReader


class _Writer(AESZipFile):
    def __init__(self, buffer: io.BytesIO, password: Secret) -> None:
        super().__init__(buffer, "w", compression=ZIP_STORED, encryption=WZ_AES)  # type: ignore[no-untyped-call]  # pyzipper has no types
        self._password = password.reveal().encode()

    def get_encrypter(self) -> AESZipEncrypter:
        return _Encrypter(self._password)


def build_zip(text: str, password: Secret, entry_name: str) -> bytes:
    """Return a zip with the text as its one entry, padded with spaces to `CONTENT_SIZE` and read back.

    Raises ValueError when the text is too long, ZipUnreadable when the result does not open.
    """
    content = _padded(text)
    data = write_zip(content, password, entry_name)
    if read_zip(data, password) != {entry_name: content}:
        raise ZipUnreadable
    return data


def write_zip(content: bytes, password: Secret, entry_name: str) -> bytes:
    """Return a zip with one entry, not yet read back."""
    buffer = io.BytesIO()
    with _Writer(buffer, password) as archive:
        archive.writestr(archive.zipinfo_cls(entry_name, date_time=_EARLIEST), content)
    return buffer.getvalue()


def read_zip(data: bytes, password: Secret) -> dict[str, bytes]:
    """Return the content of each entry by its name.

    Raises ZipUnreadable, also for an entry that is not AE-2 with AES-256.
    """
    try:
        with _Reader(io.BytesIO(data)) as archive:  # type: ignore[no-untyped-call]  # as above
            archive.setpassword(password.reveal().encode())
            return {entry.filename: _content(archive, entry) for entry in archive.infolist()}
    except _UNREADABLE:
        raise ZipUnreadable from None


def _content(archive: _Reader, entry: AESZipInfo) -> bytes:
    if not entry.flag_bits & _ENCRYPTED or (entry.wz_aes_version, entry.wz_aes_strength) != (WZ_AES_V2, _AES_256):
        raise ZipUnreadable
    if entry.compress_size - entry.file_size != _OVERHEAD:  # a shorter size would be read without reaching the seal
        raise ZipUnreadable
    return bytes(archive.read(entry))  # type: ignore[no-untyped-call]  # as above


def _padded(text: str) -> bytes:
    content = text.encode()
    if len(content) > CONTENT_SIZE:
        raise ValueError(f"the text has {len(content)} bytes; a zip holds {CONTENT_SIZE}")
    return content.ljust(CONTENT_SIZE)
