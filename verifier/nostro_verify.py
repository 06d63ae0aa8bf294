"""nostro-verify: checks what a Nostro ledger hands out, offline, with nothing of Nostro.

    nostro-verify receipt FILE --key VKEY [--checkpoint FILE]
    nostro-verify consistency OLD NEW PROOF --key VKEY
    nostro-verify balance FILE --key VKEY

A book's ledger is a Merkle tree (RFC 6962, SHA-256). Its leaves are batch headers; a header holds
the roots of smaller trees over what the batch recorded: transfers, balances, audit records. The log
signs its tree's size and root in a checkpoint (c2sp.org/tlog-checkpoint). A proof leads from a
record to its batch's root, from the header to the log's root, and so to the signature of a key you
know.

Every check is in this file, to be read from top to bottom. Anything unexpected refuses: an unknown
or missing field, a number where a text belongs, JSON that is not in its one canonical spelling.
Exit: 0 verified, 1 not verified, 2 usage (or a file that cannot be read).
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LONGEST_FILE = 1_000_000  # bytes
MOST_SIGNATURES = 64
DAY_MS = 86_400_000
GIVEN, OLD_GIVEN, NEW_GIVEN = (f"the {which}checkpoint given" for which in ("", "old ", "new "))
T = TypeVar("T")
TYPES = {"single": 1, "hold": 2, "capture": 3, "void": 4, "expire": 5}
# What a receipt of each kind is about: objects whose ids begin so.
SUBJECTS = {"payment": ("ch_", "py_", "pi_"), "refund": ("re_", "pyr_")}


class Refused(Exception):
    """Not verified, and why, in one sentence."""


def need(truth: bool, sentence: str) -> None:
    """Refuse with the sentence unless it is so."""
    if not truth:
        raise Refused(sentence)


# --- Merkle trees (RFC 6962, section 2.1). The last hash of a proof is the nearest to the root. ---


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """Where a tree divides: the largest power of two smaller than its size."""
    return 1 << ((size - 1).bit_length() - 1)


def root_by_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """The root that a leaf leads to. Each step leaves the half of the tree without that leaf."""
    need((size == 1) == (not proof), "an inclusion proof has hashes too many or too few")
    if size == 1:
        return leaf
    left, rest, last = split(size), proof[:-1], proof[-1]
    if index < left:
        return node_hash(root_by_inclusion(leaf, index, left, rest), last)
    return node_hash(last, root_by_inclusion(leaf, index - left, size - left, rest))


def check_included(
    what: str, leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes
) -> None:
    need(0 <= index < size, f"{what}: there is no leaf {index} in a tree of {size}")
    need(root_by_inclusion(leaf, index, size, proof) == root,
         f"{what}: its contents and its proof do not lead to the root")  # fmt: skip


def roots_by_consistency(
    old_size: int, size: int, proof: list[bytes], old_root: bytes, whole: bool = True
) -> tuple[bytes, bytes]:
    """The older and the newer root that a consistency proof leads to.

    `whole`: this subtree begins at the first leaf, so where it is the old tree, its hash is known.
    """
    if old_size == size:
        need(len(proof) == (0 if whole else 1), "the consistency proof has too many or few hashes")
        return (old_root, old_root) if whole else (proof[0], proof[0])
    need(bool(proof), "the consistency proof has too few hashes")
    left, rest, last = split(size), proof[:-1], proof[-1]
    if old_size <= left:
        older, newer = roots_by_consistency(old_size, left, rest, old_root, whole)
        return older, node_hash(newer, last)
    older, newer = roots_by_consistency(old_size - left, size - left, rest, old_root, False)
    return node_hash(last, older), node_hash(last, newer)


# --- Signed notes and checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint) ----------------


class Key(NamedTuple):
    """A name and an Ed25519 key; `id` is four bytes of their hash."""

    name: str
    id: bytes
    public: bytes


def strict_base64(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        data = b""
    need(bool(data) and base64.b64encode(data).decode() == text, f"{what} is not strict base64")
    return data


def read_vkey(text: str) -> Key:
    """From `name+key id+base64(0x01 and the public key)`."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    key = strict_base64(encoded, "a verifier key")
    need(bool(name) and len(key) == 33 and key[0] == 1, "a verifier key is not one of Ed25519")
    computed = sha256(name.encode() + b"\n" + key).digest()[:4]
    need(computed.hex() == key_id, "a verifier key's id does not fit its name and its bytes")
    return Key(name, computed, key[1:])


