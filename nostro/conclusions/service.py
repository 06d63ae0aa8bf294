"""The way from two people and a file to the settling of a message. A key of an operator is shown once and kept nowhere."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, cast

import msgspec

from nostro.conclusions.commands import (
    AddOperator,
    ApproveConclusion,
    ProposeConclusion,
    RemoveOperator,
    WithdrawConclusion,
)
from nostro.conclusions.machine import ConclusionState
from nostro.conclusions.model import (
    EVIDENCE_BYTES_MAX,
    Badge,
    Conclusion,
    EvidenceFile,
    Finding,
    Operator,
    Refused,
    Verdict,
)
from nostro.conclusions.store import CONCLUSIONS, OPERATORS, QUERIES
from nostro.events.emit import Origin
from nostro.kernel.clock import SystemTime
from nostro.kernel.command import Command, View
from nostro.kernel.ids import base62
from nostro.kernel.outcome import Approved, Evidence, Undone
from nostro.kernel.ports import Clock, Decider, Entropy, ReferenceStore
from nostro.kernel.secret import Secret
from nostro.kernel.table import Table, text_array
from nostro.merchants.service import Merchants
from nostro.payments.model import Attempt
from nostro.payments.service import Merchant, Payments
from nostro.payments.settle import Settled
from nostro.payments.store import CHARGES
from nostro.refunds.messages import Message, table_of
from nostro.refunds.service import Refunds

KEY_DIGITS = 32
TEXT_MAX = 500


class Conclusions:
    """Conclusions of one book."""

    def __init__(
        self,
        book: int,
        live: bool,
        decider: Callable[[int], Decider],
        store: ReferenceStore,
        merchants: Merchants,
        payments: Payments,
        refunds: Refunds,
        hash_key: Secret,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._book, self._live, self._decider, self._store = book, live, decider(book), store
        self._merchants, self._payments, self._refunds = merchants, payments, refunds
        self._hash_key, self._clock, self._entropy = hash_key, clock, entropy
        self._arriving_ms = payments.timing.arriving_ms

    # People

    async def add_operator(self, name: str) -> Secret | Refused:
        """Add a person; the key is shown this once."""
        if not (name.isascii() and name.isidentifier() and len(name) <= 64):
            return Refused("a name is letters (a-z), digits and underscores, at most 64")
        key = Secret("op_" + base62(int.from_bytes(self._entropy.bytes(24)), KEY_DIGITS))
        added = await self._decider.run(
            AddOperator(self._book, self._seed(), name, self._hash(key))
        )
        return key if added else Refused(f"there is an operator {name} already")

    async def knows(self, key: Secret) -> bool:
        """Whether it is an operator's key."""
        return await self._badge(key) is not None

    async def remove_operator(self, name: str) -> bool:
        """Make a person's key void. False if it was not good."""
        return await self._decider.run(RemoveOperator(self._book, self._seed(), name))

    async def operators(self) -> list[Operator]:
        """Everybody who is or was one, by name."""
        rows = await self._store.fetch(QUERIES["list_operators"], self._book)
        return [OPERATORS.decode(row) for row in rows]

    # Conclusions

    async def propose(
        self,
        key: Secret,
        reference: str,
        verdict: Verdict,
        acquirer_reference: str,
        reason: str,
        evidence: EvidenceFile,
    ) -> Conclusion | Refused:
        """Propose what became of a message. `acquirer_reference` may be empty for what was not done."""
        wrong = _wrong(verdict, acquirer_reference, reason, evidence)
        badge = await self._badge(key)
        if wrong is not None or badge is None:
            return Refused(wrong or "that is no operator's key")
        finding = Finding(verdict, acquirer_reference, reason, evidence.sha256)
        command = ProposeConclusion(
            self._book, self._seed(), badge, reference, finding, self._arriving_ms
        )
        foreseen = command.decide(cast(View, await self._seen(command))).answer
        if isinstance(foreseen, Refused):
            return foreseen  # a file is kept for good: none is taken for nothing
        await self._store.write(
            QUERIES["insert_evidence"], self._book, evidence.sha256, evidence.name, evidence.body
        )
        return await self._decider.run(command)

    async def withdraw(self, key: Secret, reference: str) -> Conclusion | Refused:
        """Take a proposal back."""
        badge = await self._badge(key)
        if badge is None:
            return Refused("that is no operator's key")
        command = WithdrawConclusion(self._book, self._seed(), badge, reference)
        return await self._decider.run(command)

    async def approve(self, key: Secret, reference: str, proposal: str) -> Conclusion | Refused:
        """Apply what another person proposed, if it is what `proposal` names: the message is settled by it, now."""
        badge, proposed = await self._badge(key), await self.find(reference)
        if badge is None or proposed is None:
            return Refused(
                "that is no operator's key"
                if badge is None
                else f"nothing is proposed for {reference}"
            )
        if proposed.state is ConclusionState.PROPOSED and proposed.proposal != proposal:
            return Refused(f"{proposal!r} is not what is proposed for {reference}: look again")
        settling = await self._settling(proposed)
        command = ApproveConclusion(badge, proposed, settling, self._arriving_ms)
        return await self._decider.run(command)

    async def find(self, reference: str) -> Conclusion | None:
        """The conclusion about a message, if there is one."""
        rows = await self._store.fetch(CONCLUSIONS.read, self._book, text_array([reference]))
        return CONCLUSIONS.decode(rows[0]) if rows else None

    async def newest(self, limit: int) -> list[Conclusion]:
        """What is proposed, then what was decided last."""
        rows = await self._store.fetch(QUERIES["list_conclusions"], self._book, limit)
        return [CONCLUSIONS.decode(row) for row in rows]

    async def evidence(self, sha256: str) -> EvidenceFile | None:
        """A file of evidence by its hash."""
        rows = await self._store.fetch(QUERIES["read_evidence"], self._book, sha256)
        return EvidenceFile(*rows[0]) if rows else None

    # Parts

    async def _seen(self, command: ProposeConclusion) -> _Seen:
        rows: dict[str, Any] = {}
        for table, key in command.reads().rows:
            found = await self._store.fetch(table.read, self._book, text_array([key]))
            rows |= {f"{table.name}/{key}": table.decode(row) for row in found}
        return _Seen(rows, self._clock.system())

    async def _settling(self, proposed: Conclusion) -> Command[Settled]:
        table = table_of(proposed.id)
        rows = await self._store.fetch(table.read, self._book, text_array([proposed.id]))
        message: Message = table.decode(rows[0])
        account = await self._merchants.find(message.account)
        assert account is not None, "a message has its account"
        shown = message.key.partition("/")[2] if message.key else None
        origin = Origin(message.account, self._live, message.request_id, shown)
        merchant, evidence = Merchant(self._book, origin, account.fee), _evidence(proposed, message)
        if isinstance(message, Attempt):
            return self._payments.settling(merchant, message, evidence, by_people=True)
        charges = await self._store.fetch(CHARGES.read, self._book, text_array([message.charge]))
        charge = CHARGES.decode(charges[0])
        return self._refunds.settling(merchant, message, charge, evidence, by_people=True)

    async def _badge(self, key: Secret) -> Badge | None:
        digest = self._hash(key)
        rows = await self._store.fetch(QUERIES["find_operator"], self._book, digest)
        return Badge(rows[0][0], digest) if rows else None

    def _hash(self, key: Secret) -> str:
        message = b"operator\n" + key.reveal().encode(errors="surrogateescape")
        return hmac.digest(self._hash_key.reveal().encode(), message, "sha256").hex()

    def _seed(self) -> bytes:
        return self._entropy.bytes(16)


class _Seen(msgspec.Struct, frozen=True):
    """What a command would see now: read without locks, and judged again under them."""

    rows: dict[str, Any]
    system_now: SystemTime

    def get(self, table: Table[Any], key: str) -> Any:
        return self.rows.get(f"{table.name}/{key}")


def _evidence(proposed: Conclusion, message: Message) -> Evidence:
    if proposed.verdict is Verdict.DONE:
        return Approved(proposed.acquirer_reference, message.amount, message.currency)
    return Undone(f"concluded by two operators on evidence {proposed.evidence}")


def _wrong(verdict: Verdict, named: str, reason: str, evidence: EvidenceFile) -> str | None:
    """Why it cannot be proposed by anybody."""
    if verdict is Verdict.DONE and not named.strip():
        return "what was done has a reference of the acquirer's: give it"
    if not reason.strip():
        return "say why"
    texts = (named, reason, evidence.name)
    if any(len(text) > TEXT_MAX or not text.isprintable() for text in texts):
        return f"a text is one line that can be printed, of at most {TEXT_MAX} characters"
    if not 0 < len(evidence.body) <= EVIDENCE_BYTES_MAX:
        return f"evidence is a file of 1 to {EVIDENCE_BYTES_MAX} bytes"
    return None
