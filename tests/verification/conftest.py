"""One history for the whole module, in a real database and a real sandbox; each test tampers in a
transaction that is rolled back."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import LiteralString, cast

import psycopg
import pytest

from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.acquirers.sandbox_book import pages
from nostro.db.session import Session, Statement
from nostro.db.snapshot import DatabaseSnapshot
from nostro.db.urls import ConnectionUrls, with_database
from nostro.verification.acquirer_book import Line, Pages
from nostro.verification.report import Report
from nostro.verification.service import verify
from tests.database import TestServer
from tests.sandbox.process import SandboxProcess
from tests.verification.driver import BOOK, Driver, ShiftedClock, open_book
from tests.verification.history import History, make

JUDGE_ALL = -60  # seconds: a watermark in the future, so that nothing is too young


@dataclass(frozen=True)
class Books:
    """A database and a sandbox with the same history."""

    urls: ConnectionUrls
    superuser: str
    sandbox: str
    history: History
    theirs: tuple[Line, ...]

    def named(self, text: str) -> str:
        """The text with `<name>` replaced by what the history calls so."""
        for name, value in self.history.names.items():
            text = text.replace(f"<{name}>", value)
        return text

    async def tampered(
        self,
        statements: Sequence[str] = (),
        theirs: Sequence[Line] | None = None,
        watermark_seconds: int = JUDGE_ALL,
    ) -> Report:
        """Verify after some statements of a superuser, none of which stays."""
        texts = [cast(LiteralString, self.named(text)) for text in statements]
        session = await Session.open(self.superuser)
        try:
            await session.run([Statement("BEGIN"), *(Statement(text) for text in texts)])
            book = page_of(self.theirs if theirs is None else theirs)
            frozen = DatabaseSnapshot(session)
            return await verify(frozen, BOOK, book, ShiftedClock(), watermark_seconds)
        finally:
            await session.close()


async def page_of(lines: Sequence[Line]) -> Pages:
    yield lines


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"), "--refund-delay-ms", "150")
    yield process
    assert process.terminate() == 0


@pytest.fixture(scope="module")
def books(postgres: TestServer, sandbox: SandboxProcess) -> Iterator[Books]:
    urls = postgres.create()
    base = f"http://127.0.0.1:{sandbox.port}"
    history, theirs = asyncio.run(_made(urls, base))
    name = str(psycopg.conninfo.conninfo_to_dict(urls.app)["dbname"])
    yield Books(urls, with_database(postgres.admin_url, name), base, history, theirs)
    postgres.drop(urls)


@asynccontextmanager
async def driving(urls: ConnectionUrls, base: str) -> AsyncIterator[Driver]:
    acquirer = SandboxAcquirer(base, ShiftedClock())
    driver = Driver(urls.app, acquirer)
    try:
        yield driver
    finally:
        await driver.close()
        await acquirer.close()


async def _made(urls: ConnectionUrls, base: str) -> tuple[History, tuple[Line, ...]]:
    await open_book(urls.owner)
    async with driving(urls, base) as driver:
        history = await make(driver)
    return history, tuple([line async for page in pages(base) for line in page])