class Checkpoint:
    """A checkpoint that the log itself signed, with one of the keys given.

    `own`: it is part of a proof, and then has the log's one signature and nothing beside it. In a
    file of its own there may be others; those of unknown keys are ignored.
    """

    def __init__(self, note: str, keys: list[Key], what: str, own: bool = False):
        # Only `signed_by`, at the end, makes any of this true.
        text, gap, signatures = note.rpartition("\n\n")
        signature_lines, most = signatures.split("\n"), 1 if own else MOST_SIGNATURES
        need(bool(gap) and not signature_lines.pop(), f"{what} is not a signed note")
        need(0 < len(signature_lines) <= most, f"{what} has not one to {most} signatures")
        need(all(c >= " " or c == "\n" for c in note), f"{what} has control characters")
        lines = text.split("\n")
        need(len(lines) >= 3 and "" not in lines, f"{what} has not the lines of a checkpoint")
        times = [line[12:] for line in lines[3:] if line.startswith("nostro-time ")]
        plain = all(re.fullmatch("0|[1-9][0-9]{0,18}", n) for n in [lines[1], *times])
        need(plain and len(times) <= 1, f"{what} has a size or time that is not one plain number")
        self.what, self.origin, self.size = what, lines[0], int(lines[1])
        self.root = strict_base64(lines[2], f"the root of {what}")
        self.time = shown_time(int(times[0])) if times else None
        self.key_id = self.signed_by(keys, text + "\n", signature_lines)

    def signed_by(self, keys: list[Key], text: str, lines: list[str]) -> str:
        """The id of the log's key. Every signature by a key that was given has to be right."""
        found = ""
        for line in lines:
            dash, name, encoded = (line.split(" ") + ["", ""])[:3]
            need(f"{dash} {name} {encoded}" == line and dash == "\u2014" and bool(name),
                 f"{self.what} has a line that is no signature")  # fmt: skip
            data = strict_base64(encoded, f"a signature of {self.what}")
            for key in keys:
                if (key.name, key.id) == (name, data[:4]):
                    check_signature(key, data[4:], text, self.what)
                    found = key.id.hex() if name == self.origin else found
        log = shown(self.origin)
        need(bool(found), f"{self.what}, of log {log}, is not signed by a key of it that was given")
        return found

    def check_same_tree(self, other: Checkpoint) -> None:
        need((self.origin, self.size) == (other.origin, other.size),
             f"{self.what} is of {shown(self.origin)} at size {self.size}, "
             f"{other.what} of {shown(other.origin)} at size {other.size}")  # fmt: skip
        need(self.root == other.root, f"the log signed two trees of size {self.size}: a split view")

    def summary(self) -> dict[str, Any]:
        return {"origin": self.origin, "size": self.size, "root": self.root.hex(),
                "time": self.time, "key_id": self.key_id}  # fmt: skip


