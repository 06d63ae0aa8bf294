"""Compares what was signed, and the nodes that are kept, with the tree of an audit."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.audit.checkpoints import open_checkpoint
from nostro.audit.log_keys import PublicKey
from nostro.audit.notes import NoteRefused, VerifierKey
from nostro.audit.tiles import HEIGHT
from nostro.kernel.queries import load
from nostro.verification.findings import Findings
from nostro.verification.outside import Anchor, Outside, Tree
from nostro.verification.report import Anchored
from nostro.verification.rows import Row
from nostro.verification.snapshot import Snapshot

QUERIES = load("nostro.verification")
Key = tuple[str, str, int | None, int | None]  # public key, origin, created, retired


async def compare_signed(
    snapshot: Snapshot, book: int, tree: Tree, outside: Outside, findings: Findings
) -> tuple[int, Anchored | None]:
    """Keys, checkpoints, nodes, and the log's directory if there is one. Returns how many batches are signed for."""
    checkpoints = await snapshot.fetch(QUERIES["all_checkpoints"], book)
    key_rows = await snapshot.fetch(QUERIES["all_log_keys"])
    _compare_keys(book, key_rows, checkpoints, outside, findings)
    keys = outside.verifiers(book)
    if keys is None:
        keys = [VerifierKey(f"{row[1]}/book/{book}", row[0]) for row in key_rows]
    signed = _compare_checkpoints(checkpoints, tree, keys, findings)
    _compare_nodes(await snapshot.fetch(QUERIES["all_nodes"], book), tree, signed, findings)
    if outside.directory is None or not (checkpoints or outside.directory.root.exists()):
        return signed, None
    anchor = Anchor(tree, outside.directory, keys, findings, outside.size)
    anchor.compare()
    known = {row[0] for row in checkpoints}
    for size, _ in anchor.files():
        if size not in known:
            findings.add(
                "checkpoints", f"checkpoint {size}", "in the log's directory, and not here"
            )
    return max(signed, anchor.fits), Anchored(anchor.newest, anchor.fits)


def _compare_checkpoints(
    rows: Sequence[Row], tree: Tree, keys: list[VerifierKey], findings: Findings
) -> int:
    """Each row with its note and the tree; returns the size of the largest that is right."""
    roots = tree.roots({row[0] for row in rows if isinstance(row[0], int)})
    largest = 0
    for row in rows:
        why = _why_not(row, roots.get(row[0]), tree, keys)
        if why is None:
            largest = max(largest, row[0])
        else:
            findings.add("checkpoints", f"checkpoint {row[0]}", why)
    return largest


def _why_not(row: Row, root: bytes | None, tree: Tree, keys: list[VerifierKey]) -> str | None:
    size, kept_root, at_ms, note = row
    try:
        found = open_checkpoint(note, keys)
    except (NoteRefused, TypeError, AttributeError) as error:
        return str(error)
    said = (found.size, found.root, found.time_ms)
    if said != (size, kept_root, at_ms):
        return "its size, root or time is not what was signed"
    if root is None:
        return None if tree.broken else f"signed, and the book has {tree.size} batches"
    return None if root == found.root else "another tree was signed"


def _compare_nodes(rows: Sequence[Row], tree: Tree, signed: int, findings: Findings) -> None:
    """Nodes are kept of every full tile under a checkpoint, and are those of the tree."""
    wanted = {}
    height = HEIGHT
    while tree.size >> height:
        for number, node in enumerate(tree.level(height // HEIGHT)):
            wanted[height, number] = node
        height += HEIGHT
    for row in rows:
        if wanted.pop((row[0], row[1]), None) != row[2] and not tree.broken:
            findings.add("log_nodes", f"node {row[0]}/{row[1]}", "it is not of this tree")
    for height, number in wanted:
        if (number + 1) << height <= signed:
            findings.add("log_nodes", f"node {height}/{number}", "missing")


def _compare_keys(
    book: int, rows: Sequence[Row], checkpoints: Sequence[Row], outside: Outside, findings: Findings
) -> None:
    """The table with the key file, or with the public keys in the log's directory."""
    kept = {_hex(row[0]): (row[1], row[2], row[3]) for row in rows}
    wanted = _wanted(book, checkpoints, kept, outside)
    if wanted is None:
        return
    for public, should in wanted.items():
        stored = kept.pop(public, None)
        if stored is None:
            findings.add("log_keys", f"key {public}", "missing: it is in use outside")
        elif any(b is not Ellipsis and a != b for a, b in zip(stored, should, strict=True)):
            findings.add("log_keys", f"key {public}", f"{stored}, and outside {should}")
    for public in kept:
        findings.add("log_keys", f"key {public}", "it is not known outside")


def _wanted(
    book: int, checkpoints: Sequence[Row], kept: dict[str, Row], outside: Outside
) -> dict[str, Row] | None:
    """What the table should hold. The times of keys are in the key file alone."""
    if outside.keys is not None:
        keys = list(outside.keys.keys)
        if keys[-1].public not in kept and not _signed_since(checkpoints, keys[-1].created_ms):
            keys = _without_newest(keys)  # the table learns of a key when it first signs
        origin = outside.keys.origin
        return {key.public: (origin, key.created_ms, key.retired_ms) for key in keys}
    found = outside.verifiers(book)
    if found is None:
        return None
    return {key.public.hex(): (key.name.removesuffix(f"/book/{book}"), ..., ...) for key in found}


def _signed_since(checkpoints: Sequence[Row], at_ms: int) -> bool:
    return any(row[2] is not None and row[2] >= at_ms for row in checkpoints)


def _without_newest(keys: list[PublicKey]) -> list[PublicKey]:
    return [msgspec.structs.replace(key, retired_ms=None) for key in keys[-2:-1]] and [
        *keys[:-2],
        msgspec.structs.replace(keys[-2], retired_ms=None),
    ]


def _hex(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
