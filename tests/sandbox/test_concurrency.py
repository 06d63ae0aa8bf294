"""Limits and single effects when many requests arrive at once."""

import asyncio
import json
from typing import Any

import aiohttp

from tests.sandbox.process import SandboxProcess, authorize_body, new_reference


async def _post_all(sandbox: SandboxProcess, path: str, bodies: list[dict[str, Any]]) -> list[int]:
    url = f"http://127.0.0.1:{sandbox.port}{path}"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32)) as session:

        async def post(body: dict[str, Any]) -> int:
            async with session.post(url, json=body) as response:
                await response.read()
                return response.status

        return list(await asyncio.gather(*map(post, bodies)))


def post_all(sandbox: SandboxProcess, path: str, bodies: list[dict[str, Any]]) -> list[int]:
    return asyncio.run(_post_all(sandbox, path, bodies))


def test_concurrent_refunds_never_exceed_the_capture(sandbox: SandboxProcess) -> None:
    sale = sandbox.authorized(capture=True, amount=1000)
    body = {"original": sale, "amount": 30, "currency": "usd"}
    statuses = post_all(
        sandbox, "/v1/refund", [body | {"reference": new_reference()} for _ in range(100)]
    )
    assert statuses.count(200) == 33 and statuses.count(409) == 67
    assert sandbox.inquire(sale)[1]["refunded"] == 990


def test_concurrent_captures_never_exceed_the_authorization(sandbox: SandboxProcess) -> None:
    original = sandbox.authorized(amount=1000)
    body = {"original": original, "amount": 300, "currency": "usd", "final": False}
    statuses = post_all(
        sandbox, "/v1/capture", [body | {"reference": new_reference()} for _ in range(50)]
    )
    assert statuses.count(200) == 3
    assert sandbox.inquire(original)[1]["captured"] == 900


def test_one_reference_sent_many_times_at_once_is_one_operation(sandbox: SandboxProcess) -> None:
    body = authorize_body(capture=True)
    assert set(post_all(sandbox, "/v1/authorize", [body] * 50)) == {200}
    lines = [line for line in sandbox.book() if line["reference"] == body["reference"]]
    assert len(lines) == 1


def test_a_cancel_and_a_capture_at_once_leave_one_winner(sandbox: SandboxProcess) -> None:
    for _ in range(5):
        original = sandbox.authorized()
        capture = {"reference": new_reference(), "original": original, "amount": 2000}
        capture |= {"currency": "usd", "final": True}

        async def race(
            original: str = original, capture: dict[str, Any] = capture
        ) -> tuple[list[int], list[int]]:
            return await asyncio.gather(
                _post_all(sandbox, "/v1/capture", [capture]),
                _post_all(sandbox, "/v1/cancel", [{"reference": original}]),
            )

        assert sorted(status for [status] in asyncio.run(race())) == [200, 409]


def test_pipelined_requests_are_answered_in_order(sandbox: SandboxProcess) -> None:
    async def pipeline() -> list[str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
        bodies = [json.dumps(authorize_body()).encode() for _ in range(60)]
        head = b"POST /v1/authorize HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
        writer.write(b"".join(head % len(body) + body for body in bodies))
        answers = []
        for _ in bodies:
            headers = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(headers.split("content-length: ")[1].split("\r\n")[0])
            answers.append(json.loads(await reader.readexactly(length))["reference"])
        writer.close()
        assert answers == [json.loads(body)["reference"] for body in bodies]
        return answers

    assert len(set(asyncio.run(asyncio.wait_for(pipeline(), 10)))) == 60


def test_hold_withholds_answers_of_durable_operations(sandbox: SandboxProcess) -> None:
    assert sandbox.call("POST", "/control/hold", {"on": True})[0] == 200
    bodies = [authorize_body(capture=True) for _ in range(20)]

    async def held() -> tuple[int, list[int]]:
        sending = asyncio.create_task(_post_all(sandbox, "/v1/authorize", bodies))
        count = 0
        while count < len(bodies):
            await asyncio.sleep(0.01)
            count = (await asyncio.to_thread(sandbox.call, "GET", "/control/hold"))[1]["held"]
        assert not sending.done()
        references = {line["reference"] for line in await asyncio.to_thread(sandbox.book)}
        assert references >= {body["reference"] for body in bodies}
        await asyncio.to_thread(sandbox.call, "POST", "/control/hold", {"on": False})
        return count, await sending

    count, statuses = asyncio.run(asyncio.wait_for(held(), 10))
    assert count == 20 and set(statuses) == {200}
