"""The ledger transfers of refunds (DESIGN §4.1). Pure: each function is one line of the posting table.

`subject` is the refund that a transfer explains. Amounts in minor units.
"""

from __future__ import annotations

from nostro.kernel.ids import Mint
from nostro.kernel.posting import Kind, Transfer
from nostro.ledger import chart
from nostro.refunds.model import Refund


def accounts_of(merchant: str, acquirer: str, currency: str) -> tuple[str, ...]:
    """Every account that a refund may touch."""
    return (
        chart.clearing(acquirer, currency),
        chart.pending(merchant, currency),
        chart.available(merchant, currency),
    )


def hold(mint: Mint, refund: Refund) -> Transfer:
    """Reserve the amount in the balance that the refund is taken from."""
    return _transfer(mint, refund, Kind.HOLD, *_pair(refund), "refund_hold")


def refunded(mint: Mint, refund: Refund) -> Transfer:
    """The acquirer gave the money back: post the whole hold."""
    return _transfer(mint, refund, Kind.CAPTURE, *_pair(refund), "refund")


def refused(mint: Mint, refund: Refund) -> Transfer:
    """Nothing was given back: the hold ends."""
    return _transfer(mint, refund, Kind.VOID, *_pair(refund), "refund_void")


def early(mint: Mint, refund: Refund) -> Transfer:
    """What comes back to a day that has been released goes on to available at once."""
    pending = chart.pending(refund.account, refund.currency)
    available = chart.available(refund.account, refund.currency)
    return _transfer(mint, refund, Kind.SINGLE, pending, available, "available")


def failed(mint: Mint, refund: Refund) -> Transfer:
    """It failed after success: the acquirer owes us the money again, and we the merchant."""
    clearing = chart.clearing(refund.acquirer, refund.currency)
    available = chart.available(refund.account, refund.currency)
    return _transfer(mint, refund, Kind.SINGLE, clearing, available, "refund_failure")


def _pair(refund: Refund) -> tuple[str, str]:
    balance = chart.pending if refund.from_pending else chart.available
    source = balance(refund.account, refund.currency)
    return source, chart.clearing(refund.acquirer, refund.currency)


def _transfer(
    mint: Mint, refund: Refund, kind: Kind, debit: str, credit: str, code: str
) -> Transfer:
    acts_on = refund.hold if kind in (Kind.CAPTURE, Kind.VOID) else None
    return Transfer(
        mint.transfer_id(), kind, debit, credit, refund.amount, refund.currency, code, refund.id,
        acts_on, final=kind is Kind.CAPTURE,
    )  # fmt: skip