def check_signature(key: Key, signature: bytes, text: str, what: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
    except (InvalidSignature, ValueError):
        raise Refused(f"{what}: the signature of {shown(key.name)} is not of this text") from None


# --- JSON: each value has one type, and the whole file one spelling -------------------------------

Encode = Callable[[Any], bytes | None]
"""A value's bytes in a record; None if it is not of the type."""


def integer(size: int, low: int, high: int, none: int | None = None) -> Encode:
    """Big-endian; negative ones in two's complement. `none` is what null stands for."""

    def encode(value: Any) -> bytes | None:
        if value is None and none is not None:
            return none.to_bytes(size, "big", signed=low < 0 or none < 0)
        fits = type(value) is int and low <= value <= high
        return value.to_bytes(size, "big", signed=low < 0) if fits else None

    return encode


def hexadecimal(size: int, absent: bool = False) -> Encode:
    """Lower-case. `absent`: null is allowed and stands for zeros, which are then not a value."""

    def encode(value: Any) -> bytes | None:
        if value is None:
            return bytes(size) if absent else None
        fits = type(value) is str and re.fullmatch(f"[0-9a-f]{{{2 * size}}}", value)
        data = bytes.fromhex(value) if fits else None
        return None if absent and data == bytes(size) else data

    return encode


def text(value: Any) -> bytes | None:
    """The length in four bytes, then UTF-8."""
    data = value.encode() if type(value) is str else None
    return None if data is None else len(data).to_bytes(4, "big") + data


def day(value: Any) -> bytes | None:
    """YYYY-MM-DD, as days since 1970-01-01."""
    try:
        found = date.fromisoformat(value) if type(value) is str else None
    except ValueError:
        found = None
    fits = found is not None and found.isoformat() == value and found.year >= 1970
    return (found - date(1970, 1, 1)).days.to_bytes(4, "big") if found and fits else None


KINDS: dict[str, Encode] = {
    "u32": integer(4, 0, 2**32 - 1), "u64": integer(8, 0, 2**64 - 1),
    "i64": integer(8, -(2**63), 2**63 - 1), "limit": integer(8, 0, 2**63 - 1, none=-1),
    "ms": integer(8, 1, 2**64 - 1, none=0), "one": integer(1, 1, 1), "day": day, "text": text,
    "text?": lambda v: b"\xff" * 4 if v is None else text(v),
    "uuid": hexadecimal(16), "uuid?": hexadecimal(16, True),
    "hash": hexadecimal(32), "hash?": hexadecimal(32, True),
    "flag": lambda v: bytes([v]) if type(v) is bool else None,
    "type": lambda v: bytes([TYPES[v]]) if type(v) is str and v in TYPES else None,
    "list": lambda v: b"" if type(v) is list else None,
    "object": lambda v: b"" if type(v) is dict else None,
    "object?": lambda v: b"" if v is None or type(v) is dict else None,
}  # fmt: skip

# The fields of each record in the order of its bytes (docs/reference/ledger-log.md): name:kind. The
# texts of a record are in it as one hash over all of them. Behind the bar: fields that are no part.
TRANSFER = """seq:u64 id:uuid chain:uuid? hold:uuid? type:type final:flag amount:i64 posted:i64
    pending:i64 effective:day expires_ms:ms debit:text credit:text currency:text code:text
    subject:text metadata_hash:hash? | metadata:object? batch:u64 index:u64 proof:list"""
HEADER = """at_ms:u64 epoch:u32 writer:uuid first_transfer:u64 transfer_count:u32 balance_count:u32
    rejection_count:u32 limit_count:u32 first_audit:u64 audit_count:u32 transfers_root:hash
    balances_root:hash rejections_root:hash limits_root:hash audit_root:hash previous:hash?
    | proof:list"""
BALANCE = """account_no:u64 version:u64 debits_posted:i64 credits_posted:i64 debits_pending:i64
    credits_pending:i64 overdraft_max:limit overcredit_max:limit code:text currency:text
    | index:u64 proof:list"""
RECORD = """seq:u64 action:text? subject:text? changes:text? actor:text? request_id:text?
    outcome:text? address_hash:hash? | index:u64 proof:list"""
METADATA = "salt:uuid text:text |"
SNAPSHOT = "as_of_batch:u64 day:day last_transfer:u64 account_count:u64 root:hash |"
RECEIPT = """nostro_receipt:one kind:text subject:text origin:text transfers:list batches:object
    checkpoint:text |"""
CONSISTENCY = "nostro_consistency:one origin:text old:text new:text proof:list |"
BALANCE_FILE = """nostro_balance:one origin:text account:text day:day found:flag snapshot:object
    leaves:list audit:object batch_no:u64 batch:object checkpoint:text |"""


def take(what: str, value: Any, layout: str) -> bytes:
    """The bytes of an object that has exactly the layout's fields, each of its kind."""
    need(type(value) is dict, f"{what} is not an object")
    shape = dict(field.split(":") for field in layout.replace("|", "").split())
    for name in sorted(value.keys() ^ shape.keys()):
        raise Refused(f"{what} has {'an unknown' if name in value else 'no'} field {shown(name)}")
    recorded = {field.split(":")[0] for field in layout.partition("|")[0].split()}
    parts: list[bytes] = []
    words = b""
    for name, kind in shape.items():
        data = KINDS[kind](value[name])
        if data is None:
            raise Refused(f"{what}: {name} is not of its type ({kind})")
        if name in recorded and kind in ("text", "text?"):
            words, parts = words + data, parts if words else [*parts, b""]
            parts[-1] = sha256(words).digest()
        elif name in recorded:
            parts.append(data)
    return b"".join(parts)


def hashes(value: list[Any], what: str) -> list[bytes]:
    """The hashes of a proof. 64 are enough for any tree."""
    fits = len(value) <= 64 and all(type(v) is str for v in value)
    need(fits, f"{what}: the proof is no list of hashes")
    found = [strict_base64(v, f"{what}: a hash of the proof") for v in value]
    need(all(len(v) == 32 for v in found), f"{what}: a hash of the proof is not 32 bytes")
    return found


def read_json(data: bytes) -> Any:
    def refuse(number: str) -> NoReturn:
        raise ValueError(number)

    try:
        value = json.loads(data.decode(), parse_float=refuse, parse_constant=refuse)
        spelled = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        canonical = spelled.encode() == data
    except (ValueError, RecursionError):
        raise Refused("the file is not JSON in UTF-8 with whole numbers") from None
    need(canonical, "the file is not canonical JSON (sorted keys, no spaces, no end of line)")
    return value


# --- The three files ------------------------------------------------------------------------------


def open_file(data: bytes, layout: str, what: str) -> tuple[dict[str, Any], int]:
    """The fields of a file and the number of the book, which its origin ends in."""
    file = read_json(data)
    take(what, file, layout)
    book = re.fullmatch(r".+/book/(0|[1-9][0-9]{0,8})", file["origin"])
    need(book is not None, "the origin does not end in /book/ and the book's number")
    return file, int(book[1]) if book else 0


def own_checkpoint(file: dict[str, Any], name: str, keys: list[Key]) -> Checkpoint:
    found = Checkpoint(file[name], keys, f"the file's checkpoint ({name})", own=True)
    need(found.origin == file["origin"], f"{found.what} is of another log than the file says")
    return found


def leaf_of(what: str, kind: int, book: int, value: Any, layout: str, prefix: bytes = b"") -> bytes:
    """The leaf hash of a record: version 1, its kind, its book, then its fields."""
    start = bytes([1, kind]) + book.to_bytes(4, "big") + prefix
    return leaf_hash(start + take(what, value, layout))


def check_batch(header: Any, batch_no: int, book: int, log: Checkpoint) -> None:
    """That a header is in the log: batch n is leaf n - 1."""
    what = f"batch {batch_no}"
    need(0 < batch_no < 2**63, f"{what} is no number of a batch")
    leaf = leaf_of(what, 6, book, header, HEADER, batch_no.to_bytes(8, "big"))
    first = header["previous"] is None
    need((batch_no == 1) == first, f"{what}: the first batch, and no other, has none before it")
    check_included(what, leaf, batch_no - 1, log.size, hashes(header["proof"], what), log.root)


def check_record(what: str, leaf: bytes, value: Any, header: Any, tree: str) -> None:
    """That a record is in its batch, at the place that its number says."""
    first, count, root = {
        "transfers": ("first_transfer", "transfer_count", "transfers_root"),
        "audit": ("first_audit", "audit_count", "audit_root"),
    }[tree]
    need(value["seq"] == header[first] + value["index"], f"{what} is not at its place in the batch")
    proof = hashes(value["proof"], what)
    check_included(what, leaf, value["index"], header[count], proof, bytes.fromhex(header[root]))


def verify_receipt(data: bytes, keys: list[Key], held: bytes | None = None) -> dict[str, Any]:
    """Which transfers explain a payment or a refund. `held`: a checkpoint from elsewhere."""
    file, book = open_file(data, RECEIPT, "the receipt")
    subject, transfers, batches = file["subject"], file["transfers"], file["batches"]
    fits = subject.startswith(SUBJECTS.get(file["kind"], ()))
    need(fits, "the receipt's kind does not fit its subject")
    log = own_checkpoint(file, "checkpoint", keys)
    if held is not None:
        log.check_same_tree(Checkpoint(decoded(held, GIVEN), keys, GIVEN))
    for name in batches:
        need(bool(re.fullmatch("[1-9][0-9]{0,18}", name)), "a batch is not named by its number")
        check_batch(batches[name], int(name), book, log)
    for transfer in transfers:
        leaf = leaf_of("a transfer", 1, book, transfer, TRANSFER)
        what = f"transfer {transfer['seq']}"
        need(transfer["subject"] == subject, f"{what} is not of {shown(subject)}")
        need(str(transfer["batch"]) in batches, f"{what}: its batch is not in the receipt")
        check_record(what, leaf, transfer, batches[str(transfer["batch"])], "transfers")
        check_metadata(what, transfer)
    order = [transfer["seq"] for transfer in transfers]
    fits = bool(order) and order == sorted(set(order))
    need(fits, "the transfers are none or not in order of seq")
    used = {str(transfer["batch"]) for transfer in transfers}
    need(used == batches.keys(), "the receipt has a batch that none of its transfers is in")
    times = {int(name): shown_time(header["at_ms"]) for name, header in batches.items()}
    proved = [facts(transfer) | {"recorded": times[transfer["batch"]]} for transfer in transfers]
    return {"kind": file["kind"], "subject": subject, "transfers": proved, "log": log.summary()}


def facts(record: dict[str, Any]) -> dict[str, Any]:
    """A record without its place and its proof."""
    return {name: value for name, value in record.items() if name not in ("index", "proof")}


def check_metadata(what: str, transfer: dict[str, Any]) -> None:
    """Metadata may be left out or erased; where it is shown it is what was recorded."""
    if transfer["metadata"] is not None:
        take(f"{what}: metadata", transfer["metadata"], METADATA)
        salt, words = bytes.fromhex(transfer["metadata"]["salt"]), transfer["metadata"]["text"]
        need(sha256(salt + words.encode()).hexdigest() == transfer["metadata_hash"],
             f"{what}: the metadata shown is not the metadata recorded")  # fmt: skip


def verify_consistency(old: bytes, new: bytes, data: bytes, keys: list[Key]) -> dict[str, Any]:
    """That the log at NEW begins with all of the log at OLD: nothing in it was changed."""
    file, _ = open_file(data, CONSISTENCY, "the proof")
    older, newer = own_checkpoint(file, "old", keys), own_checkpoint(file, "new", keys)
    older.check_same_tree(Checkpoint(decoded(old, OLD_GIVEN), keys, OLD_GIVEN))
    newer.check_same_tree(Checkpoint(decoded(new, NEW_GIVEN), keys, NEW_GIVEN))
    # Every tree begins with the empty one, so from size 0 there is nothing to prove.
    need(0 < older.size <= newer.size, f"nothing is proved from size {older.size} to {newer.size}")
    proof = hashes(file["proof"], "the proof")
    roots = roots_by_consistency(older.size, newer.size, proof, older.root)
    same = roots == (older.root, newer.root)
    need(same, "the newer log does not begin with the older: it was rewritten, or the proof is bad")
    return {"old": older.summary(), "log": newer.summary()}


def verify_balance(data: bytes, keys: list[Key]) -> dict[str, Any]:
    """What a daily snapshot of all accounts says of one: its balance, or that it was not there."""
    file, book = open_file(data, BALANCE_FILE, "the balance")
    log = own_checkpoint(file, "checkpoint", keys)
    account, snapshot, leaves = file["account"], file["snapshot"], file["leaves"]
    take("the snapshot", snapshot, SNAPSHOT)
    check_batch(file["batch"], file["batch_no"], book, log)
    leaf = leaf_of("the audit record", 5, book, file["audit"], RECORD)
    check_record("the audit record", leaf, file["audit"], file["batch"], "audit")
    check_snapshot(snapshot, file["audit"])
    same = snapshot["day"] == file["day"] and snapshot["as_of_batch"] <= file["batch_no"]
    need(same, "the snapshot is of another day, or of a batch after the one that records it")
    ended = (int.from_bytes(day(file["day"]) or b"") + 1) * DAY_MS
    over = file["batch"]["at_ms"] >= ended
    need(over, "the snapshot was written down before its day was over")
    for balance in leaves:
        leaf, count = leaf_of("a balance", 7, book, balance, BALANCE), snapshot["account_count"]
        what = f"the balance of {shown(balance['code'])}"
        proof, root = hashes(balance["proof"], what), bytes.fromhex(snapshot["root"])
        check_included(what, leaf, balance["index"], count, proof, root)
    if file["found"]:
        right = [balance["code"] for balance in leaves] == [account]
        need(right, "the balance shown is not that of the account asked for")
    else:
        check_absent(account, leaves, snapshot)
    numbers = facts(leaves[0]) if file["found"] else None
    return {"account": account, "day": file["day"], "last_transfer": snapshot["last_transfer"],
            "found": file["found"], "balance": numbers, "log": log.summary()}  # fmt: skip


def check_snapshot(snapshot: dict[str, Any], record: dict[str, Any]) -> None:
    """The audit record is what put the snapshot's root into the log."""
    names = ("as_of_batch", "last_transfer", "account_count", "root", "day")
    said = [snapshot[name] for name in names]
    spelled = json.dumps(said, separators=(",", ":"))
    subject = f"snapshot:{snapshot['as_of_batch']}"
    need((record["action"], record["subject"]) == ("balance_snapshot", subject)
         and record["changes"] == spelled, "the audit record is not of this snapshot")  # fmt: skip


def check_absent(account: str, leaves: list[Any], snapshot: dict[str, Any]) -> None:
    """A snapshot is sorted by code, as bytes: an account has its place between two neighbours."""
    before = [leaf for leaf in leaves if leaf["code"].encode() < account.encode()]
    after = [leaf for leaf in leaves if leaf["code"].encode() > account.encode()]
    need(before + after == leaves and len(before) <= 1 and len(after) <= 1,
         "the accounts shown are not the neighbours of one that is absent")  # fmt: skip
    place = before[0]["index"] + 1 if before else 0
    closed = after[0]["index"] == place if after else snapshot["account_count"] == place
    need(closed, "between the accounts shown there is room for the one that is said to be absent")
    empty = snapshot["account_count"] > 0 or snapshot["root"] == sha256(b"").hexdigest()
    need(empty, "a snapshot of no accounts has not the root of an empty tree")


# --- The command ----------------------------------------------------------------------------------


def shown(value: str) -> str:
    """A text from outside, made safe for a terminal."""
    return value if value.isprintable() else ascii(value)


def shown_time(ms: int) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).isoformat()
    except OverflowError:
        return f"{ms} ms"


