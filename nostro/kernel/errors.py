"""The error tree of infrastructure and of our own mistakes.

Refusals of the trade (no such charge, already refunded) are values, never exceptions: see `answer`.

* NostroError
  x OurMistake                 a bug: an invariant of ours did not hold
    - IllegalTransition        the machine has no such arrow
    - LedgerRefused            a flow asked the ledger for what it must refuse
  x Unavailable                nothing happened; the caller may try again
    - Overloaded               the queue of a book is full
    - DeadlineExceeded         the command's time ran out before it was decided
    - DatabaseUnavailable      no connection, or the batch could not be committed in time
  x CommitUnknown              the connection was lost around COMMIT: ask, never assume
  x Misconfigured              an unsafe or impossible setting; the message says what to do
"""

from __future__ import annotations


class NostroError(Exception):
    """Something went wrong in Nostro."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class OurMistake(NostroError):
    """An invariant of ours did not hold."""


class IllegalTransition(OurMistake):
    """The state machine has no such transition."""


class LedgerRefused(OurMistake):
    """The ledger refused a transfer that its flow should not have asked for."""


class Unavailable(NostroError):
    """Nothing happened; try again."""


class Overloaded(Unavailable):
    """The queue of this book is full; nothing happened, try again later."""


class DeadlineExceeded(Unavailable):
    """The time of this command ran out before it was decided; nothing happened."""


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached; nothing happened."""


class CommitUnknown(NostroError):
    """The connection was lost around COMMIT: whether it committed must be asked."""


class Misconfigured(NostroError):
    """A setting is unsafe or impossible."""
