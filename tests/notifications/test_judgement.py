"""What a notification may do to its message; pure."""

import msgspec
import pytest

from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.outcome import Approved, Declined, Evidence, Operation, Pending, Undone
from nostro.notifications.judgement import judged
from nostro.notifications.model import NoteState
from nostro.payments.machine import AttemptState
from nostro.payments.model import Attempt
from nostro.refunds.machine import RefundState
from nostro.refunds.model import Refund

YES, NO = Approved("x", 2_000, "usd"), Declined("insufficient_funds")
NOW = SystemTime(1)


def attempt(state: AttemptState, operation: Operation = Operation.SALE) -> Attempt:
    return Attempt(
        "att_1", "acct_1", "pi_1", "ch_1", operation, state, "sandbox", 2_000, "usd", "pm_1",
        BusinessTime(1), NOW, NOW, "me",
    )  # fmt: skip


S, N = AttemptState, NoteState


@pytest.mark.parametrize(
    ("state", "evidence", "becomes"),
    [
        (S.SENDING, YES, N.APPLIED), (S.UNKNOWN, YES, N.APPLIED), (S.UNKNOWN, NO, N.APPLIED),
        (S.UNKNOWN, Approved("x", 2_001, "usd"), N.QUARANTINED),
        (S.UNKNOWN, Approved("x", 2_000, "eur"), N.QUARANTINED),
        (S.APPROVED, YES, N.IGNORED), (S.DECLINED, NO, N.IGNORED), (S.UNDONE, Undone("x"), N.IGNORED),
        (S.UNDONE, YES, N.QUARANTINED), (S.DECLINED, YES, N.QUARANTINED),
        (S.REJECTED, YES, N.QUARANTINED), (S.NOT_SENT, YES, N.QUARANTINED),
        (S.APPROVED, NO, N.QUARANTINED), (S.UNKNOWN, Pending("x", 1), N.APPLIED),
        (S.APPROVED, Pending("x", 1), N.IGNORED), (S.DECLINED, Pending("x", 1), N.IGNORED),
    ],
)  # fmt: skip
def test_what_becomes_of_it(state: AttemptState, evidence: Evidence, becomes: NoteState) -> None:
    assert judged(attempt(state), "sandbox", evidence)[0] is becomes


def test_another_acquirers_word_counts_for_nothing() -> None:
    assert judged(attempt(S.UNKNOWN), "second", YES)[0] is N.QUARANTINED
    assert judged(None, "sandbox", YES)[0] is N.UNMATCHED


def test_a_void_is_of_the_whole_authorization() -> None:
    void = attempt(S.UNKNOWN, Operation.VOID)
    assert judged(void, "sandbox", Approved("x", 9_999, "usd"))[0] is N.APPLIED


@pytest.mark.parametrize(
    ("transaction", "poll_after", "settled_by", "becomes"),
    [
        ("txn_1", None, Declined("refund_failed"), N.IGNORED),
        (None, 250, Declined("refund_failed"), N.IGNORED),
        (None, 250, Undone("concluded by two operators"), N.QUARANTINED),
        (None, None, Declined("refund_failed"), N.QUARANTINED),
    ],
)
def test_that_a_refund_succeeded_before_it_failed_is_no_news(
    transaction: str | None, poll_after: int | None, settled_by: Evidence, becomes: NoteState
) -> None:
    refund = Refund(
        "re_1", "acct_1", "ch_1", "pi_1", RefundState.FAILED, 2_000, "usd", "sandbox", "att_1",
        BusinessTime(1), False, NOW, NOW, "me", balance_transaction=transaction,
        evidence=msgspec.json.encode(settled_by).decode(),
    )  # fmt: skip
    late = Approved("x", 2_000, "usd", poll_after_ms=poll_after)
    assert judged(refund, "sandbox", late)[0] is becomes
