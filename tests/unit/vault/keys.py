"""Builders for the vault's tests."""

from __future__ import annotations

import hashlib

from nostro.kernel.clock import SystemTime
from nostro.kernel.secret import Pan, Secret
from nostro.vault import Keyring, SealedCard, Vault, WrappedDataKey, card_facts

ROOT = Secret("a root key that is long enough for a test")
NOW = SystemTime(1_800_000_000_000)
VISA = "4242424242424242"


class CountedEntropy:
    """Bytes that differ at each call and are the same in each run."""

    def __init__(self, seed: bytes = b"") -> None:
        self._seed = seed
        self._calls = 0

    def bytes(self, count: int) -> bytes:
        self._calls += 1
        return hashlib.shake_128(self._seed + b"%d" % self._calls).digest(count)


def a_vault(keyring: Keyring | None = None, rows: list[WrappedDataKey] | None = None) -> Vault:
    """A vault with a data key in use; its row is appended to `rows`."""
    vault = Vault(keyring or Keyring.from_root(ROOT), CountedEntropy())
    row = vault.new_data_key(NOW)
    vault.use(row)
    if rows is not None:
        rows.append(row)
    return vault


def a_sealed_card(
    vault: Vault, number: str = VISA, owner: str = "acct_1", token: str = "pm_1"
) -> SealedCard:
    return vault.seal(Pan(number), card_facts(Pan(number), 12, 2034), owner, token)
