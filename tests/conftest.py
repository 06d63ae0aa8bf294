"""Fixtures every test may use: the session's PostgreSQL and a fresh database."""

from collections.abc import Iterator

import pytest

from nostro.db.urls import ConnectionUrls
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
