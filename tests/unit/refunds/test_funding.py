"""Where a refund takes its money from, as a table of balances and days."""

import pytest
from msgspec.structs import replace

from nostro.balances.model import AvailableDay, day_id
from nostro.db.overlay import Overlay
from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.posting import Kind, Transfer
from nostro.ledger import chart
from nostro.ledger.fold import Fold
from nostro.payments.model import Charge
from nostro.refunds.funding import Dispatch, Funded, fund, reads_of
from nostro.refunds.machine import RefundState
from nostro.refunds.model import Refund
from tests.unit.refunds.test_refusals import a_charge

NOW, TOMORROW, YESTERDAY = BusinessTime(1_000), BusinessTime(2_000), BusinessTime(500)
SOON = SystemTime(9_000)


class Fund:
    """A command that only looks for the money."""

    book, seed = 1, b"0123456789abcdef"

    def __init__(self, charge: Charge) -> None:
        self.charge = charge

    def reads(self) -> Reads:
        return reads_of(self.charge)

    def decide(self, view: View) -> Decision[Funded | None]:
        refund = Refund(
            "re_1", "acct_1", "ch_1", "pi_1", RefundState.WAITING, 600, "usd", "sandbox", "att_1",
            NOW, False, SOON, SOON, "other",
        )  # fmt: skip
        return Decision(fund(view, self.charge, refund, Dispatch("me", SOON, SOON, SOON)))


def funded(day: BusinessTime, released: bool, pending: int, available: int) -> Funded | None:
    charge = replace(a_charge(), available_on=day)
    fold = Fold({}, {}, 1)
    for code, amount in (
        (chart.pending("acct_1", "usd"), pending),
        (chart.available("acct_1", "usd"), available),
    ):
        if amount:
            pair = ("other:usd", code) if amount > 0 else (code, "other:usd")
            transfer = Transfer("t", Kind.SINGLE, *pair, abs(amount), "usd", "test", "test")
            assert fold.post_chain([transfer]) is None
    identifier = day_id("acct_1", "usd", day)
    row = AvailableDay(identifier, "acct_1", "usd", day, pending, released)
    overlay = Overlay({("available_days", identifier): row}, fold, NOW, SystemTime(0), lambda: b"")
    command = Fund(charge)
    found: Funded | None = overlay.decide(command, command.reads())
    return found


@pytest.mark.parametrize(
    ("day", "released", "pending", "available", "source"),
    [
        (TOMORROW, False, 600, 0, "pending"),
        (TOMORROW, False, 600, 900, "pending"),
        (TOMORROW, False, 599, 600, "available"),
        (TOMORROW, False, 599, 599, None),
        (TOMORROW, False, 0, -5, None),
        (YESTERDAY, True, 9_000, 600, "available"),
        (YESTERDAY, True, 9_000, 599, None),  # that pending money is of other days
        (YESTERDAY, False, 600, 600, "available"),
        (YESTERDAY, False, 600, 599, "pending"),
        (YESTERDAY, False, 599, 599, None),
    ],
)
def test_the_source_of_a_refund_of_600(
    day: BusinessTime, released: bool, pending: int, available: int, source: str | None
) -> None:
    found = funded(day, released, pending, available)
    if source is None:
        assert found is None
        return
    assert found is not None
    assert found.hold.debit == f"merchant:acct_1:{source}:usd"
    assert found.hold.credit == "acquirer:sandbox:clearing:usd"
    assert found.refund.from_pending is (source == "pending")
    assert [row.net for _, row in found.rows] == ([pending - 600] if source == "pending" else [])


def test_a_funded_refund_is_ready_to_be_sent_once() -> None:
    found = funded(TOMORROW, False, 600, 0)
    assert found is not None
    refund = found.refund
    assert (refund.state, refund.sends, refund.hold) == (RefundState.SENDING, 1, found.hold.id)
    assert (refund.holder, refund.send_by, refund.lease_until) == ("me", SOON, SOON)
