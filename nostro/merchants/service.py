"""Accounts and API keys: created in idempotent steps, looked up by a keyed hash, revoked at once.

A key is shown once and stored as an HMAC under a key outside the database. Look-ups are remembered for a short
while, and only while the connection that announces revocations is alive.
"""

from __future__ import annotations

import hmac
from typing import Any

from nostro.kernel.clock import SECOND, SystemTime
from nostro.kernel.errors import Misconfigured
from nostro.kernel.ids import Mint, base62
from nostro.kernel.money import FeeSchedule
from nostro.kernel.ports import Clock, Decider, Entropy, ReferenceStore
from nostro.kernel.secret import Secret
from nostro.kernel.table import int_array, text_array
from nostro.merchants.commands import TellSettings
from nostro.merchants.model import (
    LIVE_BOOK,
    TEST_BOOK,
    Account,
    Identity,
    KeyFacts,
    SettingChange,
)
from nostro.merchants.store import QUERIES

OPERATOR = "operator"
TOLD_AT_ONCE = 256
REMEMBERED_MS = 5 * SECOND
REMEMBERED_MAX = 100_000
KEY_DIGITS = 32
NO_FEE = FeeSchedule()
DEFAULT_API_VERSION = "2026-07-29.dahlia"


class Merchants:
    """The registry of accounts and keys."""

    def __init__(
        self, store: ReferenceStore, hash_key: Secret, clock: Clock, entropy: Entropy
    ) -> None:
        self._store, self._clock, self._entropy = store, clock, entropy
        self._hash_key = hash_key.reveal().encode()
        self._remembered: dict[bytes, tuple[SystemTime, Identity]] = {}
        self._forgotten = 0  # how often
        self.may_remember = False  # set by whoever listens for revocations

    async def authenticate(self, key: str) -> Identity | None:
        """Whom the key speaks for, or None if it is unknown or revoked."""
        digest = self._hash(key)
        known = self._remembered.get(digest)
        if known is not None and self.may_remember and known[0] > self._clock.system():
            return known[1]
        forgotten = self._forgotten
        rows = await self._store.fetch(QUERIES["find_identity"], digest)
        if not rows:
            self._remembered.pop(digest, None)
            return None
        identity = Identity(_account(rows[0][:12]), rows[0][11], rows[0][12])
        if forgotten == self._forgotten:  # else what was read may have been revoked meanwhile
            self._remember(digest, identity)
        return identity

    def forget(self) -> None:
        """Forget every look-up, those under way too: a key was revoked, or an account changed."""
        self._forgotten += 1
        self._remembered.clear()

    async def open_book(self, book: int, live: bool, name: str) -> None:
        """Register a book. Its head is the ledger's to open."""
        await self._store.write(QUERIES["insert_book"], book, live, name, self._clock.system())

    async def books(self) -> list[tuple[int, bool]]:
        """Every book and its mode."""
        rows = await self._store.fetch(QUERIES["list_books"])
        return [(row[0], row[1]) for row in rows]

    async def create_account(
        self,
        name: str,
        *,
        account: str | None = None,
        email: str | None = None,
        country: str = "US",
        currency: str = "usd",
        fee: FeeSchedule = NO_FEE,
        books: tuple[int, int] = (TEST_BOOK, LIVE_BOOK),
        actor: str = OPERATOR,
    ) -> Account:
        """Create an account; given an id that exists, return it as it is."""
        now = self._clock.system()
        identifier = account or Mint(self._entropy.bytes(16), books[0], now).new("acct")
        await self._store.write(
            QUERIES["insert_account"], identifier, *books, name, email, country, currency,
            fee.basis_points, fee.fixed, DEFAULT_API_VERSION, now, _fee_words(fee), actor,
        )  # fmt: skip
        created = await self.find(identifier)
        assert created is not None, "an account that was inserted is there"
        return created

    async def find(self, account: str) -> Account | None:
        """An account by its id."""
        rows = await self._store.fetch(QUERIES["find_account"], account)
        return _account(rows[0]) if rows else None

    async def list_accounts(self, limit: int = 1_000) -> list[Account]:
        """Accounts, oldest first."""
        return [_account(row) for row in await self._store.fetch(QUERIES["list_accounts"], limit)]

    async def set_fee(self, account: str, fee: FeeSchedule, actor: str = OPERATOR) -> None:
        """Change what an account pays from now on."""
        await self._store.write(
            QUERIES["update_fees"], account, fee.basis_points, fee.fixed, _fee_words(fee), actor,
            self._clock.system(),
        )  # fmt: skip
        await self._store.announce("nostro_keys")

    async def create_key(
        self, account: str, live: bool, chosen: Secret | None = None, actor: str = OPERATOR
    ) -> Secret:
        """Create a secret key, or register the one chosen. The plain key is returned this once."""
        key = chosen or self._fresh_key(live)
        _refuse_unsafe(key, live)
        plain = key.reveal()
        await self._store.write(
            QUERIES["insert_key"], self._hash(plain), key_id(self._hash(plain)), account, live,
            _prefix(live), plain[-4:],
            self._clock.system(), actor,
        )  # fmt: skip
        return key

    async def keys(self, account: str) -> list[KeyFacts]:
        """What may be shown of an account's keys."""
        return [KeyFacts(*row) for row in await self._store.fetch(QUERIES["list_keys"], account)]

    async def every_key(self) -> list[KeyFacts]:
        """What may be shown of all keys, the oldest first."""
        return [KeyFacts(*row) for row in await self._store.fetch(QUERIES["list_every_key"])]

    async def revoke(self, key: Secret, actor: str = OPERATOR) -> bool:
        """Revoke a key, effective at the next request in every process. False if it was not in force."""
        now = self._clock.system()
        rows = await self._store.write(QUERIES["revoke_key"], self._hash(key.reveal()), now, actor)
        self.forget()
        await self._store.announce("nostro_keys")
        return bool(rows)

    async def tell(self, book: int, decider: Decider) -> int:
        """Tell the book's audit log what became of accounts and keys; returns how many changes were left to tell.

        What was told is forgotten only afterwards: a crash in between leaves changes that the log has, and they are not
        told again.
        """
        rows = await self._store.fetch(QUERIES["untold_changes"], book, TOLD_AT_ONCE)
        if not rows:
            return 0
        changes = tuple(SettingChange(*row) for row in rows)
        await decider.run(TellSettings(book, self._entropy.bytes(16), changes))
        await self._store.write(
            QUERIES["forget_changes"], book, text_array([change.subject for change in changes]),
            int_array([change.no for change in changes]),
        )  # fmt: skip
        return len(changes)

    def _hash(self, key: str) -> bytes:
        return hmac.digest(self._hash_key, key.encode("utf-8", "replace"), "sha256")

    def _remember(self, digest: bytes, identity: Identity) -> None:
        if len(self._remembered) >= REMEMBERED_MAX:
            self._remembered.clear()
        until = SystemTime(self._clock.system() + REMEMBERED_MS)
        self._remembered[digest] = (until, identity)

    def _fresh_key(self, live: bool) -> Secret:
        number = int.from_bytes(self._entropy.bytes(24), "big")
        return Secret(_prefix(live) + base62(number, 33)[-KEY_DIGITS:])


def key_id(key_hash: bytes) -> str:
    """How a key is named where it may be seen: it tells nothing of the key."""
    return f"key_{key_hash.hex()[:24]}"


def _fee_words(fee: FeeSchedule) -> str:
    """How the audit log tells it: hundredths of a percent, and minor units."""
    return f"fee {fee.basis_points} basis points and {fee.fixed}"


def _prefix(live: bool) -> str:
    return "sk_live_" if live else "sk_test_"


def _refuse_unsafe(key: Secret, live: bool) -> None:
    plain, prefix = key.reveal(), _prefix(live)
    if not plain.startswith(prefix) or not plain[len(prefix) :].isalnum() or not plain.isascii():
        raise Misconfigured(f"a secret key is {prefix} followed by letters and digits")
    shortest = 24 if live else 3
    if len(plain) - len(prefix) < shortest:
        raise Misconfigured(f"a secret key has at least {shortest} characters after {prefix}")


def _account(row: tuple[Any, ...]) -> Account:
    (account, test_book, live_book, name, email, country, currency,
     basis_points, fixed, version, created, _) = row  # fmt: skip
    return Account(
        account, test_book, live_book, name, email, country, currency,
        FeeSchedule(basis_points, fixed), version, created,
    )  # fmt: skip
