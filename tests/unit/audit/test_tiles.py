"""Tiles: the specification's own examples, and proofs from tiles equal to proofs from leaves."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.audit import merkle, tiles
from nostro.audit.tiles import Tile
from nostro.kernel.errors import OurMistake

HASHES = [merkle.leaf_hash(b"%d" % number) for number in range(1, 1031)]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 999, 5), "tile/0/999.p/5"),
        (Tile(1, 1000), "tile/1/x001/000"),
        (Tile(2, 1234067), "tile/2/x001/x234/067"),
        (Tile(63, 67, 255), "tile/63/067.p/255"),
    ],
)
def test_a_path_is_as_specified(tile: Tile, path: str) -> None:
    assert tile.path == path


@pytest.mark.parametrize("tile", [Tile(64, 0), Tile(-1, 0), Tile(0, -1), Tile(0, 0, 0)])
def test_there_are_no_other_tiles(tile: Tile) -> None:
    with pytest.raises(OurMistake):
        _ = tile.path


def test_a_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    found = list(tiles.tiles_of(70_000))
    full = [tile for tile in found if tile.width == 256]
    assert [sum(tile.level == level for tile in full) for level in range(3)] == [273, 1, 0]
    assert [tile for tile in found if tile.width < 256] == [
        Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)
    ]  # fmt: skip


def test_a_tree_of_256_has_a_full_tile_and_one_above() -> None:
    assert list(tiles.tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles.tiles_of(0)) == []


@given(st.integers(0, 70_000), st.integers(0, 3_000))
@settings(max_examples=60, deadline=None)
def test_growing_adds_the_tiles_that_were_not_there(old: int, more: int) -> None:
    before = set(tiles.tiles_of(old))
    assert list(tiles.tiles_of(old + more, old)) == [
        tile for tile in tiles.tiles_of(old + more) if tile not in before
    ]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 513, 1030])
def test_proofs_from_tiles_are_proofs_from_leaves(tmp_path: Path, size: int) -> None:
    _write(tmp_path, size)
    subtree = tiles.subtrees(tiles.read_from(tmp_path), size)
    assert merkle.range_root(subtree, 0, size) == merkle.root(HASHES[:size])
    for index in {0, size // 3, size // 2, size - 1}:
        assert merkle.inclusion_path(subtree, index, size) == merkle.inclusion_proof(
            HASHES, index, size
        )
        assert merkle.consistency_path(subtree, index + 1, size) == merkle.consistency_proof(
            HASHES, index + 1, size
        )


def test_an_older_tree_is_read_from_a_full_tile_where_the_partial_one_is_gone(
    tmp_path: Path,
) -> None:
    _write(tmp_path, 300)
    subtree = tiles.subtrees(tiles.read_from(tmp_path), 200)
    assert not (tmp_path / Tile(0, 0, 200).path).exists()
    assert merkle.range_root(subtree, 0, 200) == merkle.root(HASHES[:200])


def test_a_proof_from_a_long_log_reads_a_few_tiles() -> None:
    # A log whose leaves are all alike: any tile of a level is the same bytes.
    size, read = 1_000_003, []
    alike = [merkle.leaf_hash(b"x")]
    for _ in range(24):
        alike.append(merkle.node_hash(alike[-1], alike[-1]))

    def tile(wanted: Tile) -> bytes:
        read.append(wanted)
        return alike[wanted.level * 8] * wanted.width

    subtree = tiles.subtrees(tile, size)
    proof = merkle.inclusion_path(subtree, 654_321, size)
    root = merkle.range_root(subtree, 0, size)
    assert merkle.verify_inclusion(alike[0], 654_321, size, proof, root)
    assert len(read) <= 7


def test_a_missing_or_short_tile_is_refused(tmp_path: Path) -> None:
    read = tiles.read_from(tmp_path)
    with pytest.raises(tiles.TileMissing):
        read(Tile(0, 0, 3))
    _write(tmp_path, 3)
    (tmp_path / Tile(0, 0, 3).path).write_bytes(bytes(95))
    with pytest.raises(tiles.TileMissing):
        read(Tile(0, 0, 3))


def test_a_subtree_outside_the_tree_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OurMistake):
        tiles.subtrees(tiles.read_from(tmp_path), 256)(0, 256)


def test_a_tile_has_as_many_hashes_as_its_width() -> None:
    with pytest.raises(OurMistake):
        tiles.tile_bytes(Tile(0, 0, 3), HASHES[:2])


def _write(log: Path, size: int) -> None:
    for tile in tiles.tiles_of(size):
        span = range(tile.number * 256, tile.number * 256 + tile.width)
        below = (
            HASHES[span.start : span.stop]
            if tile.level == 0
            else [b"".join(HASHES[at * 256 : (at + 1) * 256]) for at in span]
        )
        path = log / tile.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tiles.tile_bytes(tile, below))
