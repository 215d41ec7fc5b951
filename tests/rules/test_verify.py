"""The program in a dossier bundle: its Ed25519, its proofs, and that it needs nothing but an old Python."""

import ast
import base64
import hashlib
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from keyservice.audit import verify
from keyservice.audit.checkpoint import control_line, note, sign, verifier_key
from keyservice.audit.tree import consistency_proof, inclusion_proof, leaf_hash, root_of

SOURCE = Path(verify.__file__).read_text()
# RFC 8032 7.1: public key, message, signature of TEST 1, 2, 3 and SHA(abc).
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]
# Points of order 1, 2 and 4: with such a key and S = 0 one signature fits any message, or one in two or four.
SMALL_ORDER = ["01" + "00" * 31, "ec" + "ff" * 30 + "7f", "00" * 32, "00" * 31 + "80"]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
ORIGIN = "duo.example"
KEYS = verify.read_keys(verifier_key(ORIGIN, KEY.public_key()).encode())
OTHER = leaf_hash(b"of no tree")
LEAVES = [leaf_hash(str(n).encode()) for n in range(34)]


def test_the_list_of_imports_is_of_the_standard_library_and_the_form_that_of_python_3_8() -> None:
    tree = ast.parse(SOURCE, feature_version=(3, 8))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= sys.stdlib_module_names
    # What a parser cannot see: methods that came after 3.8.
    assert not re.search(r"removeprefix|removesuffix|bit_count|strict=|is_relative_to|list\[\w+\]\(", SOURCE)


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_signatures_of_rfc_8032_are_right(public: str, message: str, signature: str) -> None:
    parts = [bytes.fromhex(part) for part in (public, message, signature)]
    assert verify.signed(*parts)
    assert not verify.signed(parts[0], parts[1] + b"x", parts[2])


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.integers(0, 511), st.booleans())
def test_it_says_of_a_signature_what_openssl_says(seed: bytes, message: bytes, bit: int, flip: bool) -> None:  # noqa: FBT001 - Hypothesis gives them by name
    key = Ed25519PrivateKey.from_private_bytes(seed)
    signature = bytearray(key.sign(message))
    signature[bit // 8] ^= flip << bit % 8
    try:
        key.public_key().verify(bytes(signature), message)
        right = True
    except InvalidSignature:
        right = False
    assert right is not flip
    assert verify.signed(key.public_key().public_bytes_raw(), message, bytes(signature)) is right


def test_a_signature_has_one_spelling() -> None:
    signature = KEY.sign(b"text")
    s = int.from_bytes(signature[32:], "little")
    other = signature[:32] + (s + verify.ORDER).to_bytes(32, "little")
    assert verify.signed(PUBLIC, b"text", signature)
    assert not verify.signed(PUBLIC, b"text", other)
    assert not verify.signed(PUBLIC, b"text", signature + b"\0")
    assert not verify.signed(PUBLIC, b"text", signature[:-1])
    assert not verify.signed(PUBLIC + b"\0", b"text", signature)
    assert not verify.signed(b"", b"", b"")


@pytest.mark.parametrize("weak", SMALL_ORDER)
def test_a_key_under_which_anything_is_signed_is_refused(weak: str) -> None:
    public, anything = bytes.fromhex(weak), bytes.fromhex(SMALL_ORDER[0]) + bytes(32)
    assert not any(verify.signed(public, str(n).encode(), anything) for n in range(8))
    if weak == SMALL_ORDER[0]:  # OpenSSL lets it pass, so this is no empty fear
        Ed25519PublicKey.from_public_bytes(public).verify(anything, b"anything")


@pytest.mark.parametrize("spelled", [verify.P, verify.P + 1, 2**255 - 1, 2**255 + 1])
def test_a_number_that_is_not_spelled_as_it_must_is_no_point(spelled: int) -> None:
    # p and p + 1 mean 0 and 1; 2**255 + 1 asks for the odd one of two equal roots.
    assert verify._point(spelled.to_bytes(32, "little")) is None


@pytest.mark.parametrize("size", range(1, 35))
def test_a_leaf_leads_to_the_root_from_its_own_place_only(size: int) -> None:
    root = root_of(LEAVES[:size])
    for index in range(size):
        proof = inclusion_proof(LEAVES[:size], index)
        assert verify._root(LEAVES[index], index, size, proof) == root
        for wrong in ([*proof, root], proof[1:] or [root], [OTHER, *proof[1:]]):
            assert found_root(LEAVES[index], index, size, wrong) != root
        for other in set(range(size)) - {index}:
            assert found_root(LEAVES[index], other, size, proof) != root


def found_root(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    try:
        return verify._root(leaf, index, size, proof)
    except (verify.Broken, ValueError):
        return None


@pytest.mark.parametrize("size", range(2, 35))
def test_a_tree_that_only_grew_leads_to_both_roots_and_no_other_does(size: int) -> None:
    newest = verify.Tree(ORIGIN, size, root_of(LEAVES[:size]))
    for old_size in range(1, size):
        older = verify.Tree(ORIGIN, old_size, root_of(LEAVES[:old_size]))
        proof = consistency_proof(LEAVES[:size], old_size)
        assert verify._roots(older, old_size, size, proof) == (older.root, newest.root)
        for wrong in ([*proof, OTHER], proof[1:], [OTHER, *proof[1:]]):
            assert found_roots(older, size, wrong) != (older.root, newest.root)
        other = older._replace(root=OTHER)
        assert found_roots(other, size, proof) != (other.root, newest.root)


def found_roots(older: verify.Tree, size: int, proof: list[bytes]) -> tuple[bytes, bytes] | None:
    try:
        return verify._roots(older, older.size, size, proof)
    except ValueError:
        return None


def test_it_reads_our_checkpoints_and_takes_no_other_note_for_one() -> None:
    root = root_of(LEAVES)
    assert verify.read_checkpoint(sign(ORIGIN, 34, root, KEY).text.encode(), KEYS) == (ORIGIN, 34, root)
    for body in (f"Dossier AA-2026-00001\n{'0' * 64}  x\n", f"{ORIGIN}\n034\n{base64.b64encode(root).decode()}\n"):
        with pytest.raises((verify.Broken, ValueError)):
            verify.read_checkpoint(note(ORIGIN, body, KEY).encode(), KEYS)
    with pytest.raises(verify.Broken, match="handtekening"):
        verify.read_checkpoint(sign(ORIGIN, 34, root, Ed25519PrivateKey.generate()).text.encode(), KEYS)


def test_a_control_line_is_right_wrong_or_unknown() -> None:
    trees = [verify.Tree(ORIGIN, 34, root_of(LEAVES)), verify.Tree(ORIGIN, 7, root_of(LEAVES[:7]))]
    line = control_line(7, trees[1].root)
    for typed in (line, f" {line.upper()} ", f"Controleregel: {line}"):
        assert verify.check_line(typed, trees)[0] == 0
    assert verify.check_line(f"34{line[1:]}", trees)[0] == 1
    assert verify.check_line(f"8{line[1:]}", trees)[0] == 2
    assert verify.check_line("geen regel", trees)[0] == 2


def made(origin: str = ORIGIN, title: str = "Dossier AA-2026-00001", other_key: str = "") -> dict[str, bytes]:
    """Return the files of a dossier of one event as somebody makes them who has a key of his own."""
    event = verify.canonical({"dossier": "1", "event": "aanvraag:start", "number": 1, "private": {}})
    row = {"event": event.decode(), "position": 0, "private": {}, "proof": []}
    files = dict.fromkeys(verify.NAMES[:-1], b"")
    files[verify.EVENTS] = verify.canonical(row) + b"\n"
    files[verify.CHECKPOINT] = sign(origin, 1, leaf_hash(event), KEY).text.encode()
    files[verify.KEYS] = f"{verifier_key(origin, KEY.public_key())}\n{other_key}".encode()
    listed = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    return {**files, verify.CONTENTS: note(origin, f"{title}\n{listed}", KEY).encode()}


def said(place: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-S", "-I", verify.__file__, str(place), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_e_who_signs_with_a_key_of_his_own_cannot_hide_it_behind_the_right_one(tmp_path: Path) -> None:
    right = verifier_key(ORIGIN, Ed25519PrivateKey.generate().public_key())
    place = tmp_path / "dossier.zip"
    place.write_bytes(verify.pack(made(other_key=f"{right}\n")))
    code, text = said(place)
    own = verifier_key(ORIGIN, KEY.public_key())
    assert (code, right in text, own in text) == (0, True, True)
    assert "Staat er een niet bij, dan is dit dossier VERVALST" in text
    assert said(place, "--sleutel", right)[0] == 1
    code, text = said(place, "--sleutel", own)
    assert (code, "Vergelijk" in text) == (0, False), "of a key that the reader trusts there is nothing to compare"


@pytest.mark.parametrize(
    "origin", ["\x1b[8m", "duo.example@evil.example", "duo.example/", "du\u043e.example", "duo.example\u202e", "d?"]
)
def test_e_the_address_to_compare_at_is_a_plain_host(tmp_path: Path, origin: str) -> None:
    place = tmp_path / "dossier.zip"
    place.write_bytes(verify.pack(made(origin=origin)))
    assert said(place)[0] == 1


@pytest.mark.parametrize("drawn", ["\x1b[2J\x1b[H", "\rDossier AA-2026-00001: alles klopt. ", "\u202e", "\x9b8m"])
def test_e_nothing_in_a_forged_dossier_draws_on_the_screen(tmp_path: Path, drawn: str) -> None:
    files, row = made(), verify.canonical({"event": "{}", "position": 0, "private": {}, "proof": []})
    numbered = verify.canonical({"dossier": "1", "event": "aanvraag:start", "number": f"1{drawn}", "private": {}})
    with_text = verify.canonical({"event": '{"private":{}}', "private": {drawn: {"salt": "", "value": ""}}})
    forged = [
        {**files, f"extra{drawn}.txt": b""},
        made(title=f"Dossier{drawn} AA-2026-00001"),
        {**files, verify.EVENTS: row.replace(b'"{}"', verify.canonical(numbered.decode())) + b"\n"},
        {**files, verify.EVENTS: with_text + b"\n"},
    ]
    for number, one in enumerate(forged):
        place = tmp_path / f"{number}.zip"
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in one.items():
                archive.writestr(name, data)
        place.write_bytes(buffer.getvalue())
        code, text = said(place)
        assert code == 1
        assert drawn not in text
        assert text.isascii()
        assert all(line.isprintable() for line in text.split("\n"))
        assert not any(line.startswith("Dossier AA-") for line in text.split("\n"))


def test_e_a_zip_of_thousands_of_entries_over_the_same_bytes_costs_no_memory() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("0", b"x" * 100_000)
        first = archive.infolist()[0]
        for number in range(1, 2_000):
            entry = zipfile.ZipInfo(str(number))
            entry.header_offset, entry.CRC = first.header_offset, first.CRC
            entry.file_size = entry.compress_size = first.file_size
            archive.filelist.append(entry)
    files, damage = verify.unpack(buffer.getvalue())
    assert damage
    assert sum(map(len, files.values())) < 200_000


@pytest.mark.parametrize("options", [[], ["-I"]])
def test_e_a_module_that_lies_beside_it_is_no_part_of_python(tmp_path: Path, options: list[str]) -> None:
    for name, data in made().items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "verify.py").write_text(SOURCE)
    (tmp_path / "json.py").write_text("print('alles klopt')")
    for command in (["verify.py"], [str(tmp_path / "verify.py")]):
        done = subprocess.run([sys.executable, *options, *command], capture_output=True, cwd=tmp_path, check=False)
        assert (done.returncode, b"alles klopt" in done.stdout, done.stderr) == (1, False, b"")
        assert b"json.py: dit bestand hoort er niet bij" in done.stdout
