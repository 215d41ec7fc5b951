#!/usr/bin/env python3
"""Checks a dossier that was downloaded from Sleuteluitgifte. Needs Python 3.8 or newer and nothing else.

    python3 verify.py                     checks the folder in which this file stands
    python3 verify.py dossier.zip         checks a zip that was not unpacked, byte for byte
    python3 verify.py --regel 12-abc...   checks the control line of a mail or a letter as well
- The list of files with their SHA-256 (`inhoud.txt`) and all checkpoints are signed (C2SP signed-note, Ed25519).
- Every event is in the tree of the newest checkpoint (RFC 6962), and they are numbered 1, 2, 3 ... without a gap.
- The texts that were given along are those of which an event holds the salted SHA-256.
- That tree only added to the earlier ones (RFC 6962), whose control lines stand in mails and letters.

This file lies in the dossier too, so who changes one can change the other. Get it, and the public key (--sleutel), also
from the page /controle of the service. Ends with 0 when all is right, 1 when something is not, 2 when none can tell.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":  # who unpacks a forged dossier around it must not have `json.py` of that taken for Python's
    sys.path = sys.path[not getattr(sys.flags, "safe_path", sys.flags.isolated) :]
import argparse
import base64
import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any, Callable, NamedTuple

EVENTS, OLDER = "gebeurtenissen.jsonl", "eerdere-controlepunten.jsonl"
CHECKPOINT, KEYS, CONTENTS = "controlepunt.txt", "sleutel.pub", "inhoud.txt"
NAMES = ("LEESMIJ.txt", "samenvatting.pdf", EVENTS, CHECKPOINT, OLDER, KEYS, "verify.py", CONTENTS)
# Ed25519 (RFC 8032 5.1): the prime of the field, the base point and its order, and the constant of the curve.
P, BASE, ORDER = 2**255 - 19, b"\x58" + b"\x66" * 31, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


class Broken(Exception):
    """Something is not as it was signed; the text tells people what."""


class Tree(NamedTuple):
    """The log of a service (`origin`) had this root when it held `size` events."""

    origin: str
    size: int
    root: bytes


def check(files: dict[str, bytes], trusted: bytes = b"", more: bytes = b"") -> tuple[list[str], list[Tree]]:
    """Return what is wrong with a dossier (`more` are earlier checkpoints), and its trees, the newest first."""
    odd = sorted(set(files) ^ set(NAMES))
    if odd:
        return [f"{name}: dit bestand {'hoort er niet bij' if name in files else 'ontbreekt'}" for name in odd], []
    problems: list[str] = []
    keys = _try(problems, KEYS, read_keys, trusted or files[KEYS]) or {}
    _try(problems, CONTENTS, _check_contents, files, keys, problems)
    newest = _try(problems, CHECKPOINT, read_checkpoint, files[CHECKPOINT], keys)
    if newest is None:
        return problems, []
    events = list(enumerate(files[EVENTS].splitlines(keepends=True), 1))
    dossiers = {_try(problems, _name(n, line), _check_event, n, line, newest) for n, line in events}
    if len(dossiers - {None}) > 1 or not events:
        problems.append(f"{EVENTS}: dit zijn niet de gebeurtenissen van 1 dossier")
    points = enumerate((files[OLDER] + more).splitlines(keepends=True), 1)
    older = [_try(problems, f"eerder controlepunt {n}", _check_older, line, newest, keys) for n, line in points]
    return problems, [newest, *older]


def _try(problems: list[str], what: str, look: Callable[..., Any], *arguments: object) -> Any:
    """Return what a function finds, or add what is wrong to the problems, so that all of them are told."""
    try:
        return look(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not as it was signed
        problems.append(f"{what}: {error if isinstance(error, Broken) else 'dit is niet te lezen'}")
        return None


def _require(right: bool, text: str) -> None:
    if not right:
        raise Broken(text)


def _check_contents(files: dict[str, bytes], keys: dict[str, bytes], problems: list[str]) -> None:
    """Compare every file with the signed list, which begins with the title of the dossier."""
    title, *listed = read_note(files[CONTENTS], keys)[1].splitlines()
    right = re.fullmatch("Dossier [A-Z0-9-]+", title) and [line[66:] for line in listed] == [*NAMES[:-1]]
    _require(bool(right), "dit is niet de lijst van een dossier")
    found = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}" for name in NAMES[:-1]]
    problems += [f"{now[66:]}: dit bestand is veranderd" for was, now in zip(listed, found) if was != now]


def _name(number: int, line: bytes) -> str:
    code = re.search(rb'\\"event\\":\\"([a-z:-]+)\\"', line)
    return f"gebeurtenis {number}" + (f" ({code.group(1).decode()})" if code else "")


def _check_event(number: int, line: bytes, tree: Tree) -> str:
    """Check one event, its place in the tree and the texts that were given along; return its dossier."""
    row = json.loads(line.decode())
    content, event = row["event"].encode(), json.loads(row["event"])
    leaf, position = hashlib.sha256(b"\0" + content).digest(), row["position"]
    root = _root(leaf, position, tree.size, [_hex(step) for step in row["proof"]])
    _require(root == tree.root and 0 <= position < tree.size, "de inhoud of de plaats staat zo niet in het logboek")
    for name, text in row["private"].items():
        digest = hashlib.sha256(_hex(text["salt"]) + text["value"].encode()).hexdigest()
        _require(event["private"].get(name) == digest, f"de tekst '{name}' hoort niet bij deze gebeurtenis")
    whole = set(row) == {"event", "position", "private", "proof"} and canonical(row) + b"\n" == line
    _require(whole and canonical(event) == content, "de vorm is anders")
    _require(event["number"] == number, f"dit is nummer {event['number']}: er is een weg, dubbel of verplaatst")
    return str(event["dossier"])


def _check_older(line: bytes, newest: Tree, keys: dict[str, bytes]) -> Tree:
    """Check that the newest tree only added to an earlier one, and return the earlier one."""
    row = json.loads(line.decode())
    older = read_checkpoint(row["checkpoint"].encode(), keys)
    _require(older.origin == newest.origin and 0 < older.size < newest.size, "dit is geen eerder controlepunt")
    roots = _roots(older, older.size, newest.size, [_hex(step) for step in row["proof"]])
    _require(roots == (older.root, newest.root), "het logboek is daarna niet alleen aangevuld")
    return older


def canonical(value: object) -> bytes:
    """Return the one encoding of an event or a line: JSON, keys sorted, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _hex(text: str) -> bytes:
    _require(bytes.fromhex(text).hex() == text, "het bewijs is veranderd")  # other texts can mean the same bytes
    return bytes.fromhex(text)


