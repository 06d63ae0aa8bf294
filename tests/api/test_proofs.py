"""Proofs over the wire: taken as a merchant takes them, judged by the independent verifier."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from nostro.bootstrap.secret_files import kept_secret
from nostro.cli.verify import Held, reports_of
from nostro.db.committer import Committer
from nostro.db.pool import Pool
from nostro.db.running import urls_of
from nostro.db.session import Session
from nostro.kernel.clock import DAY, MINUTE, BusinessTime
from nostro.kernel.ids import Mint
from nostro.kernel.posting import Kind, Transfer
from nostro.ledger.commands import PostTransfers
from nostro.ledger.days import date_of
from nostro.ledger.snapshots import GRACE_MS
from nostro.merchants.model import LIVE_BOOK
from nostro.merchants.service import Merchants
from nostro.system import SystemClock, SystemEntropy
from nostro.verification.report import to_text
from nostro.work.leases import Lease
from nostro.work.loop import LEASE
from tests.api.cards import a_payment
from tests.api.client import Api
from tests.server import ROOT, Response, Server
from tests.verification.driver import open_book

VERIFIER = ROOT / "verifier" / "nostro_verify.py"


def signed(server: Server, path: str, query: str = "") -> Response:
    """What the path answers once it is signed: seconds after it was committed."""
    deadline = time.monotonic() + 15
    while True:
        found = server.get(path, query)
        if found.status != 409 or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def verify(file: bytes, kind: str, keys: bytes, folder: Path) -> tuple[int, str]:
    (folder / "file.json").write_bytes(file)
    (folder / "keys").write_bytes(keys)
    arguments = [kind, str(folder / "file.json"), "--key", str(folder / "keys"), "--json"]
    done = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), *arguments],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def public(server: Server, path: str) -> bytes:
    found = server.get(f"/nostro/v1/log/1/{path}", authorization="")
    assert found.status == 200, (path, found.status, found.raw)
    return found.raw


def test_a_payment_and_its_refund_have_receipts(api: Api, tmp_path: Path) -> None:
    server = api.server
    paid = a_payment(api)
    refund = api.post("/v1/refunds", {"payment_intent": paid["id"], "amount": 700})
    keys = b""
    for identifier in (paid["id"], paid["latest_charge"], refund["id"]):
        found = signed(server, f"/nostro/v1/ledger/receipts/{identifier}")
        assert found.status == 200, found.raw
        keys = keys or public(server, "keys")
        code, told = verify(found.raw, "receipt", keys, tmp_path)
        assert code == 0, told
        told_of = {(line["code"], line["amount"]) for line in found.body["transfers"]}
        assert ("sale", 2000) in told_of or 700 in dict(told_of).values()
        assert len(found.raw) < 8_000


def test_what_is_not_ones_own_has_no_receipt(api: Api) -> None:
    for identifier in ("pi_0", "ch_1", "re_2", "cus_3", "x"):
        body = api.get(f"/nostro/v1/ledger/receipts/{identifier}", status=404)
        assert body["error"]["type"] == "invalid_request_error"
    never = api.post("/v1/payment_intents", {"amount": 500, "currency": "usd"})
    api.get(f"/nostro/v1/ledger/receipts/{never['id']}", status=404)
    api.get("/nostro/v1/ledger/balance_proof", "account=platform:fees:usd", status=404)
    api.get(
        "/nostro/v1/ledger/balance_proof", "account=merchant:acct_1:available:usd&day=1", status=404
    )
    account = api.get("/v1/account")["id"]
    for day in ("x", "", "2026-02-30", "0000-01-01", "20260101", "2026-W01-1", "today", "now"):
        query = f"account=merchant:{account}:available:usd&day={day}"
        error = api.get("/nostro/v1/ledger/balance_proof", query, status=400)["error"]
        assert error["param"] == "day"
    api.get("/nostro/v1/ledger/consistency", "from=999999999", status=404)
    api.get("/nostro/v1/ledger/consistency", "from=0", status=400)


def test_the_log_is_public_and_only_grows(api: Api, tmp_path: Path) -> None:
    server = api.server
    first = a_payment(api)
    signed(server, f"/nostro/v1/ledger/receipts/{first['id']}")
    old = public(server, "checkpoint").decode()
    signed(server, f"/nostro/v1/ledger/receipts/{a_payment(api)['id']}")
    found = server.get("/nostro/v1/ledger/consistency", f"from={old.splitlines()[1]}")
    assert found.status == 200 and found.body["old"] == old
    new = found.body["new"]
    size = int(new.splitlines()[1])
    assert size > int(old.splitlines()[1])
    if size >= 256:
        assert len(public(server, "tile/0/000")) == 256 * 32
    else:
        assert len(public(server, f"tile/0/000.p/{size}")) == size * 32
    proof = public(server, f"consistency/{old.splitlines()[1]}/{size}")
    assert json.loads(proof)["proof"] == found.body["proof"]
    directory = server.data_dir / "log" / "book-1"
    assert (directory / "checkpoint").exists() and (directory / "keys").exists()


def test_a_head_of_a_file_is_its_get_without_the_file(api: Api) -> None:
    signed(api.server, f"/nostro/v1/ledger/receipts/{a_payment(api)['id']}")
    for path, status in (("1/keys", 200), ("9/checkpoint", 404)):
        found = api.server.ask("HEAD", f"/nostro/v1/log/{path}", b"", {"authorization": ""})
        assert (found.status, found.raw) == (status, b"")
    got = api.server.ask("GET", "/nostro/v1/log/1/keys", b"", {"authorization": ""})
    head = api.server.ask("HEAD", "/nostro/v1/log/1/keys", b"", {"authorization": ""})
    assert head.headers["content-length"] == got.headers["content-length"]


def test_what_is_wrong_in_a_query_is_said_of_the_query(api: Api) -> None:
    for query in ("limit=%00", "limit=%ff", "limit=%zz"):
        error = api.get("/v1/customers", query, status=400)["error"]
        assert error["message"].startswith("The query "), error


def test_there_are_no_other_files(server: Server) -> None:
    for path in (
        "1/x", "1/tile", "1/tile/0/0", "1/tile/9/000", "1/tile/0/999", "1/tile/0/000.p/0",
        "1/tile/0/000.p/256", "1/tile/0/x000/000", "1/tile/0/../checkpoint", "9/checkpoint",
        "99999999/checkpoint", "-1/checkpoint", "01/checkpoint", "+1/checkpoint", "1/checkpoint/", "1/tile/0/000.p/01",
        "1/consistency/1/999999", "1/consistency/0/1", "1/consistency/1", "1/consistency/9/1",
    ):  # fmt: skip
        found = server.get(f"/nostro/v1/log/{path}", authorization="")
        if path == "1/checkpoint/":  # a slash at the end is none anywhere in this API
            continue
        assert found.status == 404, (path, found.status)
        assert found.body["error"]["type"] == "invalid_request_error"


def proving(server: Server, *arguments: str, code: int = 0) -> bytes:
    """What `nostro proof` writes; on standard error if it ends with `code`."""
    line = [sys.executable, "-c", "from nostro.bootstrap.programs import main; main()", "proof"]
    done = subprocess.run(
        [*line, *arguments, "--data-dir", str(server.data_dir)],
        capture_output=True, timeout=60, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


class Earlier(SystemClock):
    """Two days ago."""

    def business(self) -> BusinessTime:
        return BusinessTime(super().business() - 2 * DAY)


PAST_BOOK, PAST_ACCOUNT, NEW_BOOK = 77, "acct_1Past", 78
PAST_CODE = f"merchant:{PAST_ACCOUNT}:available:usd"


async def a_past(server: Server) -> str:
    """A book of its own with an account of it, to which something happened two days ago; returns a key of it."""
    urls, entropy = urls_of(server.data_dir / "postgres"), SystemEntropy()
    pool = Pool(urls.app)
    # The server's worker, which takes snapshots too, leaves a book alone that somebody else works.
    assert await Lease(pool, SystemClock(), "the test", PAST_BOOK, LEASE, MINUTE).renew()
    await open_book(urls.owner, PAST_BOOK)
    merchants = Merchants(pool, kept_secret(server.data_dir / "api.key"), SystemClock(), entropy)
    books = (PAST_BOOK, LIVE_BOOK)
    await merchants.create_account("Past", account=PAST_ACCOUNT, books=books)
    key = await merchants.create_key(PAST_ACCOUNT, False)
    committer = Committer(PAST_BOOK, lambda: Session.open(urls.app), Earlier(), entropy)
    identifier = Mint(entropy.bytes(16), PAST_BOOK, SystemClock().system()).transfer_id()
    moved = Transfer(
        identifier, Kind.SINGLE, "platform:bank:usd", PAST_CODE, 700, "usd", "top_up", "x"
    )
    command = PostTransfers(PAST_BOOK, entropy.bytes(16), ((moved,),))
    assert await committer.run(command) == [[None]]
    await committer.close()
    await pool.close()
    return key.reveal()


def test_a_snapshot_is_of_the_end_of_a_day_that_is_over(server: Server, tmp_path: Path) -> None:
    """And the whole book verifies with it: a snapshot of now would not be of a day's end."""
    key, book = asyncio.run(a_past(server)), ("--book", str(PAST_BOOK))
    asyncio.run(open_book(urls_of(server.data_dir / "postgres").owner, NEW_BOOK))
    assert b"00:00 UTC" in proving(server, "snapshot", "--book", str(NEW_BOOK), code=1)
    first = json.loads(proving(server, "snapshot", "--json", *book))
    over = SystemClock().business() - GRACE_MS
    assert (first["day"], first["new"]) == (date_of(over // DAY - 1), True)
    assert json.loads(proving(server, "snapshot", "--json", *book)) == first | {"new": False}
    assert b"already" in proving(server, "snapshot", *book)
    file, keys = proving(server, "balance", PAST_CODE, *book), proving(server, "keys", *book)
    code, told = verify(file, "balance", keys, tmp_path)
    assert (code, json.loads(told)["day"]) == (0, first["day"]), told
    query = f"account={PAST_CODE}&day={first['day']}"
    path = "/nostro/v1/ledger/balance_proof"
    assert server.get(path, query, authorization=f"Bearer {key}").raw == file
    asyncio.run(verifies_in_full(server))


async def verifies_in_full(server: Server) -> None:
    urls, held = urls_of(server.data_dir / "postgres"), Held(server.data_dir / "log")
    (report,) = await reports_of(urls.read_only, None, [PAST_BOOK], SystemClock(), full=held)
    assert "snapshots" not in report.off(), to_text([report])


def test_the_command_gives_the_same_files(api: Api, tmp_path: Path) -> None:
    server = api.server
    paid = a_payment(api)
    found = signed(server, f"/nostro/v1/ledger/receipts/{paid['id']}")

    def proof(*arguments: str, code: int = 0) -> bytes:
        return proving(server, *arguments, code=code)

    transfers: Any = json.loads(proof("receipt", paid["id"]))["transfers"]
    assert [line["id"] for line in transfers] == [line["id"] for line in found.body["transfers"]]
    keys = proof("keys")
    assert keys == public(server, "keys")
    old = tmp_path / "old"
    proof("checkpoint", "--output", str(old))
    assert json.loads(proof("consistency", str(old)))["old"] == old.read_text()
    assert b"no payment" in proof("receipt", "cus_1", code=1)
    assert b"no transfer" in proof("receipt", "ch_1", code=1)
