"""One book with every kind of movement in it, made by the real flows; each test reads it or tampers with a copy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg
import pytest

from nostro.db.session import Session, Statement
from nostro.db.snapshot import DatabaseSnapshot, snapshot
from nostro.db.urls import ConnectionUrls, with_database
from nostro.kernel.ports import Reader
from nostro.ledger.export.service import Export, Format
from tests.database import TestServer
from tests.ledger.movements import post_everything
from tests.sandbox.process import SandboxProcess
from tests.verification.conftest import driving
from tests.verification.driver import BOOK, open_book
from tests.verification.history import make


@dataclass(frozen=True)
class Book:
    """A database with one book."""

    urls: ConnectionUrls
    superuser: str

    def exported(self, wanted: Format, until_ms: int | None = None) -> str:
        """The book as the role that may only read sees it."""

        async def export() -> str:
            async with snapshot(self.urls.read_only, by_key=True) as frozen:
                return await _text(frozen, wanted, until_ms)

        return asyncio.run(export())

    def tampered(self, statements: Sequence[str], wanted: Format) -> str:
        """The book after some statements of a superuser, none of which stays."""

        async def export() -> str:
            async with self._undone() as session:
                for text in statements:
                    [result] = await session.run([Statement(text)])
                    assert not result.tag.endswith(" 0"), f"{text} changed nothing"
                return await _text(DatabaseSnapshot(session), wanted, None)

        return asyncio.run(export())

    @asynccontextmanager
    async def _undone(self) -> AsyncIterator[Session]:
        session = await Session.open(self.superuser)
        try:
            await session.run([Statement("BEGIN")])
            yield session
        finally:
            await session.close()

    def ask(self, question: str) -> list[tuple[object, ...]]:
        """Rows, as the superuser sees them."""
        with psycopg.connect(self.superuser) as connection:
            return connection.execute(question.encode()).fetchall()


async def _text(reader: Reader, wanted: Format, until_ms: int | None) -> str:
    made = await Export.of(reader, BOOK, wanted, until_ms)
    return "".join([piece async for piece in made.pieces()])


@pytest.fixture(scope="package")
def book(postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    sandbox = SandboxProcess(tmp_path_factory.mktemp("sandbox"), "--refund-delay-ms", "150")
    urls = postgres.create()
    try:
        asyncio.run(_fill(urls, f"http://127.0.0.1:{sandbox.port}"))
        name = str(psycopg.conninfo.conninfo_to_dict(urls.app)["dbname"])
        yield Book(urls, with_database(postgres.admin_url, name))
    finally:
        postgres.drop(urls)
        assert sandbox.terminate() == 0


async def _fill(urls: ConnectionUrls, sandbox: str) -> None:
    await open_book(urls.owner)
    async with driving(urls, sandbox) as driver:
        await make(driver)
        await post_everything(driver)
