"""The values of the book: operations that were decided, and tombstones of those refused for good.

A batch is the working copy of the rows that a group of requests reads; decisions change the batch,
and the book writes what changed.
"""

from dataclasses import dataclass, field

from sandbox.manners import HONOURS, Manner


@dataclass(slots=True)
class Operation:
    """One row of the book: what was asked, what was answered, and what stands now.

    ``amount``, ``captured`` and ``refunded`` are minor units; times are Unix milliseconds. The card
    is kept as BIN, last four digits and a keyed hash.
    """

    seq: int
    reference: str
    operation: str
    original: str | None
    merchant: str
    amount: int
    currency: str
    outcome: str
    state: str
    response_code: str | None
    decline_code: str | None
    captured: int
    refunded: int
    closed: bool  # nothing more can be captured: final capture, void, cancel or decline
    created_ms: int
    cancelled_ms: int | None
    matures_ms: int | None  # when a pending or provisional refund turns into what it becomes
    matured_ms: int | None
    failure_reason: str | None
    refund_manner: str | None
    card_bin: str | None
    card_last4: str | None
    card_hash: bytes | None
    cvc_check: str | None
    address_checks: str | None  # "line1/postal_code"
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A reference that will never be processed. ``reason``: cancelled_reference or rejected_late."""

    reference: str
    reason: str
    created_ms: int


@dataclass(slots=True)
class Batch:
    """The rows some requests read, as changed by the decisions made so far."""

    now_ms: int
    next_seq: int
    refund_delay_ms: int
    manner: Manner = HONOURS
    operations: dict[str, Operation] = field(default_factory=dict)
    tombstones: dict[str, Tombstone] = field(default_factory=dict)
    inserted: list[Operation] = field(default_factory=list)
    changed: dict[int, Operation] = field(default_factory=dict)
    buried: list[Tombstone] = field(default_factory=list)

    def known(self, reference: str) -> Operation | None:
        """What was done under a reference, unless it is forgotten by now."""
        found = self.operations.get(reference)
        if found is None or not self.manner.remembers(found.created_ms, self.now_ms):
            return None
        return found

    @property
    def is_dirty(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.inserted or self.changed or self.buried)

    def insert(self, operation: Operation) -> None:
        """Add a new operation; it takes ``next_seq``."""
        self.operations[operation.reference] = operation
        self.inserted.append(operation)
        self.next_seq += 1

    def change(self, operation: Operation) -> None:
        """Note that an operation read from the book (or just inserted) was changed in place."""
        self.changed[operation.seq] = operation

    def bury(self, reference: str, reason: str) -> None:
        """Refuse a reference from now on."""
        tombstone = Tombstone(reference, reason, self.now_ms)
        self.tombstones[reference] = tombstone
        self.buried.append(tombstone)
