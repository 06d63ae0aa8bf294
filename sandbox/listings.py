"""The book as others read it: pages of operations, and the sums of all."""

from msgspec import Struct

from sandbox.answers import Reply, encode
from sandbox.book import Reader
from sandbox.identity import Identity

PAGE_DEFAULT = 1_000
PAGE_MAX = 10_000


class Line(Struct):
    """One operation in a page of the book."""

    seq: int
    reference: str
    operation: str
    original: str | None
    amount: int
    currency: str
    outcome: str
    state: str
    captured: int
    refunded: int
    created_ms: int
    cancelled: bool
    card_last4: str | None
    merchant: str
    decline_code: str | None
    failure_reason: str | None
    acquirer_reference: str = ""


class Sum(Struct):
    """Operations of one kind, currency and state."""

    operation: str
    currency: str
    state: str
    count: int
    amount: int
    captured: int
    refunded: int


def book_page(reader: Reader, identity: Identity, after: int, limit: int) -> Reply:
    """List operations in seq order, from the first after ``after``."""
    lines = []
    for row in reader.rows("book_page", after, limit + 1):
        values = list(row)
        values[11] = bool(values[11])
        line = Line(*values)
        line.acquirer_reference = identity.acquirer_reference(line.seq)
        lines.append(line)
    has_more, lines = len(lines) > limit, lines[:limit]
    next_after = lines[-1].seq if lines else after
    return Reply(200, encode({"operations": lines, "has_more": has_more, "next_after": next_after}))


def summary(reader: Reader) -> Reply:
    """Count and add up the whole book."""
    sums = [Sum(*row) for row in reader.rows("summary")]
    tombstones = reader.rows("count_tombstones").fetchone()[0]
    operations = sum(line.count for line in sums)
    return Reply(200, encode({"operations": operations, "tombstones": tombstones, "by": sums}))
