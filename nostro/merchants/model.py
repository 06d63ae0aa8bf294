"""Merchants' accounts, their books and their API keys: small reference tables, written rarely."""

from __future__ import annotations

import msgspec

from nostro.kernel.clock import SystemTime
from nostro.kernel.money import FeeSchedule

TEST_BOOK, LIVE_BOOK = 1, 2


class Account(msgspec.Struct, frozen=True):
    """A merchant. Each has a test book and a live book; an object never leaves its birth book."""

    account: str
    test_book: int
    live_book: int
    name: str
    email: str | None
    country: str
    default_currency: str
    fee: FeeSchedule
    api_version: str
    created_ms: SystemTime

    def book(self, live: bool) -> int:
        """The book of a mode."""
        return self.live_book if live else self.test_book


class Identity(msgspec.Struct, frozen=True):
    """Who an API key speaks for."""

    account: Account
    live: bool
    key_id: str

    @property
    def book(self) -> int:
        """The book its requests work in."""
        return self.account.book(self.live)


class KeyFacts(msgspec.Struct, frozen=True):
    """What may be shown of an API key."""

    account: str
    live: bool
    prefix: str
    last4: str
    created_ms: SystemTime
    revoked_ms: SystemTime | None = None
    id: str = ""


class SettingChange(msgspec.Struct, frozen=True):
    """What became of an account or a key, and on whose word; the audit log has not been told yet.

    `no` numbers what happened to `subject`, from 1. `relation` is the table, `state` what the row says since `at_ms`.
    """

    subject: str
    no: int
    relation: str
    action: str
    state: str
    actor: str
    at_ms: SystemTime


class ToldSetting(msgspec.Struct, frozen=True):
    """The last that a book's audit log was told of an account or a key."""

    id: str
    no: int
    state: str
