"""The ledger for whoever wants nothing but a ledger: accounts, transfers, balances of one book.

    async with open_ledger(data_dir="books") as ledger:
        await ledger.post([Transfer(ledger.new_transfer_id(), Kind.SINGLE, "cash", "sales", 500, "usd", "sale", "o-1")])

Outcomes are as if transfers were decided one after another, in the order of the book. Does not: open the database (that is
`nostro.bootstrap.ledger`), or answer questions about the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.kernel.ids import Mint
from nostro.kernel.ports import Clock, Decider, Entropy, Reader
from nostro.kernel.posting import Balance, Kind, LimitChange, Limits, Transfer
from nostro.ledger import bounds
from nostro.ledger.commands import EraseMetadata, Erasure, OpenAccount, PostTransfers, SetLimits
from nostro.ledger.expiry import due_holds, expiry_of
from nostro.ledger.model import Entry, LedgerAccount, Recorded
from nostro.ledger.refusals import Refusal
from nostro.ledger.store import QUERIES, accounts_from, known_from

Outcome = Refusal | None
SEED_BYTES = 16
EXPIRED_AT_ONCE = 500


class Ledger:
    """One book. Methods may be called side by side: what comes together is committed together.

    Each raises InvalidArgument for what cannot be asked; Overloaded, DeadlineExceeded or DatabaseUnavailable when nothing
    happened; and, if it writes, CommitUnknown when only asking again will tell.
    """

    def __init__(
        self,
        book: int,
        decider: Decider,
        reader: Reader,
        clock: Clock,
        entropy: Entropy,
        actor: str = "operator",
    ) -> None:
        self.book, self.actor = book, actor
        self._decider, self._reader = decider, reader
        self._clock, self._entropy = clock, entropy

    def new_transfer_id(self) -> str:
        """A new time-ordered id. Keep it before you post: who posts again under the same id posts once."""
        return Mint(self._seed(), self.book, self._clock.business()).transfer_id()

    async def open_account(
        self,
        code: str,
        currency: str,
        overdraft_max: int | None = None,
        overcredit_max: int | None = None,
    ) -> Outcome:
        """Open an account. None if it is there now, as asked for; else `currency_differs` or `limits_differ`.

        A transfer opens the accounts it names, without limits; only an account with limits needs opening. Idempotent.
        """
        change = LimitChange(code, currency, Limits(overdraft_max, overcredit_max))
        command = OpenAccount(self.book, self._seed(), change, self.actor)
        return (await self._decider.run(command))[0]

    async def set_limits(
        self,
        code: str,
        currency: str,
        overdraft_max: int | None = None,
        overcredit_max: int | None = None,
    ) -> Outcome:
        """Set both limits of an account, opening it if there is none. Refused if it stands beyond them already."""
        change = LimitChange(code, currency, Limits(overdraft_max, overcredit_max))
        command = SetLimits(self.book, self._seed(), change, self.actor)
        return (await self._decider.run(command))[0]

    async def post(self, transfers: Sequence[Transfer | Sequence[Transfer]]) -> list[Outcome]:
        """Post transfers in order, in one transaction: an outcome for each, None if it is posted.

        Each is accepted or refused by itself; a sequence among them is a chain, all or none. Posting again what was posted or
        refused gives the outcomes it had then and changes nothing, so a call may always be repeated with the same ids.
        At most 1,000 transfers.
        """
        if not isinstance(transfers, Sequence):
            raise bounds.InvalidArgument(f"{type(transfers).__name__} is no sequence of transfers")
        chains = tuple(map(_chain, transfers))
        if not chains:
            return []
        command = PostTransfers(self.book, self._seed(), chains, self.actor)
        return [outcome for chain in await self._decider.run(command) for outcome in chain]

    async def balance(self, code: str) -> Balance:
        """An account's counters as committed; all zeros if there is no such account."""
        found = await self.account(code)
        return found.balance if found else Balance()

    async def account(self, code: str) -> LedgerAccount | None:
        """An account as committed: currency, limits, balance."""
        bounds.check_account(code)
        found = accounts_from(await self._fetch("read_accounts", [code])).get(code)
        if found is None:
            return None
        return LedgerAccount(code, found.currency, found.limits(), found.balance())

    async def transfer(self, identifier: str) -> Recorded | None:
        """What the book knows of a transfer, posted or refused; None if nothing."""
        bounds.check_id("identifier", identifier)
        known = known_from(await self._fetch("read_known", [identifier])).get(identifier)
        if known is None:
            return None
        place = (await self._fetch("read_place", identifier))[0]  # a transfer never goes
        return Recorded(known.transfer, known.reason, *place)

    async def history(self, code: str, after: int = 0, limit: int = 100) -> list[Entry]:
        """An account's entries in order, from the one after version `after`; at most `limit`, which is 1,000 or less."""
        bounds.check_account(code)
        bounds.check_page(after, limit)
        return [_entry(*row) for row in await self._fetch("read_history", code, after, limit)]

    async def erase_metadata(self, transfer: str, reason: str) -> bool:
        """Erase a transfer's metadata; their salted hash stays. False if there were none. `reason` goes to the audit log."""
        erasure = Erasure.NOT_YET
        while erasure is Erasure.NOT_YET:
            command = EraseMetadata(self.book, self._seed(), transfer, reason, self.actor)
            erasure = await self._decider.run(command)
        return erasure is Erasure.DONE

    async def expire_due(self) -> int:
        """Release holds whose `expires_ms` has passed. Returns how many; a hold captured meanwhile is left alone."""
        expired, more = 0, True
        while more:
            now = self._clock.business()
            holds = await due_holds(self._reader, self.book, now, EXPIRED_AT_ONCE)
            outcomes = await self.post([expiry_of(hold, self.new_transfer_id()) for hold in holds])
            expired += outcomes.count(None)
            more = len(holds) == EXPIRED_AT_ONCE and None in outcomes
        return expired

    def _seed(self) -> bytes:
        return self._entropy.bytes(SEED_BYTES)

    async def _fetch(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return await self._reader.fetch(QUERIES[query], self.book, *parameters)


def _chain(found: Transfer | Sequence[Transfer]) -> tuple[Transfer, ...]:
    if isinstance(found, Transfer):
        return (found,)
    if not isinstance(found, Sequence):
        raise bounds.InvalidArgument(f"{type(found).__name__} is no Transfer, nor a chain of them")
    return tuple(found)


def _entry(*row: Any) -> Entry:
    balance = Balance(row[12], row[13], row[14], row[15], version=row[0])
    fields = [*row[:3], Kind(row[3]), *row[4:12], balance]
    return Entry(*fields)
