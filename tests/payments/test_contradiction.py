"""What cannot both be so of one message; pure."""

import msgspec
import pytest

from nostro.kernel.outcome import Approved, Declined, Evidence, NotSent, Pending, Undone, Unknown
from nostro.payments.contradiction import contradiction, executed_again, learned

FIRST, SECOND = Approved("n1", 2_000, "usd"), Approved("n2", 2_000, "usd")
NO, BACK = Declined("insufficient_funds"), Undone("cancelled")


@pytest.mark.parametrize(
    ("done", "before", "now", "contradicts"),
    [
        (True, FIRST, FIRST, False),
        (True, FIRST, SECOND, True),
        (True, FIRST, NO, True),
        (True, FIRST, BACK, True),
        (False, BACK, FIRST, True),
        (False, NO, FIRST, True),
        (False, NO, BACK, False),
        (True, FIRST, Unknown("lost"), False),
        (True, FIRST, Pending("n1", 100), False),
        (True, FIRST, NotSent("refused"), False),
    ],
)
def test_what_contradicts(done: bool, before: Evidence, now: Evidence, contradicts: bool) -> None:
    assert (contradiction(done, before, now) is not None) is contradicts


def test_what_was_learned_is_read_again() -> None:
    assert learned(None) is None
    for evidence in (FIRST, NO, BACK, Unknown("lost")):
        assert learned(msgspec.json.encode(evidence).decode()) == evidence


def test_nothing_is_executed_again_that_was_not_approved() -> None:
    assert executed_again(None, FIRST) is None
    assert executed_again(NO, FIRST) is None
    assert executed_again(FIRST, SECOND) == "it is approved as n1, and now as n2, too"
