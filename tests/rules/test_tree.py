"""The Merkle tree: published vectors of certificate transparency, and every proof of every small tree."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyservice.audit.tree import (
    EMPTY_ROOT,
    Frontier,
    ProofBroken,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
)

# The leaves and roots with which the implementations of certificate transparency are tested.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHES = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]
MANY = [leaf_hash(str(n).encode()) for n in range(70)]
PAIRS = [(size, index) for size in range(1, 34) for index in range(size)]


def test_the_root_of_an_empty_tree_is_the_hash_of_nothing() -> None:
    assert hashlib.sha256().digest() == EMPTY_ROOT == root_of([])


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_those_of_the_published_vectors(size: int) -> None:
    assert root_of(HASHES[:size]).hex() == ROOTS[size - 1]


def test_the_inclusion_proofs_are_those_of_the_published_vectors() -> None:
    assert [step.hex() for step in inclusion_proof(HASHES, 0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


def test_the_consistency_proofs_are_those_of_the_published_vectors() -> None:
    assert [step.hex() for step in consistency_proof(HASHES, 6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@pytest.mark.parametrize(("size", "index"), PAIRS)
def test_every_leaf_is_proven_and_no_other_passes_for_it(size: int, index: int) -> None:
    leaves, root = MANY[:size], root_of(MANY[:size])
    proof = inclusion_proof(leaves, index)
    check_inclusion(leaves[index], index, size, proof, root)
    wrong = [
        (MANY[-1], index, size, proof),
        (leaves[index], index + 1, size, proof),
        (leaves[index], index - 1, size, proof),
        (leaves[index], index, size, [*proof, MANY[-1]]),
        (leaves[index], index, size, [MANY[-1], *proof[1:]] if proof else [MANY[-1]]),
        *([(leaves[index], index, size, proof[:-1])] if proof else []),
    ]
    for case in wrong:
        with pytest.raises(ProofBroken):
            check_inclusion(*case, root)


@pytest.mark.parametrize("size", range(1, 34))
def test_every_older_tree_is_proven_and_no_other_passes_for_it(size: int) -> None:
    leaves, root = MANY[:size], root_of(MANY[:size])
    for older in range(1, size + 1):
        old_root, proof = root_of(leaves[:older]), consistency_proof(leaves, older)
        check_consistency(older, old_root, size, root, proof)
        for wrong in [(older, MANY[-1], size, root, proof), (older, old_root, size, MANY[-1], proof)]:
            with pytest.raises(ProofBroken):
                check_consistency(*wrong)
        with pytest.raises(ProofBroken):
            check_consistency(older, old_root, size, root, [*proof, MANY[-1]])


@given(st.lists(st.binary(max_size=8), max_size=70), st.integers(0, 69))
def test_the_frontier_grows_into_the_same_root(contents: list[bytes], cut: int) -> None:
    leaves = [leaf_hash(content) for content in contents]
    frontier = Frontier()
    for leaf in leaves[:cut]:
        frontier = frontier.add(leaf)
    for leaf in leaves[cut:]:
        frontier = Frontier(frontier.size, frontier.hashes).add(leaf)
    assert frontier.root() == root_of(leaves)
    assert frontier.size == len(leaves)
    assert len(frontier.hashes) == len(leaves).bit_count()
