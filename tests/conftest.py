"""Fixtures every test may use: the session's PostgreSQL and a fresh database.

Tests run in several processes, each with a server of its own; what they counted is summed up at the end.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from nostro.db.urls import ConnectionUrls
from tests import wire_schema
from tests.database import TestServer, running_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[TestServer]:
    """One PostgreSQL for the whole test session, started when first asked for."""
    with running_server() as server:
        yield server


@pytest.fixture
def database(postgres: TestServer) -> Iterator[ConnectionUrls]:
    """A fresh database with every migration applied, dropped after the test."""
    urls = postgres.create()
    yield urls
    postgres.drop(urls)


@pytest.fixture
def empty_database(postgres: TestServer) -> Iterator[ConnectionUrls]:
    """A fresh database in which no migration has run."""
    urls = postgres.create_empty()
    yield urls
    postgres.drop(urls)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what this process judged to the one that reports."""
    handed: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if handed is not None:
        handed["wire_schema"] = wire_schema.counts()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take what another process judged."""
    wire_schema.add(getattr(node, "workeroutput", {}).get("wire_schema", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was judged against the wire schema: how many of each kind, and how much of it had a value."""
    report = wire_schema.report()
    if not report:
        return
    terminalreporter.section("judged against the wire schema", sep="-")
    for kind, found in report.items():
        seen, all_of_it = len(found["seen"]), len(found["seen"]) + len(found["never"])
        share = f"{seen} of {all_of_it} properties seen with a value ({seen / all_of_it:.0%})"
        terminalreporter.write_line(f"{kind:20} {found['checked']:6} checked, {share}")
