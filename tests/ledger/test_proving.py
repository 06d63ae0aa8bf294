"""Proofs from a real book, judged by the independent verifier."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nostro.audit import signed, snapshots
from nostro.db.urls import ConnectionUrls
from nostro.kernel.posting import Kind, LimitChange, Limits, Transfer
from nostro.ledger import proving
from nostro.ledger.commands import PostTransfers, SetLimits
from nostro.ledger.snapshots import last_before, take
from tests.db.sheets import BOOK, CLOCK, ENTROPY, Count, seed, sheet_on
from tests.ledger.test_publishing import World

VERIFIER = Path(__file__).parents[2] / "verifier" / "nostro_verify.py"


def identifier() -> str:
    bits = CLOCK.system() << 80 | 7 << 76 | 2 << 62 | int.from_bytes(ENTROPY.bytes(7))
    return f"{bits:032x}"


def transfer(subject: str, amount: int, **more: Any) -> Transfer:
    return Transfer(
        identifier(),
        Kind.SINGLE,
        "buyer:usd",
        f"shop:{subject}:usd",
        amount,
        "usd",
        "sale",
        subject,
        **more,
    )


async def post(sheet: Any, *chains: tuple[Transfer, ...]) -> list[list[Any]]:
    found: list[list[Any]] = await sheet.committer.run(PostTransfers(BOOK, seed(), chains))
    return found


def verify(world: World, command: str, file: bytes, folder: Path, *more: str) -> tuple[int, Any]:
    path = folder / "file.json"
    path.write_bytes(file)
    keys = world.directory.root / "keys"
    line = [
        sys.executable,
        "-I",
        str(VERIFIER),
        command,
        str(path),
        "--key",
        str(keys),
        "--json",
        *more,
    ]
    done = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, json.loads(done.stdout or "{}") or done.stderr


def in_a_world(database: ConnectionUrls, folder: Path, body: Any) -> None:
    async def run() -> None:
        world = World(database, folder)
        async with sheet_on(database) as sheet:
            await body(world, sheet)
        await world.pool.close()

    asyncio.run(run())


def test_receipts_verify_offline(database: ConnectionUrls, tmp_path: Path) -> None:
    async def body(world: World, sheet: Any) -> None:
        paid = transfer("ch_1", 1_000, metadata='{"order":7}')
        fee = transfer("ch_1", 30, effective_on=20_000)
        await post(sheet, (transfer("ch_0", 1),), (paid, fee), (transfer("ch_2", 5),))
        with pytest.raises(proving.NotYetSigned):
            await proving.receipt(world.pool, BOOK, "payment", "ch_1")
        await world.publisher.publish()
        for number in range(9):
            await sheet.committer.run(Count(f"k{number}", 1))
        await post(sheet, (transfer("ch_1", 2),))
        await world.publisher.publish()
        with pytest.raises(proving.NothingToProve):
            await proving.receipt(world.pool, BOOK, "payment", "ch_9")
        file = await proving.receipt(world.pool, BOOK, "payment", "ch_1")
        code, told = verify(world, "receipt", file, tmp_path)
        assert code == 0, told
        assert [found["amount"] for found in json.loads(file)["transfers"]] == [1_000, 30, 2]
        code, told = verify(
            world, "receipt", file.replace(b'"amount":1000', b'"amount":9000'), tmp_path
        )
        assert code == 1, told

    in_a_world(database, tmp_path, body)


def test_the_log_of_today_begins_with_that_of_yesterday(
    database: ConnectionUrls, tmp_path: Path
) -> None:
    async def body(world: World, sheet: Any) -> None:
        await sheet.committer.run(Count("a", 1))
        old = await world.publisher.publish()
        assert old is not None
        for number in range(5):
            await sheet.committer.run(Count(f"k{number}", 1))
        await world.publisher.publish()
        file = await proving.consistency(world.pool, BOOK, old.note, old.size)
        assert json.loads(file)["old"] == old.note
        assert (await signed.of_at_least(world.pool, BOOK, 1)) == old
        assert await proving.checkpoint_of(world.pool, BOOK, old.size) == old
        with pytest.raises(proving.NothingToProve):
            await proving.checkpoint_of(world.pool, BOOK, 3)

    in_a_world(database, tmp_path, body)


@pytest.mark.parametrize("account", ["shop:b:usd", "buyer:usd", "aaa", "shop:bb", "zzz", "limited"])
def test_a_balance_and_an_absence_verify_offline(
    database: ConnectionUrls, tmp_path: Path, account: str
) -> None:
    async def body(world: World, sheet: Any) -> None:
        await sheet.committer.run(
            SetLimits(BOOK, seed(), LimitChange("limited", "usd", Limits(5, None)))
        )
        await post(sheet, *[(transfer(name, 10),) for name in "abc"])
        moment = await last_before(world.pool, BOOK, CLOCK.business() + 1)
        assert moment is not None
        await post(sheet, (transfer("b", 99),), (transfer("later", 3),))
        snapshot = await take(world.pool, BOOK, moment, "2026-01-02")
        assert snapshot.account_count == 5
        kept = await sheet.committer.run(snapshots.RecordSnapshot(BOOK, seed(), snapshot))
        assert kept == snapshot
        assert await sheet.committer.run(snapshots.RecordSnapshot(BOOK, seed(), snapshot)) == kept
        await world.publisher.publish()
        file = await proving.balance(world.pool, BOOK, account)
        assert file == await proving.balance(world.pool, BOOK, account, "2026-01-02")
        code, told = verify(world, "balance", file, tmp_path)
        assert code == 0, told
        shown = json.loads(file)
        assert shown["found"] == (account in ("shop:b:usd", "buyer:usd", "limited"))
        if account == "shop:b:usd":
            assert shown["leaves"][0]["credits_posted"] == 10

    in_a_world(database, tmp_path, body)
