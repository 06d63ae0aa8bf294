"""Sets the stage for `nostro demo`: the running `nostro up`, or one of its own that goes when the story is told."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from nostro.acquirers.places import FIRST
from nostro.bootstrap import administration
from nostro.cli import instance
from nostro.cli.demo import Stage, tell
from nostro.cli.instance import Instance
from nostro.cli.processes import die_with_parent, python
from nostro.cli.programs import NewKeys
from nostro.cli.verify import reports_of
from nostro.config import Settings, child_environment
from nostro.db.pool import Pool
from nostro.db.running import recorded_directory
from nostro.db.urls import ConnectionUrls
from nostro.kernel.errors import Misconfigured
from nostro.kernel.money import FeeSchedule
from nostro.ledger.store import QUERIES as LEDGER
from nostro.merchants.model import TEST_BOOK
from nostro.system import SystemClock
from nostro.verification.service import WATERMARK_SECONDS

START_SECONDS, STOP_SECONDS = 60.0, 20.0
FEE = FeeSchedule(basis_points=290, fixed=30)


async def demo(settings: Settings, as_json: bool) -> int:
    """Tell the story on the `nostro up` of this data directory, or on one made for it."""
    running = instance.find(settings.data_dir)
    if running is not None:
        return await _play(settings, running, False, as_json)
    async with _own() as (own, started):
        return await _play(own, started, True, as_json)


async def _play(settings: Settings, running: Instance, is_own: bool, as_json: bool) -> int:
    urls = await administration.urls(settings)
    [(account, key)] = await administration.create_keys(
        settings, NewKeys(None, "Demo shop", False, 1, FEE)
    )
    reader, clock = Pool(urls.read_only), SystemClock()

    async def ledger(subjects: Sequence[str]) -> list[tuple[Any, ...]]:
        return await reader.fetch(LEDGER["read_transfers_of"], TEST_BOOK, list(subjects))

    async def verify() -> tuple[int, Sequence[str]]:
        return await _verified(urls, running, is_own)

    stage = Stage(running.url, running.sandbox_url, account, key, ledger, verify, clock)
    try:
        return await tell(stage, as_json)
    finally:
        await reader.close()


async def _verified(
    urls: ConnectionUrls, running: Instance, is_own: bool
) -> tuple[int, Sequence[str]]:
    # Where others pay too, what is younger than the usual watermark may rightly differ.
    young = 0 if is_own else WATERMARK_SECONDS
    acquirers = running.acquirers or {FIRST: running.sandbox_url}
    reports = await reports_of(urls.read_only, acquirers, None, SystemClock(), young)
    off = [f"{name} {rows}" for report in reports for name, rows in report.off().items()]
    return sum(len(report.results) for report in reports), off


@asynccontextmanager
async def _own() -> AsyncIterator[tuple[Settings, Instance]]:
    directory = Path(tempfile.mkdtemp(prefix="nostro-demo-"))
    settings = Settings(data_dir=directory, port=_free_port(), sandbox_port=_free_port())
    child = await asyncio.create_subprocess_exec(
        *python("nostro", "up", "--json"), env=child_environment(settings),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True, preexec_fn=die_with_parent,
    )  # fmt: skip
    try:
        yield settings, await _ready(settings, child)
    finally:
        await _stop(child)
        for left in (recorded_directory(directory / "postgres"), directory):
            if left is not None:
                shutil.rmtree(left, ignore_errors=True)


async def _ready(settings: Settings, child: asyncio.subprocess.Process) -> Instance:
    loop = asyncio.get_running_loop()
    give_up = loop.time() + START_SECONDS
    async with aiohttp.ClientSession() as http:
        while child.returncode is None and loop.time() < give_up:
            found = instance.find(settings.data_dir)
            if found is not None and await _both_answer(http, found):
                return found
            await asyncio.sleep(0.05)
    raise Misconfigured("a Nostro for the demonstration did not start: see what it said above")


async def _both_answer(http: aiohttp.ClientSession, found: Instance) -> bool:
    try:
        for url in (found.url, found.sandbox_url):
            async with http.get(f"{url}/health") as answer:
                if answer.status != 200:
                    return False
    except (aiohttp.ClientError, OSError):
        return False
    return True


async def _stop(child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        return
    child.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(child.wait(), STOP_SECONDS)
    except TimeoutError:
        child.kill()
        await child.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
