"""The ledger transfers of payments (DESIGN §4.1). Pure: each function is one line of the posting table.

`subject` is the charge that a transfer explains. Amounts in minor units; a transfer of nothing is not made.
"""

from __future__ import annotations

from nostro.kernel.ids import Mint
from nostro.kernel.posting import Kind, Transfer
from nostro.ledger import chart
from nostro.payments.model import Attempt, Charge


def accounts_of(merchant: str, acquirer: str, currency: str) -> tuple[str, ...]:
    """Every account that settling a payment may touch."""
    return (
        chart.clearing(acquirer, currency),
        chart.pending(merchant, currency),
        chart.available(merchant, currency),
        chart.in_doubt(merchant, currency),
        chart.fees(currency),
    )


def sale(mint: Mint, attempt: Attempt) -> list[Transfer]:
    """A sale that was never in doubt posts directly; one that was is posted on from `in_doubt`."""
    pending = chart.pending(attempt.account, attempt.currency)
    if attempt.doubt_hold is None:
        source = chart.clearing(attempt.acquirer, attempt.currency)
        return [_single(mint, source, pending, attempt.amount, attempt, "sale")]
    doubt = chart.in_doubt(attempt.account, attempt.currency)
    found = Transfer(
        mint.transfer_id(), Kind.CAPTURE, chart.clearing(attempt.acquirer, attempt.currency), doubt,
        attempt.amount, attempt.currency, "in_doubt_found", attempt.charge,
        attempt.doubt_hold, True,
    )  # fmt: skip
    return [found, _single(mint, doubt, pending, attempt.amount, attempt, "sale")]


def fee(mint: Mint, attempt: Attempt, amount: int) -> list[Transfer]:
    """What the platform keeps."""
    if amount == 0:
        return []
    pending = chart.pending(attempt.account, attempt.currency)
    return [_single(mint, pending, chart.fees(attempt.currency), amount, attempt, "fee")]


def doubt(mint: Mint, attempt: Attempt) -> Transfer:
    """The contingent hold of a sale or capture whose outcome is unknown."""
    return Transfer(
        mint.transfer_id(), Kind.HOLD, chart.clearing(attempt.acquirer, attempt.currency),
        chart.in_doubt(attempt.account, attempt.currency), attempt.amount, attempt.currency,
        "in_doubt", attempt.charge,
    )  # fmt: skip


def doubt_ended(mint: Mint, attempt: Attempt) -> list[Transfer]:
    """Evidence says that nothing moved, or that another hold is posted instead."""
    if attempt.doubt_hold is None:
        return []
    return [
        Transfer(
            mint.transfer_id(), Kind.VOID, chart.clearing(attempt.acquirer, attempt.currency),
            chart.in_doubt(attempt.account, attempt.currency), attempt.amount, attempt.currency,
            "in_doubt_ended", attempt.charge, attempt.doubt_hold,
        )
    ]  # fmt: skip


def authorization(mint: Mint, attempt: Attempt) -> Transfer:
    """The hold of an authorization."""
    return Transfer(
        mint.transfer_id(), Kind.HOLD, chart.clearing(attempt.acquirer, attempt.currency),
        chart.pending(attempt.account, attempt.currency), attempt.amount, attempt.currency,
        "authorization", attempt.charge,
    )  # fmt: skip


def capture(mint: Mint, charge: Charge, attempt: Attempt) -> list[Transfer]:
    """Post the whole hold, then give back the part that was not captured."""
    clearing = chart.clearing(charge.acquirer, charge.currency)
    pending = chart.pending(charge.account, charge.currency)
    rest = charge.amount - attempt.amount
    posted = Transfer(
        mint.transfer_id(), Kind.CAPTURE, clearing, pending, charge.amount, charge.currency,
        "capture", charge.id, charge.hold, True,
    )  # fmt: skip
    if rest == 0:
        return [posted]
    return [posted, _single(mint, pending, clearing, rest, attempt, "partial_capture_reversal")]


def release(mint: Mint, charge: Charge, kind: Kind) -> Transfer:
    """End the hold of an authorization: a void, or its expiry."""
    return Transfer(
        mint.transfer_id(), kind, chart.clearing(charge.acquirer, charge.currency),
        chart.pending(charge.account, charge.currency), charge.amount, charge.currency,
        str(kind), charge.id, charge.hold,
    )  # fmt: skip


def early(mint: Mint, attempt: Attempt, net: int) -> list[Transfer]:
    """Funds whose day has been released already go on to available at once."""
    pending = chart.pending(attempt.account, attempt.currency)
    available = chart.available(attempt.account, attempt.currency)
    if net == 0:
        return []
    pair = (pending, available) if net > 0 else (available, pending)
    return [_single(mint, *pair, abs(net), attempt, "available")]


def _single(
    mint: Mint, debit: str, credit: str, amount: int, attempt: Attempt, code: str
) -> Transfer:
    return Transfer(
        mint.transfer_id(), Kind.SINGLE, debit, credit, amount, attempt.currency, code,
        attempt.charge,
    )  # fmt: skip