def decoded(data: bytes, what: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Refused(f"{what} is not UTF-8") from None


def read(path: str) -> bytes:
    with Path(path).open("rb") as file:
        data = file.read(LONGEST_FILE + 1)
    need(len(data) <= LONGEST_FILE, f"it is larger than {LONGEST_FILE} bytes")
    return data


def read_keys(values: list[str]) -> list[Key]:
    """Each value is a verifier key, or a file with one on each line."""
    return [key for value in values for key in about(value, keys_in)]


def keys_in(value: str) -> list[Key]:
    is_key = re.fullmatch(r"[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+", value)
    lines = [value] if is_key else decoded(read(value), "the file of keys").splitlines()
    return [read_vkey(line) for line in lines if line and not line.startswith("#")]


def about(path: str, do: Callable[[str], T], given: dict[str, str | None] | None = None) -> T:
    """What it returns. A refusal names its file: this one, or the one that was given for the words it has."""
    try:
        return do(path)
    except Refused as error:
        others = [other for words, other in (given or {}).items() if other and words in str(error)]
        raise Refused(f"{shown([*others, path][0])}: {error}") from None


def describe(command: str, proved: dict[str, Any]) -> list[str]:
    """What was proved, for people. Amounts are in minor units."""
    log = proved["log"]
    signed = f"signed {log['time'] or '(no time)'} by key {log['key_id']}"
    end = f"  log {shown(log['origin'])} at {log['size']} batches, {signed}"
    if command == "consistency":
        old = proved["old"]
        return [f"verified: all that the log had at {old['size']} batches is in it unchanged", end]
    if command == "balance":
        balance, state = proved["balance"], "was not there"
        if balance:
            names = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
            numbers = ", ".join(f"{name} {balance[name]}" for name in names)
            state = f"had {numbers} {shown(balance['currency'])}"
        when = f"at the end of {proved['day']} (UTC), after transfer {proved['last_transfer']}"
        return [f"verified: {when}, {shown(proved['account'])} {state}", end]
    return [f"verified: {proved['kind']} {shown(proved['subject'])}", *[
        f"  transfer {t['seq']} ({shown(t['code'])}, {t['type']}): {t['amount']}"
        f" {shown(t['currency'])} from {shown(t['debit'])} to {shown(t['credit'])},"
        f" posted {t['posted']}, pending {t['pending']}, effective {t['effective']},"
        f" in batch {t['batch']} of {t['recorded']}"
        for t in proved["transfers"]
    ], end]  # fmt: skip


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser("nostro-verify", description="Checks a Nostro ledger's proofs.")
    commands = whole.add_subparsers(dest="command", required=True)
    for name, files in (("receipt", "file"), ("consistency", "old new proof"), ("balance", "file")):
        command = commands.add_parser(name)
        for file in files.split():
            command.add_argument(file)
        words = "a verifier key of the log, or a file of them; repeatable"
        command.add_argument("--key", action="append", required=True, help=words)
        command.add_argument("--json", action="store_true", help="print JSON")
    words = "one of the same size, from a witness"
    commands.choices["receipt"].add_argument("--checkpoint", help=words)
    return whole


def run(given: argparse.Namespace) -> dict[str, Any]:
    keys = read_keys(given.key)
    if given.command == "receipt":
        held = about(given.checkpoint, read) if given.checkpoint else None
        named = {GIVEN: given.checkpoint}
        return about(given.file, lambda path: verify_receipt(read(path), keys, held), named)
    if given.command == "balance":
        return about(given.file, lambda path: verify_balance(read(path), keys))
    old, new = (about(path, read) for path in (given.old, given.new))
    named = {OLD_GIVEN: given.old, NEW_GIVEN: given.new}
    return about(given.proof, lambda path: verify_consistency(old, new, read(path), keys), named)


def main(arguments: list[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # what it cannot show must not end the program
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        proved = run(given)
    except Refused as error:
        reason = {"verified": False, "reason": str(error)}
        print(json.dumps(reason) if given.json else f"not verified: {error}")
        return 1
    except OSError as error:
        print(f"nostro-verify: {error}", file=sys.stderr)
        return 2
    words = "\n".join(describe(given.command, proved))
    print(json.dumps({"verified": True, **proved}) if given.json else words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
