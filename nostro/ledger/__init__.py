"""The ledger: what a program names that posts to it. `nostro.bootstrap.ledger.open_ledger` opens one."""

from nostro.kernel.posting import Balance, Kind, Limits, Transfer
from nostro.ledger.bounds import InvalidArgument
from nostro.ledger.library import Ledger, Outcome
from nostro.ledger.model import Entry, LedgerAccount, Recorded
from nostro.ledger.refusals import Refusal

__all__ = [
    "Balance",
    "Entry",
    "InvalidArgument",
    "Kind",
    "Ledger",
    "LedgerAccount",
    "Limits",
    "Outcome",
    "Recorded",
    "Refusal",
    "Transfer",
]
