"""Rule files that would let a card be charged or tried when it must not be."""

from pathlib import Path

import msgspec
import pytest

from nostro.kernel.errors import Misconfigured
from nostro.kernel.outcome import Declined
from nostro.routing.failover import verdict
from nostro.routing.file import rules_from
from nostro.routing.model import Rules


def test_a_duplicate_is_no_reason_to_charge_elsewhere(tmp_path: Path) -> None:
    """It says that the same amount was taken from the same card just now: another acquirer would take it again."""
    file = tmp_path / "rules.toml"
    file.write_text('soft_declines = ["duplicate_transaction"]\n')
    with pytest.raises(Misconfigured):
        rules_from(file, ("sandbox", "second"))


def test_a_cap_of_ones_own_does_not_allow_what_the_network_forbids() -> None:
    """Only the number of tries is changed; Visa's own `never` codes are gone with it."""
    text = 'soft_declines = ["generic_decline"]\n[retry_caps.visa]\ntries_max = 10\n'
    rules = msgspec.toml.decode(text, type=Rules)
    assert not verdict(rules, Declined("generic_decline", "04"), "visa", 1, 0).allowed
