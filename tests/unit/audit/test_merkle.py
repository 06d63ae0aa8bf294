"""The Merkle tree against published roots, against its definition, and against itself."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.audit import merkle
from nostro.kernel.errors import OurMistake
from tests.unit.audit.reference import LEAVES, ROOTS

HASHES = [merkle.leaf_hash(b"%d" % number) for number in range(300)]
SIZES = st.integers(1, 300)


def defined_root(leaves: list[bytes]) -> bytes:
    """RFC 6962's recursion, as it is written there."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + defined_root(leaves[:k]) + defined_root(leaves[k:])).digest()


@pytest.mark.parametrize("size", range(9))
def test_the_reference_roots(size: int) -> None:
    hashes = [merkle.leaf_hash(leaf) for leaf in LEAVES[:size]]
    assert merkle.root(hashes) == ROOTS[size]
    assert merkle.frontier_root(_frontier(hashes)) == ROOTS[size]


@pytest.mark.parametrize("size", range(0, 300, 7))
def test_the_root_is_as_defined(size: int) -> None:
    assert merkle.root(HASHES[:size]) == defined_root(HASHES[:size])


def test_a_frontier_has_the_same_root_after_every_append() -> None:
    frontier = b""
    for size, leaf in enumerate(HASHES):
        assert merkle.frontier_root(frontier) == merkle.root(HASHES[:size])
        frontier = merkle.append(frontier, size, leaf)


@given(st.lists(st.binary(max_size=40), max_size=70))
@settings(max_examples=60, deadline=None)
def test_appending_and_hashing_agree(data: list[bytes]) -> None:
    hashes = [merkle.leaf_hash(one) for one in data]
    assert merkle.frontier_root(_frontier(hashes)) == merkle.root(hashes)


@pytest.mark.parametrize(
    ("frontier", "size"), [(b"", 1), (bytes(32), 0), (bytes(32), 3), (bytes(31), 1)]
)
def test_a_frontier_of_another_size_is_refused(frontier: bytes, size: int) -> None:
    with pytest.raises(OurMistake):
        merkle.append(frontier, size, bytes(32))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 33])
def test_every_inclusion_proof_is_accepted_for_its_index_alone(size: int) -> None:
    root = merkle.root(HASHES[:size])
    for index in range(size):
        proof = merkle.inclusion_proof(HASHES, index, size)
        accepted = [
            other
            for other in range(-1, size + 1)
            if merkle.verify_inclusion(HASHES[index], other, size, proof, root)
        ]
        assert accepted == [index]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 33])
def test_every_consistency_proof_is_accepted_for_its_sizes_alone(size: int) -> None:
    newer = merkle.root(HASHES[:size])
    for older_size in range(1, size):
        older = merkle.root(HASHES[:older_size])
        proof = merkle.consistency_proof(HASHES, older_size, size)
        accepted = [
            other
            for other in range(size + 1)
            if merkle.verify_consistency(other, older, size, newer, proof)
        ]
        assert accepted == [older_size]


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_an_inclusion_proof_with_one_bit_changed_fails(data: st.DataObject) -> None:
    size = data.draw(SIZES)
    index = data.draw(st.integers(0, size - 1))
    parts = [HASHES[index], merkle.root(HASHES[:size])]
    parts += merkle.inclusion_proof(HASHES, index, size)
    assert merkle.verify_inclusion(parts[0], index, size, parts[2:], parts[1])
    _flip_one(data, parts)
    assert not merkle.verify_inclusion(parts[0], index, size, parts[2:], parts[1])


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_consistency_proof_with_one_bit_changed_fails(data: st.DataObject) -> None:
    size2 = data.draw(SIZES)
    size1 = data.draw(st.integers(1, size2))
    parts = [merkle.root(HASHES[:size1]), merkle.root(HASHES[:size2])]
    parts += merkle.consistency_proof(HASHES, size1, size2)
    assert merkle.verify_consistency(size1, parts[0], size2, parts[1], parts[2:])
    _flip_one(data, parts)
    assert not merkle.verify_consistency(size1, parts[0], size2, parts[1], parts[2:])


@pytest.mark.parametrize("size1", [-1, 0, 4])
def test_a_consistency_proof_has_an_older_tree_with_leaves(size1: int) -> None:
    with pytest.raises(merkle.NoSuchProof):
        merkle.consistency_proof(HASHES, size1, 3)
    assert not merkle.verify_consistency(size1, merkle.EMPTY_ROOT, 3, merkle.root(HASHES[:3]), [])


@pytest.mark.parametrize("index", [-1, 3])
def test_a_leaf_outside_the_tree_has_no_proof(index: int) -> None:
    with pytest.raises(merkle.NoSuchProof):
        merkle.inclusion_proof(HASHES, index, 3)


def test_a_proof_over_missing_leaves_is_refused() -> None:
    with pytest.raises(merkle.NoSuchProof):
        merkle.inclusion_proof(HASHES[:3], 0, 4)


def test_a_proof_of_an_older_size_is_made_from_a_longer_log() -> None:
    proof = merkle.inclusion_proof(HASHES, 3, 5)
    assert merkle.verify_inclusion(HASHES[3], 3, 5, proof, merkle.root(HASHES[:5]))


def test_hashes_of_another_length_are_refused() -> None:
    # Else a root cut elsewhere than between two hashes could stand for other children.
    left, right = HASHES[:2]
    root = merkle.root([left, right])
    assert not merkle.verify_inclusion(left[:31], 0, 2, [left[31:] + right], root)
    assert not merkle.verify_consistency(1, left[:31], 2, root, [left[31:] + right])


def _frontier(hashes: list[bytes]) -> bytes:
    frontier = b""
    for size, leaf in enumerate(hashes):
        frontier = merkle.append(frontier, size, leaf)
    return frontier


def _flip_one(data: st.DataObject, parts: list[bytes]) -> None:
    part = data.draw(st.integers(0, len(parts) - 1))
    bit = data.draw(st.integers(0, 255))
    parts[part] = (int.from_bytes(parts[part]) ^ (1 << bit)).to_bytes(32)