def _base64(text: str) -> bytes:
    _require(base64.b64encode(base64.b64decode(text)).decode() == text, "dit is niet te lezen")
    return base64.b64decode(text)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _root(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """Return the root to which a leaf at a place (from 0) of a tree leads with its proof (RFC 6962 2.1.1)."""
    if size == 1:
        _require(not proof, "het bewijs is te lang")
        return leaf
    *rest, step = proof
    left = 1 << (size - 1).bit_length() - 1
    if index < left:
        return _node(_root(leaf, index, left, rest), step)
    return _node(step, _root(leaf, index - left, size - left, rest))


def _roots(older: Tree, old_size: int, size: int, proof: list[bytes]) -> tuple[bytes, bytes]:
    """Return the roots of an older and a newer tree to which a proof leads (RFC 6962 2.1.2)."""
    if old_size == size:
        (root,) = proof or [older.root]  # no proof: nothing was split off on the left, so this is the whole older tree
        return root, root
    *rest, step = proof
    left = 1 << (size - 1).bit_length() - 1
    if old_size <= left:
        old, new = _roots(older, old_size, left, rest)
        return old, _node(new, step)
    old, new = _roots(older, old_size - left, size - left, rest)
    return _node(step, old), _node(step, new)


def check_line(typed: str, trees: list[Tree]) -> tuple[int, str]:
    """Return how the command ends, and what it says, about a control line."""
    size, _dash, root = "".join(typed.rpartition(":")[2].split()).lower().partition("-")
    for tree in trees:
        if str(tree.size) == size:
            right = base64.b32encode(tree.root).decode()[:20].lower() == root
            return int(not right), f"De controleregel klopt{'' if right else ' NIET. Bewaar het bericht, en bel DUO'}."
    page = f"https://{trees[0].origin}/controle/bewijs?van={size}&tot={trees[0].size}"
    return 2, f"Dit dossier weet niets over deze controleregel. Is hij ouder? Haal {page} op, en geef dat met --bewijs."


def read_keys(data: bytes) -> dict[str, bytes]:
    """Return public keys by `name+id`, from lines in the form `name+id+base64` (C2SP signed-note)."""
    keys = {}
    for line in data.decode().split():
        name, key_id, encoded = line.split("+", 2)
        raw = _base64(encoded)
        right = hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == key_id
        right = right and re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", name) is not None  # it names where a reader compares
        _require(right and raw[:1] == b"\1", "dit is geen openbare sleutel")
        keys[f"{name}+{key_id}"] = raw[1:]
    return keys


def read_note(data: bytes, keys: dict[str, bytes]) -> tuple[str, str]:
    """Return who signed a text, and the text (C2SP signed-note)."""
    found = re.fullmatch("((?:[^\n]+\n)+)\n\u2014 ([^ \n]+) ([^ \n]+)\n", data.decode())
    body, name, encoded = found.groups() if found else ("", "", "")
    signature = _base64(encoded)
    public = keys.get(f"{name}+{signature[:4].hex()}", b"")
    _require(signed(public, body.encode(), signature[4:]), "de handtekening klopt niet")
    return name, body


def read_checkpoint(data: bytes, keys: dict[str, bytes]) -> Tree:
    """Return the tree that a checkpoint tells of (C2SP tlog-checkpoint)."""
    name, body = read_note(data, keys)
    origin, size, root = body.splitlines()
    _require(origin == name and str(int(size)) == size, "dit is geen controlepunt")
    return Tree(name, int(size), _base64(root))


def signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether an Ed25519 signature is right (RFC 8032 5.1.7): spelled as it must, by no key of small order."""
    base, key, r, s = _point(BASE), _point(public), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if not base or not key or not r or len(signature) != 64 or s >= ORDER or _times(8, key)[0] == 0:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    x, y, z, _ = _add(_times(s, base), _times(k, (P - key[0], key[1], 1, P - key[3])))
    return (x - r[0] * z) % P == 0 and (y - r[1] * z) % P == 0


def _point(raw: bytes) -> tuple[int, int, int, int] | None:
    """Return the point of 32 bytes in extended coordinates (RFC 8032 5.1.3 and 5.1.4), or None."""
    odd, y = divmod(int.from_bytes(raw, "little"), 2**255)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    right = len(raw) == 32 and y < P and x * x % P == square and not (x == 0 and odd)
    x = x if x & 1 == odd else P - x
    return (x, y, 1, x * y % P) if right else None


def _add(p: tuple[int, int, int, int], q: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
    e, f, g, h = (b - a) % P, (d - c) % P, (d + c) % P, (b + a) % P
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(factor: int, point: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    total = _times(factor >> 1, _add(point, point)) if factor else (0, 1, 1, 0)
    return _add(total, point) if factor & 1 else total


def pack(files: dict[str, bytes]) -> bytes:
    """Return the zip of a dossier: the same files always give the same bytes, so that none of them can be changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in NAMES:
            entry = zipfile.ZipInfo(name)  # not compressed, and dated 1980-01-01
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def unpack(data: bytes) -> tuple[dict[str, bytes], str]:
    """Return the files of a zip (of what does not belong there only the name), and what is wrong with the zip."""
    files: dict[str, bytes] = {}
    try:
        for entry in zipfile.ZipFile(io.BytesIO(data)).infolist():
            start = entry.header_offset + 30 + len(entry.filename)
            files[entry.filename] = data[start : start + entry.file_size] if entry.filename in NAMES else b""
        whole = pack(files) == data
    except Exception:  # noqa: BLE001 - zipfile raises many kinds
        whole = False
    return files, "" if whole else "het zipbestand: dit is veranderd of opnieuw ingepakt"


def main() -> int:
    """Run the command and return how it ended."""
    parser = argparse.ArgumentParser(description="Controleert een dossier van Sleuteluitgifte.")
    parser.add_argument("dossier", nargs="?", type=Path, default=Path(__file__).parent, help="het zipbestand of de map")
    parser.add_argument("--regel", default="", help="de controleregel uit een e-mail of brief")
    parser.add_argument("--sleutel", default="", help="de openbare sleutel die u vertrouwt")
    parser.add_argument("--bewijs", type=Path, help="het bewijs dat bij een andere controleregel hoort")
    given = parser.parse_args()
    if not given.dossier.exists():
        parser.error(f"{given.dossier} bestaat niet")
    if given.dossier.is_dir():
        files, damage = {one.name: one.read_bytes() if one.is_file() else b"" for one in given.dossier.iterdir()}, ""
    else:
        files, damage = unpack(given.dossier.read_bytes())
    problems, trees = check(files, given.sleutel.encode(), given.bewijs.read_bytes() if given.bewijs else b"")
    if damage or problems:
        # Escaped: with other characters a forged file could draw an answer of its own on the screen.
        print("Dit dossier klopt NIET.", *(ascii(text)[1:-1] for text in [damage, *problems] if text), sep="\n- ")
        return 1
    title, events = files[CONTENTS].decode().partition("\n")[0], files[EVENTS].count(b"\n")
    print(f"{title}: alles klopt. {events} gebeurtenissen, in een logboek van {trees[0].size}.")
    if not given.sleutel:
        print(f"Vergelijk elke sleutel met https://{trees[0].origin}/controle", *files[KEYS].decode().split(), sep="\n")
        print("Staat er een niet bij, dan is dit dossier VERVALST.")
    code, answer = check_line(given.regel, trees) if given.regel else (0, "")
    print(answer)
    return code


if __name__ == "__main__":
    sys.exit(main())
