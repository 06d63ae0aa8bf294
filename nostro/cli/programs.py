"""What the commands run. `bootstrap` gives the one implementation; `run` turns errors into one sentence."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeVar

import msgspec
import typer

from nostro.audit.snapshots import BalanceSnapshot
from nostro.conclusions.model import Conclusion
from nostro.config import Settings, from_environment
from nostro.kernel.errors import NostroError
from nostro.kernel.money import FeeSchedule
from nostro.kernel.ports import Reader
from nostro.kernel.secret import Secret
from nostro.ledger.export.service import Format
from nostro.merchants.model import KeyFacts

if TYPE_CHECKING:  # a command should start at once
    from nostro.conclusions.model import EvidenceFile
    from nostro.conclusions.service import Conclusions

T = TypeVar("T")
STOPPED = 130  # as shells report an interrupt
log = logging.getLogger(__name__)


class NewKeys(msgspec.Struct, frozen=True):
    """What `keys create` was asked for. With `account` given the keys are that account's, else each has its own."""

    account: str | None
    name: str
    live: bool
    count: int
    fee: FeeSchedule


class Proofs(Protocol):
    """Proofs of one book; files are bytes in their one spelling."""

    def receipt(self, identifier: str) -> bytes: ...
    def consistency(self, old: str) -> bytes: ...
    def balance(self, account: str, day: str | None) -> bytes: ...
    def checkpoint(self) -> str: ...
    def keys(self) -> list[str]: ...
    def snapshot(self) -> tuple[BalanceSnapshot, bool]: ...
    def rotate_key(self) -> str: ...


class LedgerExport(msgspec.Struct, frozen=True):
    """What `ledger export` was asked for. Without `output` it goes to standard output, without `until_ms` it is of now."""

    book: int
    format: Format
    output: Path | None
    until_ms: int | None


class Proposals(msgspec.Struct, frozen=True):
    """What came of a report that a person brought: its lines, what was proposed, and why other lines propose nothing."""

    lines: int
    proposed: list[Conclusion]
    for_a_person: list[str]


class Full(msgspec.Struct, frozen=True):
    """What `verify --full` was asked for: `log_dir` is where the logs outside the database are, None: the usual place."""

    log_dir: Path | None


class Programs(Protocol):
    """What the commands run."""

    def up(self, settings: Settings, as_json: bool) -> int: ...
    def api(self, settings: Settings, as_json: bool) -> int: ...
    def worker(self, settings: Settings, as_json: bool) -> int: ...
    def create_keys(self, settings: Settings, wanted: NewKeys) -> list[tuple[str, Secret]]: ...
    def list_keys(self, settings: Settings, account: str | None) -> list[KeyFacts]: ...
    def revoke_key(self, settings: Settings, key: Secret) -> bool: ...
    def top_up(self, settings: Settings, account: str, amount: int, currency: str) -> str: ...
    def verify(
        self,
        settings: Settings,
        books: list[int],
        with_acquirer: bool,
        as_json: bool,
        full: Full | None,
    ) -> int: ...
    def proofs(self, settings: Settings, book: int) -> Proofs: ...
    def ask(self, settings: Settings, question: Callable[[Reader], Awaitable[T]]) -> T: ...
    def conclude(
        self, settings: Settings, book: int, question: Callable[[Conclusions], Awaitable[T]]
    ) -> T: ...
    def propose_by(
        self, settings: Settings, acquirer: str, key: Secret, file: EvidenceFile
    ) -> Proposals: ...
    def export_ledger(self, settings: Settings, wanted: LedgerExport) -> int: ...
    def settle_alarm(self, settings: Settings, book: int, alarm: str, reason: str) -> bool: ...
    def close_notification(
        self, settings: Settings, book: int, notification: str, reason: str
    ) -> bool: ...
    def erase_address(self, settings: Settings, book: int, address: str, reason: str) -> int: ...
    def demo(self, settings: Settings, as_json: bool) -> int: ...
    def doctor(self, settings: Settings, as_json: bool) -> int: ...
    def conformance(self, adapter: str, call_ms: int, as_json: bool) -> int: ...


_given: list[Programs] = []


def give(programs: Programs) -> None:
    """Set what the commands run."""
    _given[:] = [programs]


def programs() -> Programs:
    """What the commands run."""
    return _given[0]


def settings(**given: object) -> Settings:
    """Settings from a command's options and the environment; a mistake ends the program with a sentence."""
    return run(lambda: from_environment(**given))


def run(action: Callable[[], T]) -> T:
    """Do it. Whatever goes wrong is one sentence on standard error and exit code 1, never a traceback."""
    try:
        return action()
    except (typer.Exit, typer.Abort):
        raise
    except NostroError as error:
        fail(str(error))
    except OSError as error:
        fail(_words(error))
    except KeyboardInterrupt:
        raise typer.Exit(STOPPED) from None
    except Exception as error:
        log.debug(
            "nobody expected this", exc_info=True
        )  # seen by programs with NOSTRO_LOG_LEVEL=debug
        fail(f"{type(error).__name__}: {error}: this is a mistake of ours, please report it")


def _words(error: OSError) -> str:
    """What a file or a port could not be used for."""
    if error.filename is None:
        return f"{error}: check the ports, the disk and the paths"
    why = (error.strerror or "it cannot be used").lower()
    return f"{error.filename}: {why}: check the path and who may use it"


def fail(sentence: str) -> NoReturn:
    """End the program with one sentence on standard error."""
    print(f"nostro: {sentence}", file=sys.stderr)
    raise typer.Exit(1)


def start(settings: Settings, program: Callable[[], int]) -> None:
    """Run a program with its log set up, and end with its exit code."""
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    raise typer.Exit(run(program))


def print_json(value: object) -> None:
    """One line of JSON on standard output."""
    plain = msgspec.to_builtins(value)
    print(json.dumps(plain, ensure_ascii=False), flush=True)
