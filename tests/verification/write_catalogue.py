"""Writes nostro/verification/catalogue.json anew, from a fresh database: `make catalogue` (after a new migration)."""

import asyncio
from pathlib import Path

from nostro.db.snapshot import snapshot
from nostro.verification import catalogue
from tests.database import TestServer, running_server

PATH = Path(catalogue.__file__).with_name(catalogue.FILE)


def fresh(server: TestServer) -> catalogue.Catalogue:
    """The catalogue of a database in which nothing but the migrations has run."""
    urls = server.create()
    found = asyncio.run(_read(urls.read_only))
    server.drop(urls)
    return found


async def _read(url: str) -> catalogue.Catalogue:
    async with snapshot(url) as frozen:
        return await catalogue.read(frozen)


if __name__ == "__main__":
    with running_server() as server:
        PATH.write_bytes(catalogue.to_json(fresh(server)))
