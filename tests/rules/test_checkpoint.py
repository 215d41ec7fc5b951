"""Checkpoints in the form of C2SP: signed, read back, and refused when a single character differs."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from keyservice.audit.checkpoint import (
    CheckpointBroken,
    control_line,
    key_id,
    parse_control_line,
    read,
    sign,
    verifier_key,
)
from keyservice.audit.tree import leaf_hash, root_of

ORIGIN = "duo.example/sleuteluitgifte"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ROOT = root_of([leaf_hash(b"a"), leaf_hash(b"b")])
CHECKPOINT = sign(ORIGIN, 2, ROOT, KEY)


def test_a_checkpoint_is_three_lines_an_empty_one_and_a_signature() -> None:
    origin, size, root, empty, signature, end = CHECKPOINT.text.split("\n")
    assert (origin, size, base64.b64decode(root), empty, end) == (ORIGIN, "2", ROOT, "", "")
    assert signature.startswith(f"— {ORIGIN} ")
    assert len(base64.b64decode(signature.rpartition(" ")[2])) == 4 + 64


def test_it_is_read_back_by_who_has_the_public_key_also_among_older_ones() -> None:
    older = Ed25519PrivateKey.generate().public_key()
    assert read(CHECKPOINT.text, older, KEY.public_key()) == CHECKPOINT


def test_another_key_or_none_does_not_do() -> None:
    for keys in ([], [Ed25519PrivateKey.generate().public_key()]):
        with pytest.raises(CheckpointBroken, match="not signed"):
            read(CHECKPOINT.text, *keys)


def test_every_changed_character_makes_it_worthless() -> None:
    text = CHECKPOINT.text
    for at, old in enumerate(text):
        for new in {"x", "0", "A"} - {old}:
            with pytest.raises(CheckpointBroken):
                read(text[:at] + new + text[at + 1 :], KEY.public_key())
    for cut in range(len(text)):
        with pytest.raises(CheckpointBroken):
            read(text[:cut], KEY.public_key())


def test_the_key_id_is_that_of_the_published_example() -> None:
    # The verifier key with which the package `note` of Go explains the form.
    published = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(published.rpartition("+")[2])[1:])
    assert key_id("PeterNeumann", key).hex() == "c74f20a3"
    assert verifier_key("PeterNeumann", key) == published


def test_a_control_line_names_size_and_100_bits_of_the_root() -> None:
    line = CHECKPOINT.control_line
    assert line == control_line(2, ROOT)
    size, characters = parse_control_line(f" {line.upper()[:10]} {line[10:]} ")
    assert size == 2
    assert base64.b32encode(ROOT).decode().lower().startswith(characters)
    assert len(characters) == 20


@pytest.mark.parametrize("typed", ["", "2", "2-", "2-abc", "-2-" + "a" * 20, "02-" + "a" * 20, "2-" + "1" * 20])
def test_what_is_no_control_line_is_refused(typed: str) -> None:
    with pytest.raises(CheckpointBroken):
        parse_control_line(typed)
