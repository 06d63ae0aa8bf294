"""Canonical encodings: fixed bytes for each kind, and no two records alike.

The expected bytes are written out by hand, the hashes of texts were made with sha256sum.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nostro.audit import leaves
from nostro.audit.texts import NotEncodable, address_hash, encoded, metadata_hash, texts

ID = bytes.fromhex("0190a6f0c0de7000800000000000000a")
CHAIN = bytes.fromhex("0190a6f0c0de7000800000000000000b")
HOLD = bytes.fromhex("0190a6f0c0de7000800000000000000c")
ROOTS = [bytes([number]) * 32 for number in range(1, 6)]
HEADER: Callable[..., bytes] = leaves.header
PENDING, CLEARING = "merchant:acct_1:pending:usd", "acquirer:sandbox:clearing:usd"


def test_a_transfer() -> None:
    assert leaves.transfer(
        1, 7, ID, CHAIN, HOLD, "capture", True, 2000, 1500, -2000, 20779, 1_795_000_000_000,
        CLEARING, PENDING, "usd", "sale", "pi_1", bytes([9]) * 32,
    ) == bytes.fromhex(
        "01" "01" "00000001" "0000000000000007"
        "0190a6f0c0de7000800000000000000a"
        "0190a6f0c0de7000800000000000000b"
        "0190a6f0c0de7000800000000000000c"
        "03" "01" "00000000000007d0" "00000000000005dc" "fffffffffffff830"
        "0000512b" "000001a1ee565e00"
        "55fd695ad6926cc3b01bd58fda294b6412c1252a3729c2ba7391b6f74963552f" + "09" * 32
    )  # fmt: skip


def test_a_transfer_alone_without_metadata() -> None:
    assert leaves.transfer(
        1, 7, ID, None, None, "single", False, 2000, 2000, 0, 20779, None,
        CLEARING, PENDING, "usd", "sale", "pi_1", None,
    ) == bytes.fromhex(
        "01" "01" "00000001" "0000000000000007"
        "0190a6f0c0de7000800000000000000a" + "00" * 32
        + "01" "00" "00000000000007d0" "00000000000007d0" "0000000000000000"
        "0000512b" "0000000000000000"
        "55fd695ad6926cc3b01bd58fda294b6412c1252a3729c2ba7391b6f74963552f" + "00" * 32
    )  # fmt: skip


@pytest.mark.parametrize(("function", "kind"), [
    (leaves.balance, "02"), (leaves.snapshot_balance, "07")
])  # fmt: skip
def test_a_balance(function: Callable[..., bytes], kind: str) -> None:
    assert function(
        65535, 3, 4, 5, 6, 7, 8, 0, None, PENDING, "usd"
    ) == bytes.fromhex(
        "01" + kind + "0000ffff" "0000000000000003" "0000000000000004"
        "0000000000000005" "0000000000000006" "0000000000000007" "0000000000000008"
        "0000000000000000" "ffffffffffffffff"
        "179b511d9ca38556f8f9ebde8682d00cc940094975bc1a958606f0748e456eb1"
    )  # fmt: skip


def test_a_rejection() -> None:
    assert leaves.rejection(
        1, ID, None, HOLD, 7, 2, "void", False, 900, None, 0,
        "merchant:acct_1:available:usd", CLEARING, "usd", "refund", "re_1", "exceeds_credits", None,
    ) == bytes.fromhex(
        "01" "03" "00000001" "0190a6f0c0de7000800000000000000a" + "00" * 16
        + "0190a6f0c0de7000800000000000000c" "0000000000000007" "00000002"
        "04" "00" "0000000000000384" "00000000" "0000000000000000"
        "42ddbb42c55f5ab6a426c754b6a95d3ca21f4f78e6acabd7d0eba5062c6484ae" + "00" * 32
    )  # fmt: skip


def test_a_limit_change() -> None:
    assert leaves.limit_change(1, 3, 7, 1, None, 10_000) == bytes.fromhex(
        "01" "04" "00000001" "0000000000000003" "0000000000000007" "00000001"
        "ffffffffffffffff" "0000000000002710"
    )  # fmt: skip


def test_an_audit_record() -> None:
    assert leaves.audit_record(
        1, 12, "log_key.rotated", "0102030a", "[]", None, "", "ok", bytes([8]) * 32
    ) == bytes.fromhex(
        "01" "05" "00000001" "000000000000000c"
        "9a4cfa962c6bd0971e4023e08c72eb48af031c31c6b1e9a84886856a7c7007be" + "08" * 32
    )  # fmt: skip


def test_a_header() -> None:
    assert HEADER(
        1, 9, 1_795_000_000_000, 2, ID, 40, 3, 4, 1, 0, 11, 2, *ROOTS, bytes([6]) * 32
    ) == bytes.fromhex(
        "01" "06" "00000001" "0000000000000009" "000001a1ee565e00" "00000002"
        "0190a6f0c0de7000800000000000000a"
        "0000000000000028" "00000003" "00000004" "00000001" "00000000"
        "000000000000000b" "00000002"
        + "01" * 32 + "02" * 32 + "03" * 32 + "04" * 32 + "05" * 32 + "06" * 32
    )  # fmt: skip


def test_texts() -> None:
    assert encoded("ü", "", None).hex() == "00000002c3bc00000000ffffffff"
    assert texts("ü", "", None).hex() == (
        "b886854079bf1d47d0606059bde34199842c3fc6af07312208cb6f23c235abbc"
    )


@pytest.mark.parametrize("function", [metadata_hash, address_hash])
def test_salted_hashes(function: Callable[[bytes, str], bytes]) -> None:
    assert function(bytes(range(16)), '{"a":"b"}').hex() == (
        "4702fa5124f573ad74bbf9f748fb34d53f66f51d372a1522a4b67e95853125cc"
    )
    with pytest.raises(NotEncodable):
        function(bytes(15), "{}")


@pytest.mark.parametrize(
    "record",
    [
        lambda: leaves.limit_change(2**32, 1, 1, 1, None, None),
        lambda: leaves.limit_change(-1, 1, 1, 1, None, None),
        lambda: leaves.limit_change(1, 2**64, 1, 1, None, None),
        lambda: leaves.limit_change(1, 1, 1, 1, 2**63, None),
        lambda: leaves.limit_change(1, 1, 1, 1, -1, None),
        lambda: leaves.balance(1, 1, 1, 2**63, 0, 0, 0, None, None, "a", "usd"),
        lambda: leaves.snapshot_balance(1, 1, 1, 0, 0, 0, 0, None, -5, "a", "usd"),
        lambda: leaves.audit_record(1, -1, "a", "b", "c", "d", "e", "f", None),
        lambda: leaves.audit_record(1, 1, "a", "b", "c", "d", "e", "f", bytes(31)),
        lambda: leaves.audit_record(1, 1, "a", "b", "c", "d", "e", "f", bytes(32)),
        lambda: leaves.audit_record(1, 1, "\ud800", "b", "c", "d", "e", "f", None),
        lambda: _transfer(id=ID[:15]),
        lambda: _transfer(chain=ID + b"\0"),
        lambda: _transfer(hold=bytes(16)),
        lambda: _transfer(kind="credit"),
        lambda: _transfer(effective_day=-1),
        lambda: HEADER(1, 9, 1, 2, ID, 4, 3, 4, 1, 0, 11, 2, *ROOTS[:4], b"", None),
        lambda: HEADER(1, 9, 1, 2, ID, 4, 2**32, 4, 1, 0, 11, 2, *ROOTS, None),
    ],
)
def test_what_has_no_place_is_refused(record: Callable[[], bytes]) -> None:
    with pytest.raises(NotEncodable):
        record()


SMALL = st.sampled_from([0, 1, 2, 255, 256, 65536])
SIGNED = st.sampled_from([-256, -1, 0, 1, 255, 256])
LIMIT = st.sampled_from([None, 0, 1, 256])
WORDS = st.sampled_from(["", "a", "b", "ab", "ba", "aa", "\0", "ü"])
MAYBE_WORDS = st.one_of(st.none(), WORDS)
IDS = st.sampled_from([ID, CHAIN, HOLD])
MAYBE_IDS = st.one_of(st.none(), IDS)
HASHES = st.sampled_from(ROOTS)
MAYBE_HASHES = st.one_of(st.none(), HASHES)
KINDS = st.sampled_from(sorted(leaves.TYPES))
POSITIVE = st.sampled_from([1, 255, 256])
MAYBE_POSITIVE = st.one_of(st.none(), POSITIVE)
BALANCE = (SMALL,) * 3 + (SIGNED,) * 4 + (LIMIT,) * 2 + (WORDS,) * 2
FIELDS: dict[Callable[..., bytes], tuple[st.SearchStrategy[Any], ...]] = {
    leaves.transfer: (SMALL, SMALL, IDS, MAYBE_IDS, MAYBE_IDS, KINDS, st.booleans())
    + (SIGNED,) * 3 + (SMALL, MAYBE_POSITIVE) + (WORDS,) * 5 + (MAYBE_HASHES,),
    leaves.balance: BALANCE,
    leaves.snapshot_balance: BALANCE,
    leaves.rejection: (SMALL, IDS, MAYBE_IDS, MAYBE_IDS, SMALL, SMALL, KINDS, st.booleans())
    + (SIGNED, MAYBE_POSITIVE, MAYBE_POSITIVE) + (WORDS,) * 6 + (MAYBE_HASHES,),
    leaves.limit_change: (SMALL,) * 4 + (LIMIT,) * 2,
    leaves.audit_record: (SMALL,) * 2 + (MAYBE_WORDS,) * 6 + (MAYBE_HASHES,),
    leaves.header: (SMALL,) * 4 + (IDS,) + (SMALL,) * 7 + (HASHES,) * 5 + (MAYBE_HASHES,),
}  # fmt: skip


@st.composite
def records(draw: st.DrawFn) -> tuple[Callable[..., bytes], tuple[Any, ...]]:
    function = draw(st.sampled_from(list(FIELDS)))
    return function, draw(st.tuples(*FIELDS[function]))


@given(records(), records())
@settings(max_examples=150, deadline=None)
def test_two_records_never_encode_alike(one: Any, other: Any) -> None:
    assume(one != other)
    assert one[0](*one[1]) != other[0](*other[1])


@given(records(), st.data())
@settings(max_examples=300, deadline=None)
def test_another_field_makes_other_bytes(record: Any, data: st.DataObject) -> None:
    function, values = record
    at = data.draw(st.integers(0, len(values) - 1))
    other = data.draw(FIELDS[function][at].filter(lambda value: value != values[at]))
    changed = (*values[:at], other, *values[at + 1 :])
    assert function(*values) != function(*changed)


@given(st.lists(MAYBE_WORDS, max_size=4), st.lists(MAYBE_WORDS, max_size=4))
@settings(max_examples=150, deadline=None)
def test_two_lists_of_texts_never_hash_alike(one: list[Any], other: list[Any]) -> None:
    assert (texts(*one) == texts(*other)) == (one == other)


def _transfer(**changed: Any) -> bytes:
    values: dict[str, Any] = {
        "id": ID, "chain": None, "hold": None, "kind": "single", "final": False, "amount": 1,
        "posted": 1, "pending": 0, "effective_day": 1, "expires_ms": None, "debit": "a",
        "credit": "b", "currency": "usd", "code": "sale", "subject": "pi_1", "metadata_hash": None,
    }  # fmt: skip
    return leaves.transfer(1, 7, **(values | changed))
