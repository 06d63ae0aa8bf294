"""What was answered is in the book after kill -9; how the program starts and stops."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from tests.sandbox.process import SandboxProcess, authorize_body, eventually, new_reference


async def _send_and_kill(
    sandbox: SandboxProcess, bodies: list[dict[str, Any]], kill_after: int
) -> dict[str, Any]:
    """Send all at once, kill after some answers; give the answers by reference."""
    answers: dict[str, Any] = {}
    url = f"http://127.0.0.1:{sandbox.port}/v1/authorize"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20)) as session:

        async def post(body: dict[str, Any]) -> None:
            try:
                async with session.post(url, json=body) as response:
                    answers[body["reference"]] = await response.json()
            except aiohttp.ClientError:
                return
            if len(answers) == kill_after:
                os.kill(sandbox.process.pid, 9)

        await asyncio.gather(*map(post, bodies))
    return answers


@pytest.mark.parametrize("kill_after", [1, 60, 130])
def test_what_was_answered_survives_kill_9(
    fresh: Callable[[], SandboxProcess], kill_after: int
) -> None:
    sandbox = fresh()
    bodies = [authorize_body(capture=True) for _ in range(200)]
    answers = asyncio.run(_send_and_kill(sandbox, bodies, kill_after))
    assert kill_after <= len(answers) < 200, "it was killed in the middle"
    sandbox.kill()
    sandbox.start()
    book = sandbox.book()
    times = Counter(line["reference"] for line in book)
    assert set(times.values()) == {1} and times.keys() >= answers.keys()
    names = {line["reference"]: line["acquirer_reference"] for line in book}
    assert all(names[ref] == answer["acquirer_reference"] for ref, answer in answers.items())
    repeated = [sandbox.approve("authorize", **body) for body in bodies]
    assert {x["reference"] for x in repeated if x.get("duplicate")} == times.keys()
    assert len(sandbox.book()) == 200


def test_tombstones_and_refund_delays_survive_kill_9(fresh: Callable[[], SandboxProcess]) -> None:
    sandbox = fresh()
    body = authorize_body()
    sandbox.approve_cancel(body["reference"])
    sale = sandbox.authorized("4000000000007726", capture=True)
    refund = new_reference()
    sandbox.post("refund", reference=refund, original=sale, amount=1, currency="usd")
    sandbox.kill()
    sandbox.start()
    assert sandbox.post("authorize", **body)[1]["error"] == "cancelled_reference"
    states = {"pending", "approved"}
    assert sandbox.inquire(refund)[1]["state"] in states
    eventually(lambda: sandbox.book()[-1]["state"] == "approved")


def test_a_graceful_stop_answers_what_it_has(fresh: Callable[[], SandboxProcess]) -> None:
    sandbox = fresh()
    sandbox.fault(operation="authorize", fault="delay", delay_ms=200)
    connection = sandbox.connect()
    connection.request("POST", "/v1/authorize", json.dumps(authorize_body()))
    eventually(lambda: sandbox.call("GET", "/health")[1]["operations"] == 1)
    sandbox.process.terminate()
    assert json.loads(connection.getresponse().read())["outcome"] == "approved"
    connection.close()
    assert sandbox.process.wait(10) == 0
    assert not (sandbox.directory / "book.sqlite3-wal").exists(), "the log was folded in"


def test_a_port_in_use_is_said_in_one_sentence(sandbox: SandboxProcess, tmp_path: Any) -> None:
    result = _start(sandbox.port, tmp_path)
    assert result.returncode == 1
    assert result.stderr == f"Port {sandbox.port} on 127.0.0.1 is already in use.\n"


def test_a_directory_in_use_is_said_in_one_sentence(sandbox: SandboxProcess) -> None:
    result = _start(0, sandbox.directory)
    assert result.returncode == 1
    assert result.stderr == f"Another sandbox is using {sandbox.directory}.\n"


def test_the_key_is_for_its_owner_only(sandbox: SandboxProcess) -> None:
    assert (sandbox.directory / "identity.json").stat().st_mode & 0o777 == 0o600


def _start(port: int, directory: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--data-dir", str(directory)]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)


def test_thousands_held_in_flight_survive_kill_9(fresh: Callable[[], SandboxProcess]) -> None:
    sandbox = fresh()
    count = 2_000
    sandbox.call("POST", "/control/hold", {"on": True})
    head = b"POST /v1/authorize HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"

    async def send() -> None:
        writers = []
        for _ in range(count):
            _, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
            body = json.dumps(authorize_body(capture=True)).encode()
            writer.write(head % len(body) + body)
            writers.append(writer)
        held = 0
        while held < count:
            await asyncio.sleep(0.02)
            held = (await asyncio.to_thread(sandbox.call, "GET", "/control/hold"))[1]["held"]
        sandbox.kill()
        for writer in writers:
            writer.close()

    asyncio.run(asyncio.wait_for(send(), 20))
    sandbox.start()
    assert sandbox.started["operations"] == len(sandbox.book()) == count
