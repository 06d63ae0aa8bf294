"""What the commands of `nostro` run. Each imports what it needs when it runs: a command should start at once and
take no more memory than its work."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from nostro.cli import app as commands
from nostro.cli.programs import (
    Full,
    LedgerExport,
    NewKeys,
    Proofs,
    Proposals,
    give,
    print_json,
)
from nostro.config import Settings
from nostro.kernel.ports import Reader
from nostro.kernel.secret import Secret
from nostro.merchants.model import KeyFacts

if TYPE_CHECKING:
    from nostro.conclusions.model import EvidenceFile
    from nostro.conclusions.service import Conclusions

T = TypeVar("T")


class Programs:
    """What the commands of `nostro` run."""

    def up(self, settings: Settings, as_json: bool) -> int:
        """Everything on this machine."""
        from nostro.bootstrap.up import up

        return asyncio.run(up(settings, as_json))

    def api(self, settings: Settings, as_json: bool) -> int:
        """The API alone."""
        from nostro.bootstrap import api

        if as_json:
            print_json({"program": "api", "url": f"http://{settings.host}:{settings.port}"})
        api.run(settings)
        return 0

    def worker(self, settings: Settings, as_json: bool) -> int:
        """The worker alone."""
        from nostro.bootstrap import worker

        if as_json:
            print_json({"program": "worker"})
        worker.run(settings)
        return 0

    def create_keys(self, settings: Settings, wanted: NewKeys) -> list[tuple[str, Secret]]:
        """Accounts with their keys."""
        from nostro.bootstrap import administration

        return asyncio.run(administration.create_keys(settings, wanted))

    def list_keys(self, settings: Settings, account: str | None) -> list[KeyFacts]:
        """What may be shown of keys."""
        from nostro.bootstrap import administration

        return asyncio.run(administration.list_keys(settings, account))

    def revoke_key(self, settings: Settings, key: Secret) -> bool:
        """Revoke a key."""
        from nostro.bootstrap import administration

        return asyncio.run(administration.revoke_key(settings, key))

    def top_up(self, settings: Settings, account: str, amount: int, currency: str) -> str:
        """Credit a test account."""
        from nostro.bootstrap import administration

        return asyncio.run(administration.top_up(settings, account, amount, currency))

    def verify(
        self,
        settings: Settings,
        books: list[int],
        with_acquirer: bool,
        as_json: bool,
        full: Full | None,
    ) -> int:
        """Do the books agree?"""
        from nostro.bootstrap import administration

        return asyncio.run(administration.verify(settings, books, with_acquirer, as_json, full))

    def proofs(self, settings: Settings, book: int) -> Proofs:
        """Proofs of a book."""
        from nostro.bootstrap import proofs

        return proofs.Proofs(settings, book)

    def ask(self, settings: Settings, question: Callable[[Reader], Awaitable[T]]) -> T:
        """Ask the ledger."""
        from nostro.bootstrap import administration

        return asyncio.run(administration.ask(settings, question))

    def conclude(
        self, settings: Settings, book: int, question: Callable[[Conclusions], Awaitable[T]]
    ) -> T:
        """Ask or tell the conclusions of a book."""
        from nostro.bootstrap import concluding

        return asyncio.run(concluding.conclude(settings, book, question))

    def propose_by(
        self, settings: Settings, acquirer: str, key: Secret, file: EvidenceFile
    ) -> Proposals:
        """What a report that a person brings says of what is open is proposed."""
        from nostro.bootstrap import concluding

        return asyncio.run(concluding.propose_by(settings, acquirer, key, file))

    def export_ledger(self, settings: Settings, wanted: LedgerExport) -> int:
        """A book for another program."""
        from nostro.bootstrap import administration

        return asyncio.run(administration.export_ledger(settings, wanted))

    def settle_alarm(self, settings: Settings, book: int, alarm: str, reason: str) -> bool:
        """Take an alarm away."""
        from nostro.bootstrap import administration

        return asyncio.run(administration.settle_alarm(settings, book, alarm, reason))

    def close_notification(
        self, settings: Settings, book: int, notification: str, reason: str
    ) -> bool:
        """Close a notification that waits for a person."""
        from nostro.bootstrap import administration

        return asyncio.run(administration.close_notification(settings, book, notification, reason))

    def erase_address(self, settings: Settings, book: int, address: str, reason: str) -> int:
        """Erase a caller's address from the audit log."""
        from nostro.bootstrap import administration

        return asyncio.run(administration.erase_address(settings, book, address, reason))

    def demo(self, settings: Settings, as_json: bool) -> int:
        """Show the whole story."""
        from nostro.bootstrap import demonstration

        return asyncio.run(demonstration.demo(settings, as_json))

    def doctor(self, settings: Settings, as_json: bool) -> int:
        """Is this installation well?"""
        from nostro.bootstrap import administration
        from nostro.cli import doctor

        running = administration.sandbox_url(settings)
        return asyncio.run(doctor.run(settings, running, as_json))

    def conformance(self, adapter: str, call_ms: int, as_json: bool) -> int:
        """Does an adapter do what the rooms rely on?"""
        from nostro.cli import conformance

        return conformance.run(adapter, call_ms, as_json)


def main() -> None:
    """The program `nostro`."""
    give(Programs())
    for given in sys.argv[1:]:
        if not _is_text(given):
            print(f"nostro: {given!a} is not UTF-8: give it as text", file=sys.stderr)
            raise SystemExit(2)
    commands.app()


def _is_text(argument: str) -> bool:
    """Bytes that are no UTF-8 come as surrogates, which nothing can write."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True
