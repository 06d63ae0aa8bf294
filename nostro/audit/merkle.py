"""The Merkle tree of RFC 6962 (section 2.1) and RFC 9162 (section 2.1), over SHA-256.

A tree is known by its size and its leaf hashes in order. A *frontier* is what an append needs of a
tree of any size: the hashes of its perfect subtrees, largest first, concatenated, 32 bytes each; one
for each bit that is set in the size.

One rule: nothing here knows where hashes are kept. A proof asks for perfect subtrees through a
`Subtree` function, so a proof from a log of millions of leaves reads a few dozen hashes when they are
kept in tiles (see `tiles`), and a proof from a batch is made of the hashes at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from nostro.kernel.errors import OurMistake

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Subtree = Callable[[int, int], bytes]
"""`subtree(level, index)`: the hash over leaves `index << level` up to `(index + 1) << level`."""


class NoSuchProof(OurMistake):
    """A proof was asked for of a leaf or a size that the tree does not have."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf. Its prefix keeps a leaf from passing for an inner node."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node over the hashes of its two children."""
    return sha256(b"\x01" + left + right).digest()


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The tree's root; for no leaves the hash of nothing."""
    if not leaf_hashes:
        return EMPTY_ROOT
    level = list(leaf_hashes)
    while len(level) > 1:
        odd = level[-1:] if len(level) & 1 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        level += odd  # a node without a neighbour is its own parent
    return level[0]


def append(frontier: bytes, size: int, leaf: bytes) -> bytes:
    """The frontier after one more leaf hash on a tree of `size` leaves. Raises `OurMistake`."""
    if len(frontier) != HASH_BYTES * size.bit_count() or len(leaf) != HASH_BYTES:
        raise OurMistake(f"a frontier of {len(frontier)} bytes is not one of {size} leaves")
    while size & 1:
        leaf = node_hash(frontier[-HASH_BYTES:], leaf)
        frontier = frontier[:-HASH_BYTES]
        size >>= 1
    return frontier + leaf


def frontier_root(frontier: bytes) -> bytes:
    """The root of the tree that a frontier stands for; of an empty one the hash of nothing."""
    return _fold(_hashes(frontier)) if frontier else EMPTY_ROOT


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int, size: int) -> list[bytes]:
    """The proof that leaf `index` is in the tree of the first `size` leaves."""
    return inclusion_path(_subtree_of(leaf_hashes[:size], size), index, size)


def consistency_proof(leaf_hashes: Sequence[bytes], size1: int, size2: int) -> list[bytes]:
    """The proof that the tree of `size2` leaves begins with the tree of `size1` leaves."""
    return consistency_path(_subtree_of(leaf_hashes[:size2], size2), size1, size2)


def inclusion_path(subtree: Subtree, index: int, size: int) -> list[bytes]:
    """As `inclusion_proof`, from perfect subtrees: about log2(size) of them, twice at most."""
    if not 0 <= index < size:
        raise NoSuchProof(f"no leaf {index} in a tree of {size} leaves")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_root(subtree, middle, end))
            end = middle
        else:
            path.append(range_root(subtree, start, middle))
            start = middle
    return path[::-1]


def consistency_path(subtree: Subtree, size1: int, size2: int) -> list[bytes]:
    """As `consistency_proof`, from perfect subtrees."""
    # Every tree begins with the empty one: such a proof would hold no hash and so show nothing.
    if not 0 < size1 <= size2:
        raise NoSuchProof(f"no consistency proof from {size1} to {size2} leaves")
    path: list[bytes] = []
    start, end = 0, size2
    while end != size1:
        middle = start + _split(end - start)
        if size1 <= middle:
            path.append(range_root(subtree, middle, end))
            end = middle
        else:
            path.append(range_root(subtree, start, middle))
            start = middle
    if start:  # where it is 0 the verifier knows the hash: it is the older root
        path.append(range_root(subtree, start, end))
    return path[::-1]


def range_root(subtree: Subtree, start: int, end: int) -> bytes:
    """The hash over the leaves from `start` up to `end`, where these are a node of some tree."""
    if start == end:
        return EMPTY_ROOT
    hashes: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        hashes.append(subtree(level, start >> level))
        start += 1 << level
    return _fold(hashes)


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> bool:
    """Whether the proof leads from the leaf hash to the root (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes([leaf, *proof]):
        return False
    node, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(step, found)
            while not node & 1 and node:  # levels where this node had no right neighbour
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, step)
        node, last = node >> 1, last >> 1
    return last == 0 and found == expected_root


def verify_consistency(
    size1: int, root1: bytes, size2: int, root2: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the tree of `size2` leaves begins with that of `size1` (RFC 9162, 2.1.4.2)."""
    # Nothing can be said of an empty tree that would not be said of every tree: not a proof.
    if not 0 < size1 <= size2:
        return False
    if size1 == size2:
        return root1 == root2 and not proof
    # A size that is a power of two is one perfect subtree, which the older root itself stands for.
    steps = [root1, *proof] if size1 & (size1 - 1) == 0 else list(proof)
    if not proof or not _are_hashes(steps):
        return False
    return _both_roots(size1, size2, steps) == (root1, root2)


def _both_roots(size1: int, size2: int, steps: list[bytes]) -> tuple[bytes, bytes] | None:
    """The two roots that a consistency proof leads to; None where it has too few or many steps."""
    node, last = size1 - 1, size2 - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    older = newer = steps[0]
    for step in steps[1:]:
        if last == 0:
            return None
        if node & 1 or node == last:
            older, newer = node_hash(step, older), node_hash(step, newer)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            newer = node_hash(newer, step)
        node, last = node >> 1, last >> 1
    return (older, newer) if last == 0 else None


def _subtree_of(leaf_hashes: Sequence[bytes], size: int) -> Subtree:
    if len(leaf_hashes) != size:
        raise NoSuchProof(f"{len(leaf_hashes)} leaf hashes are not a tree of {size}")
    return lambda level, index: root(leaf_hashes[index << level : (index + 1) << level])


def _split(size: int) -> int:
    """The largest power of two that is smaller than `size`: where a tree divides."""
    return 1 << ((size - 1).bit_length() - 1)


def _fold(hashes: list[bytes]) -> bytes:
    """The root over perfect subtrees, largest first: the smallest two join first."""
    found = hashes[-1]
    for left in reversed(hashes[:-1]):
        found = node_hash(left, found)
    return found


def _hashes(joined: bytes) -> list[bytes]:
    if len(joined) % HASH_BYTES:
        raise OurMistake(f"{len(joined)} bytes are not whole hashes")
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]


def _are_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
