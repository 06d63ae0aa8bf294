"""The transfers that are posted: whole calls of them, made before the clock starts.

Ids are time-ordered as a client's are: later calls have later ids.
"""

import os
import random
import time
from collections.abc import Callable, Iterator

from nostro.kernel.posting import Kind, Transfer

CURRENCY = "usd"
AMOUNT_MAX = 1_000
CAPPED_ACCOUNTS = 100  # they may not be overdrawn, and hold nothing
REJECTED_EVERY = 5  # of a call's transfers every fifth debits one of them: 20 %

Call = tuple[tuple[Transfer, ...], ...]
Make = Callable[[int], Call]


def account(number: int) -> str:
    """The code of an ordinary account."""
    return f"user:{number}:usd"


def capped(number: int) -> str:
    """The code of an account without money that may not be overdrawn."""
    return f"capped:{number}:usd"


class Batches:
    """Makes calls over `accounts` ordinary accounts; the hot one is number 0."""

    def __init__(self, accounts: int, seed: int) -> None:
        self._accounts, self._random = accounts, random.Random(seed)
        self._milliseconds = 0
        self._uncaptured: list[Transfer] = []

    def random(self, size: int) -> Call:
        """Transfers between any two accounts."""
        return self._singles(size, lambda: self._random.randrange(self._accounts))

    def hot(self, size: int) -> Call:
        """Transfers from any account to the one hot account."""
        return self._singles(size, lambda: 0)

    def rejected(self, size: int) -> Call:
        """As `random`, but every fifth transfer overdraws an account that may not be overdrawn."""
        return tuple(map(self._rejected, enumerate(self.random(size))))

    def two_phase(self, size: int) -> Call:
        """Half holds, half captures of the call before it; the first call has its holds alone."""
        captures = [self._capture(hold) for hold in self._uncaptured]
        made = self._singles(size // 2, lambda: self._random.randrange(self._accounts), Kind.HOLD)
        self._uncaptured = [hold for (hold,) in made]
        return (*made, *((found,) for found in captures))

    def forget_holds(self) -> None:
        """Capture nothing of what was made so far: a new series of calls begins."""
        self._uncaptured = []

    def _singles(self, size: int, credit: Callable[[], int], kind: Kind = Kind.SINGLE) -> Call:
        ids = self._ids(size)
        return tuple((self._transfer(next(ids), kind, credit()),) for _ in range(size))

    def _transfer(self, identifier: str, kind: Kind, credit: int) -> Transfer:
        debit = (credit + 1 + self._random.randrange(self._accounts - 1)) % self._accounts
        amount = 1 + self._random.randrange(AMOUNT_MAX)
        return Transfer(
            identifier, kind, account(debit), account(credit), amount, CURRENCY, "move", "s"
        )

    def _rejected(self, numbered: tuple[int, tuple[Transfer, ...]]) -> tuple[Transfer, ...]:
        number, chain = numbered
        if number % REJECTED_EVERY:
            return chain
        (made,) = chain
        debit = capped(self._random.randrange(CAPPED_ACCOUNTS))
        return (
            Transfer(made.id, made.kind, debit, made.credit, made.amount, CURRENCY, "move", "s"),
        )

    def _capture(self, hold: Transfer) -> Transfer:
        return Transfer(
            next(self._ids(1)), Kind.CAPTURE, hold.debit, hold.credit, hold.amount, CURRENCY,
            "move", "s", hold=hold.id, final=True,
        )  # fmt: skip

    def _ids(self, count: int) -> Iterator[str]:
        """UUIDs of version 7 as 32 hexadecimal digits, of one millisecond later than the last."""
        self._milliseconds = max(self._milliseconds + 1, time.time_ns() // 1_000_000)
        drawn = os.urandom(8 * count)
        for number in range(count):
            low = int.from_bytes(drawn[8 * number : 8 * number + 8], "big")
            high = (self._milliseconds << 16) | 0x7000 | (number & 0xFFF)
            yield f"{high:016x}{(2 << 62) | (low >> 2):016x}"
