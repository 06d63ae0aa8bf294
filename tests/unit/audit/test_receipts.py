"""What we build, the offline verifier accepts; what was changed in it, it refuses.

The verifier shares no code with `nostro.audit`: it is run as a program of its own, or loaded from its
file where thousands of files are verified.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nostro.audit import merkle, notes, receipts
from nostro.audit.receipts import ProofBroken
from tests.unit.audit import verifier
from tests.unit.audit.small_book import BOOK, CODES, LOG, ORIGIN, ROTATED, WITNESS, SmallBook

HELD = SmallBook()
VKEY = LOG.verifier.vkey
KEYS = [verifier.module().read_vkey(VKEY)]


def a_receipt(subject: str = "ch_1", size: int = 5) -> bytes:
    kind = "refund" if subject.startswith("re_") else "payment"
    return receipts.build_receipt(
        kind, subject, HELD.of(subject), HELD.headers_of(subject, size), HELD.note(size)
    )


def a_consistency(old: int = 3, new: int = 5) -> bytes:
    proof = merkle.consistency_proof(HELD.log_leaves(), old, new)
    return receipts.build_consistency(HELD.note(old), HELD.note(new), proof)


def a_balance(account: str = CODES[1], book: SmallBook = HELD) -> bytes:
    around = [
        at
        for at, code in enumerate(book.codes)
        if code == account or (account not in book.codes and _is_neighbour(book.codes, at, account))
    ]
    return receipts.build_balance(
        account, book.snapshot, [book.balance(at) for at in around], book.record(), book.header(4),
        book.note(),
    )  # fmt: skip


def _is_neighbour(codes: list[str], at: int, account: str) -> bool:
    place = sum(code < account for code in codes)
    return at in (place - 1, place)


FILES: dict[str, tuple[Callable[[], bytes], Callable[[bytes], Any]]] = {
    "receipt": (a_receipt, lambda data: verifier.module().verify_receipt(data, KEYS)),
    "consistency": (
        a_consistency,
        lambda data: verifier.module().verify_consistency(
            HELD.note(3).encode(), HELD.note(5).encode(), data, KEYS
        ),
    ),
    "balance": (a_balance, lambda data: verifier.module().verify_balance(data, KEYS)),
    "absence": (
        lambda: a_balance("merchant:acct_0"),
        lambda data: verifier.module().verify_balance(data, KEYS),
    ),
}


@pytest.mark.parametrize("name", ["receipt", "consistency", "balance"])
def test_every_single_bit_of_a_file_counts(name: str) -> None:
    build, verify = FILES[name]
    data = build() if name != "receipt" else a_receipt("re_1")  # one transfer: half the bits
    verify(data)
    assert [bit for bit in range(8 * len(data)) if _proved(verify, _flipped(data, bit))] == []


def test_every_single_bit_of_an_absence_counts_but_for_the_name_that_is_absent() -> None:
    # The same neighbours prove that every other name between them is absent: also true.
    build, verify = FILES["absence"]
    data = build()
    account = _bits_of(data, b'"merchant:acct_0"')
    found = {bit: _proved(verify, _flipped(data, bit)) for bit in range(8 * len(data))}
    assert {bit for bit, proved in found.items() if proved} < set(account)
    for proved in filter(None, found.values()):
        assert not proved["found"]
        assert CODES[0] < proved["account"] < CODES[1]


def _proved(verify: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return verify(data)
    except verifier.module().Refused:
        return None


def _flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _bits_of(data: bytes, part: bytes) -> range:
    return range(8 * data.index(part), 8 * (data.index(part) + len(part)))


@pytest.mark.parametrize("name", FILES)
def test_every_field_is_needed_and_no_other_is_taken(name: str) -> None:
    build, verify = FILES[name]
    file = json.loads(build())
    for part in list(_objects(file)):
        for field in list(part):
            kept = part.pop(field)
            _refused(verify, file)
            part[field] = kept
        part["zz"] = 1
        _refused(verify, file)
        del part["zz"]
    verify(_canonical(file))


@pytest.mark.parametrize("name", FILES)
def test_a_value_of_another_type_is_refused(name: str) -> None:
    build, verify = FILES[name]
    file = json.loads(build())
    for part in list(_objects(file)):
        for field, kept in list(part.items()):
            for other in (None, True, 1, 1.5, "", "x", [], [1], {}, {"a": 1}, -1, 2**70):
                if type(other) is type(kept) and other == kept:
                    continue
                if (field, other) == ("metadata", None):
                    continue  # metadata need not be shown
                part[field] = other
                _refused(verify, file)
            part[field] = kept
    verify(_canonical(file))


def test_a_receipt_is_verified_by_a_stranger(tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    path.write_bytes(a_receipt())
    code, proved = verifier.run_json("receipt", path, "--key", VKEY)
    assert (code, proved["verified"], proved["subject"]) == (0, True, "ch_1")
    first = proved["transfers"][0]
    assert [t["seq"] for t in proved["transfers"]] == [1, 5]
    assert (first["debit"], first["credit"], first["amount"]) == (CODES[0], CODES[2], 2_001)
    assert first["metadata"]["text"] == '{"order":"ü 6735"}'
    assert (proved["log"]["origin"], proved["log"]["size"]) == (ORIGIN, 5)
    assert proved["log"]["time"] == "2026-11-18T11:06:40.005000+00:00"


def test_a_receipt_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    path.write_bytes(a_receipt("re_1"))
    code, printed = verifier.run("receipt", path, "--key", VKEY)
    assert code == 0
    assert printed.startswith(
        "verified: refund re_1\n  transfer 9 (refund, single): 2009 usd from "
    )
    assert f"log {ORIGIN} at 5 batches, signed 2026-11-18T" in printed


def test_a_file_of_keys_may_hold_several(tmp_path: Path) -> None:
    path, keys = tmp_path / "receipt.json", tmp_path / "keys"
    path.write_bytes(a_receipt())
    keys.write_text(f"# the log's\n{ROTATED.verifier.vkey}\n\n{VKEY}\n")
    assert verifier.run("receipt", path, "--key", keys)[0] == 0
    code, printed = verifier.run("receipt", path, "--key", ROTATED.verifier.vkey)
    assert code == 1
    assert "is not signed by a key of it that was given" in printed


def test_a_receipt_against_a_checkpoint_held_elsewhere(tmp_path: Path) -> None:
    path, held = tmp_path / "receipt.json", tmp_path / "checkpoint"
    path.write_bytes(a_receipt())
    note = HELD.note()
    held.write_text(note + WITNESS.line(notes.parse(note).text))
    arguments: list[str | Path] = ["receipt", path, "--key", VKEY, "--checkpoint", held]
    assert verifier.run(*arguments)[0] == 0
    held.write_text(HELD.note(4))
    assert "at size 4" in verifier.run(*arguments)[1]
    # The same size, another tree: the log told two stories.
    held.write_text(SmallBook(CODES[:2]).note())
    code, printed = verifier.run(*arguments)
    assert (code, printed) == (
        1,
        f"not verified: {path}: the log signed two trees of size 5: a split view\n",
    )


def test_consistency_is_verified_by_a_stranger(tmp_path: Path) -> None:
    old, new, proof = (tmp_path / name for name in ("old", "new", "proof"))
    old.write_text(HELD.note(3))
    new.write_text(HELD.note())
    proof.write_bytes(a_consistency())
    code, proved = verifier.run_json("consistency", old, new, proof, "--key", VKEY)
    assert (code, proved["old"]["size"], proved["log"]["size"]) == (0, 3, 5)
    assert "unchanged" in verifier.run("consistency", old, new, proof, "--key", VKEY)[1]
    old.write_text(HELD.note(2))
    assert verifier.run("consistency", old, new, proof, "--key", VKEY)[0] == 1


@pytest.mark.parametrize(("old", "new"), [(1, 1), (1, 5), (2, 5), (4, 5), (5, 5)])
def test_every_two_sizes_are_consistent(old: int, new: int) -> None:
    held = HELD.note(old).encode(), HELD.note(new).encode()
    assert verifier.module().verify_consistency(*held, a_consistency(old, new), KEYS)


def test_a_log_that_was_rewritten_is_not_consistent() -> None:
    other = SmallBook(CODES[:2])
    proof = merkle.consistency_proof(other.log_leaves(), 4, 5)
    with pytest.raises(ProofBroken):
        receipts.build_consistency(HELD.note(4), other.note(5), proof)
    file = json.loads(a_consistency(4, 5)) | {"new": other.note(5)}
    with pytest.raises(verifier.module().Refused, match="rewritten"):
        verifier.module().verify_consistency(
            HELD.note(4).encode(), other.note(5).encode(), _canonical(file), KEYS
        )


def test_a_balance_is_verified_by_a_stranger(tmp_path: Path) -> None:
    path = tmp_path / "balance.json"
    path.write_bytes(a_balance())
    code, proved = verifier.run_json("balance", path, "--key", VKEY)
    assert (code, proved["found"], proved["balance"]["credits_posted"]) == (0, True, 2_000)
    printed = verifier.run("balance", path, "--key", VKEY)[1]
    assert f"{CODES[1]} had debits_posted 10, credits_posted 2000" in printed


@pytest.mark.parametrize("account", ["a", "b", "merchant:acct_0", "merchant:acct_1:b", "z", "ü"])
def test_an_absent_account_is_proved_absent(account: str) -> None:
    proved = verifier.module().verify_balance(a_balance(account), KEYS)
    assert (proved["found"], proved["balance"]) == (False, None)


@pytest.mark.parametrize("codes", [[], CODES[:1]])
def test_absence_from_a_small_snapshot(codes: list[str]) -> None:
    small = SmallBook(codes)
    for account in ("a", "z"):
        assert not verifier.module().verify_balance(a_balance(account, small), KEYS)["found"]


def test_a_present_account_cannot_be_passed_off_as_absent() -> None:
    around = [HELD.balance(0), HELD.balance(2)]
    with pytest.raises(ProofBroken):
        _build_balance(CODES[1], around)
    file = json.loads(a_balance(CODES[1])) | {
        "found": False, "leaves": [balance.words() for balance in around]
    }  # fmt: skip
    with pytest.raises(verifier.module().Refused, match="there is room"):
        verifier.module().verify_balance(_canonical(file), KEYS)


@pytest.mark.parametrize(
    "change",
    [
        lambda: _build(subject="ch_2"),
        lambda: _build(subject="xx_1"),
        lambda: _build(kind="refund"),
        lambda: _build(transfers=[]),
        lambda: _build(transfers=HELD.of("ch_1")[:1]),
        lambda: _build(batches=HELD.headers_of("ch_1", 4)),
        lambda: _build(checkpoint=HELD.note(4)),
        lambda: _build(checkpoint="nothing"),
        lambda: _build(checkpoint=HELD.note(signer=WITNESS)),
        lambda: _build(transfers=[_with(HELD.of("ch_1")[0], amount=1), HELD.of("ch_1")[1]]),
        lambda: _build(transfers=[_with(HELD.of("ch_1")[0], metadata=None, seq=2)]),
        lambda: _build(
            transfers=[_with(one, metadata=HELD.of("ch_3")[0].metadata) for one in HELD.of("ch_1")]
        ),
        lambda: _build_balance(CODES[0], [HELD.balance(1)]),
        lambda: _build_balance(CODES[1], [_with(HELD.balance(1), credits_posted=9)]),
        lambda: _build_balance(CODES[1], [HELD.balance(1)], record=HELD.record(0)),
        lambda: _build_balance("z", []),
    ],
)
def test_a_file_that_would_not_verify_is_not_built(change: Callable[[], bytes]) -> None:
    with pytest.raises(ProofBroken):
        change()


def test_erased_metadata_leaves_the_receipt_verifiable() -> None:
    data = _build(transfers=[_with(one, metadata=None) for one in HELD.of("ch_1")])
    proved = verifier.module().verify_receipt(data, KEYS)
    assert proved["transfers"][0]["metadata"] is None
    assert proved["transfers"][0]["metadata_hash"] is not None


@pytest.mark.parametrize(
    "data",
    [
        a_receipt() + b"\n",
        a_receipt().replace(b",", b", ", 1),
        b"\xef\xbb\xbf" + a_receipt(),
        b"[" * 100_000,
        b"9" * 10_000,
        b"NaN",
        b'"\\ud800"',
        b"\xff",
        b"",
    ],
)
def test_another_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(verifier.module().Refused):
        verifier.module().verify_receipt(data, KEYS)


def test_a_large_file_is_refused_and_a_missing_one_is_usage(tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    path.write_bytes(b" " * 1_000_001)
    code, printed = verifier.run("receipt", path, "--key", VKEY)
    assert (code, "larger than" in printed) == (1, True)
    assert verifier.run("receipt", tmp_path / "none", "--key", VKEY)[0] == 2
    assert verifier.run("receipt", path)[0] == 2
    assert verifier.run_json("receipt", path, "--key", VKEY)[1]["verified"] is False


def test_the_verifier_imports_nothing_of_nostro() -> None:
    tree = ast.parse(verifier.SOURCE.read_text("utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    }  # fmt: skip
    standard = {
        "__future__",
        "argparse",
        "base64",
        "collections",
        "datetime",
        "hashlib",
        "io",
        "json",
    }
    assert imported <= standard | {"pathlib", "re", "sys", "typing", "cryptography"}


def test_both_implementations_hash_alike() -> None:
    transfer, header = HELD.of("ch_1")[0], HELD.header(1)
    leaf = verifier.module().leaf_of("t", 1, BOOK, transfer.words(), verifier.module().TRANSFER)
    assert leaf == merkle.leaf_hash(transfer.leaf(BOOK))
    words = header.words()
    leaf = verifier.module().leaf_of("h", 6, BOOK, words, verifier.module().HEADER, (1).to_bytes(8))
    assert leaf == merkle.leaf_hash(header.leaf(BOOK))


def _build(**changed: Any) -> bytes:
    values: dict[str, Any] = {
        "kind": "payment", "subject": "ch_1", "transfers": HELD.of("ch_1"),
        "batches": HELD.headers_of("ch_1"), "checkpoint": HELD.note(),
    }  # fmt: skip
    return receipts.build_receipt(**(values | changed))


def _build_balance(account: str, balances: list[Any], record: Any = None) -> bytes:
    return receipts.build_balance(
        account, HELD.snapshot, balances, record or HELD.record(), HELD.header(4), HELD.note()
    )


def _with(record: Any, **changed: Any) -> Any:
    return msgspec.structs.replace(record, **changed)


def test_a_snapshot_of_a_day_that_was_not_over_is_refused() -> None:
    """Its record is of the day itself: neither implementation has it for the day's end."""
    file = json.loads(a_balance())
    day = HELD.snapshot.day
    early = SmallBook(day=day + 1)
    with pytest.raises(ProofBroken, match="before its day was over"):
        a_balance(book=early)
    built = _as_if_over(early)
    assert json.loads(built)["day"] > file["day"]
    with pytest.raises(verifier.module().Refused, match="before its day was over"):
        verifier.module().verify_balance(built, KEYS)


def _as_if_over(book: SmallBook) -> bytes:
    """The file that a careless builder would write."""
    file = json.loads(a_balance())
    file["day"] = file["snapshot"]["day"] = book.record().changes[-12:-2]
    file["audit"], file["batch"] = book.record().words(), book.header(4).words()
    return json.dumps(
        file | {"checkpoint": book.note()},
        separators=(",", ":"),
        ensure_ascii=False,
        sort_keys=True,
    ).encode()


def _objects(value: Any) -> Any:
    if isinstance(value, dict):
        yield value
        for part in list(value.values()):
            yield from _objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from _objects(part)


def _refused(verify: Callable[[bytes], Any], file: Any) -> None:
    with pytest.raises(verifier.module().Refused):
        verify(_canonical(file))


def _canonical(file: Any) -> bytes:
    return json.dumps(file, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
