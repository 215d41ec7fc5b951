"""docs/crypto-inventory.md names each module that uses cryptography with its algorithms, and each ring (BIO2 8.24)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from keyservice.kernel.seal import LASTING_RINGS, SEALING_RINGS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "keyservice"
INVENTORY = (ROOT / "docs" / "crypto-inventory.md").read_text("utf-8")
LIBRARIES = {
    *("cryptography", "Cryptodome", "Crypto", "nacl", "OpenSSL", "pyzipper", "argon2", "passlib", "bcrypt"),
    *("hashlib", "hmac", "secrets", "random", "ssl", "zlib", "crypt", "itsdangerous", "jwt", "joserfc", "webauthn"),
}
# What is used of them, and the word that the row of the module must have.
ALGORITHMS = {
    "AESGCMSIV": "AES-256-GCM-SIV",
    "Ed25519PrivateKey": "Ed25519",
    "Ed25519PublicKey": "Ed25519",
    "PBKDF2HMAC": "PBKDF2-HMAC-SHA-1",
    "SHA1": "HMAC-SHA-1",
    "HMAC": "HMAC-SHA-1",
    "AES": "AES-256",
    "Counter": "counter mode",
    "pyzipper": "WinZip",
    "sha256": "SHA-256",
    "sha512": "SHA-512",
    "file_digest": "SHA-256",
    "new": "HMAC-SHA-256",
    "digest": "HMAC-SHA-256",
    "compare_digest": "constant time",
    "choice": "random",
    "token_bytes": "random",
    "token_hex": "random",
    "token_urlsafe": "random",
    "urandom": "random",
    "uniform": "random",
    "pwd": "random",
    "TOTP": "TOTP",
    "webauthn": "WebAuthn",
    "joserfc": "signed",
    "crc32": "CRC-32",
    "hash_password": "Argon2id",
    "verify_password": "Argon2id",
    "Security": "Argon2id",
    "create_default_context": "TLS",
    "SSLContext": "TLS",
}
# No algorithms: errors, constants and types.
SILENT = {"InvalidSignature", "InvalidTag", "TokenError", "SHA1_MODULE", "error", "SSLCertVerificationError"} | {
    *("PROTOCOL_TLS_CLIENT", "TLSVersion", "SSLSocket")
}


def modules() -> Iterator[tuple[str, set[str]]]:
    """Yield each module that uses cryptography, and what it uses."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if used := set(_used(ast.parse(path.read_text("utf-8")))):
            yield path.relative_to(PACKAGE).as_posix(), used


def _used(tree: ast.Module) -> Iterator[str]:
    """Yield what is imported from a library, or taken from one that was imported as a whole."""
    nodes = list(ast.walk(tree))
    whole = {name.asname or name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    whole &= LIBRARIES
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            yield from _imported(node)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = node.value.id
            if owner in whole or (owner, node.attr) == ("os", "urandom"):
                yield node.attr


def _imported(node: ast.ImportFrom) -> Iterator[str]:
    library, names = (node.module or "").split(".")[0], {name.name for name in node.names}
    if library in {"webauthn", "joserfc", "pyzipper"}:
        yield library
    elif library == "flask_security":
        yield from names & ALGORITHMS.keys()
    elif library in LIBRARIES:
        yield from names


def rows() -> list[str]:
    return [line for line in INVENTORY.splitlines() if line.startswith("| ")]


def test_every_module_that_uses_cryptography_is_in_the_inventory_with_its_algorithms() -> None:
    missing = []
    for module, used in modules():
        of_module = "\n".join(row for row in rows() if f"`{module}`" in row)
        missing += [
            f"{module}: {symbol}"
            for symbol in sorted(used - SILENT)
            if symbol not in ALGORITHMS or ALGORITHMS[symbol] not in of_module
        ]
    assert missing == [], "say in docs/crypto-inventory.md what it is for"


def test_every_file_in_the_inventory_is_there_and_uses_what_it_says() -> None:
    named = set(re.findall(r"`([\w/]+\.(?:py|js))`", INVENTORY))
    assert {name for name in named if not (PACKAGE / name).is_file()} == set()
    own_libraries = {
        "app.py",
        "accounts/oidc_client.py",
        "outbox/channels/sms_notify.py",
        "static/js/opener/archive.js",
    }
    assert named - {module for module, _used in modules()} <= own_libraries, "they call a library that does it"


def test_every_ring_is_in_the_inventory_with_its_owner_and_its_life() -> None:
    table = INVENTORY.split("## Rings")[1].split("##")[0]
    named = {
        ring
        for row in table.splitlines()
        if row.startswith("| `")
        for ring in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert named == {*SEALING_RINGS, *LASTING_RINGS}


def test_a_library_of_cryptography_that_somebody_adds_is_found() -> None:
    tree = ast.parse("import hashlib\nfrom cryptography.fernet import Fernet\nhashlib.md5(b'')")
    assert set(_used(tree)) == {"Fernet", "md5"}
    assert not {"Fernet", "md5"} & {*ALGORITHMS, *SILENT}
