"""A webhook reaches public servers, and a developer's own; nothing inside the house by any spelling."""

import asyncio
import socket
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from nostro.events.sender import WebhookSender
from nostro.events.targets import LIVE, LOCAL, TEST, Policy, address_refusal, url_refusal
from nostro.kernel.ports import SendFailed
from tests.events.receiver import Receiver, receiver, statuses


class Names(AbstractResolver):
    """A resolver under the attacker's control: each question gets the next answer."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for address in found
        ]

    async def close(self) -> None:
        pass


async def send(url: str, policy: Policy, **options: Any) -> int:
    sender = WebhookSender(policy, **options)
    try:
        return await sender.post(url, b"{}", {"X-Probe": "1"})
    finally:
        await sender.close()


def refused(url: str, policy: Policy, **options: Any) -> str:
    with pytest.raises(SendFailed) as caught:
        asyncio.run(send(url, policy, **options))
    return str(caught.value)


def reached(policy: Policy, path: str, **options: Any) -> tuple[str, Receiver]:
    """What came of sending to a receiver of ours under another spelling of its address."""

    async def scenario() -> tuple[str, Receiver]:
        async with receiver() as server:
            try:
                status = await send(path.format(port=server.port), policy, **options)
            except SendFailed as error:
                return str(error), server
            return str(status), server

    return asyncio.run(scenario())


def test_a_local_developer_is_reached() -> None:
    for spelling in ("http://127.0.0.1:{port}/", "http://localhost:{port}/"):
        answer, server = reached(LOCAL, spelling)
        assert answer == "200"
        assert server.bodies == [b"{}"]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1",
     "127.0.0.01", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "0", "127.0.0.1.", "①②⑦.0.0.1"],
)  # fmt: skip
def test_our_own_machine_is_refused_however_it_is_written(host: str) -> None:
    answer, server = reached(TEST, "http://" + host + ":{port}/")
    assert not answer.isdigit()
    assert server.bodies == []


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "172.16.0.1", "192.168.1.1", "127.9.9.9", "169.254.169.254", "100.64.0.1",
     "100.127.255.254", "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "0.0.0.0",
     "192.0.0.8", "198.18.0.1", "203.0.113.9", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
     "fd12::1", "ff02::1", "::ffff:8.8.8.8", "::8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b:1::1",
     "2002:808:808::1", "2001:0:808:808::1", "2001:db8::1", "fec0::1", "127.1", "localhost"],
)  # fmt: skip
def test_an_address_inside_is_refused(address: str) -> None:
    assert address_refusal(address, LIVE)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert address_refusal(address, LIVE) is None


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "0.0.0.0", "::", "224.0.0.1", "::ffff:127.0.0.1", "fe80::1"]
)
def test_even_a_developer_may_not_name_these(address: str) -> None:
    assert address_refusal(address, LOCAL)


def test_a_name_that_resolves_inside_is_refused() -> None:
    answer, server = reached(TEST, "http://shop.example:{port}/", resolver=Names(["127.0.0.1"]))
    assert "not a public address" in answer
    assert server.bodies == []


def test_one_bad_address_among_good_ones_spoils_the_name() -> None:
    mixed = Names(["93.184.215.14", "10.0.0.1"])
    assert "10.0.0.1" in refused("http://shop.example/", TEST, resolver=mixed)


def test_a_name_that_changes_its_mind_is_judged_each_time_it_is_asked() -> None:
    async def scenario() -> None:
        async with receiver() as server:
            names = Names(["127.0.0.1"], ["169.254.169.254"])
            sender = WebhookSender(LOCAL, resolver=names)
            url = f"http://shop.example:{server.port}/"
            assert await sender.post(url, b"{}", {}) == 200
            assert await sender.post(url, b"{}", {}) == 200  # the very connection that was judged
            await sender.close()
            sender = WebhookSender(LOCAL, resolver=names)
            with pytest.raises(SendFailed):
                await sender.post(url, b"{}", {})
            await sender.close()
            assert len(server.bodies) == 2

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("url", "policy"),
    [
        ("http://shop.example/", LIVE),
        ("https://shop.example:8443/", LIVE),
        ("https://user:pass@shop.example/", LIVE),
        ("https://user@shop.example/", LOCAL),
        ("ftp://shop.example/", LOCAL),
        ("file:///etc/passwd", LOCAL),
        ("unix:///tmp/x", LOCAL),
        ("https://", LIVE),
        ("shop.example", LIVE),
        ("https://[::1", LIVE),
        ("https://shop.example:99999/", LOCAL),
        ("http://127.0.0.1:4242/", Policy(True, False, None, frozenset({4242}))),
    ],
)
def test_a_url_of_the_wrong_shape_is_refused(url: str, policy: Policy) -> None:
    assert url_refusal(url, policy)
    assert refused(url, policy)


def test_an_ordinary_url_has_the_right_shape() -> None:
    assert url_refusal("https://shop.example/hooks?x=1", LIVE) is None
    assert url_refusal("https://bücher.example/", LIVE) is None


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async def redirect(number: int) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async def scenario() -> None:
        async with receiver(redirect) as server:
            assert await send(server.url, LOCAL) == 302
            assert len(server.bodies) == 1

    asyncio.run(scenario())


def test_a_proxy_in_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    assert reached(LOCAL, "http://127.0.0.1:{port}/")[0] == "200"


def test_an_endless_answer_is_cut_off() -> None:
    sent = 0

    async def scenario() -> None:
        async def flood(number: int) -> web.StreamResponse:
            nonlocal sent
            response = web.StreamResponse()
            await response.prepare(server.request)
            while sent < 100_000_000:
                await response.write(b"x" * 65_536)
                sent += 65_536
            return response

        class Flooded(Receiver):
            request: web.Request

        async with receiver() as plain:
            server = Flooded()
            app = web.Application()

            async def handle(request: web.Request) -> web.StreamResponse:
                server.request = request
                return await flood(1)

            app.router.add_post("/", handle)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            assert await send(url, LOCAL) == 200
            await runner.cleanup()
            assert plain.bodies == []

    asyncio.run(scenario())
    assert sent < 20_000_000  # what fits into the buffers of both ends, not all of it


def test_a_silent_server_is_not_waited_for() -> None:
    async def silent(number: int) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async def scenario() -> None:
        async with receiver(silent) as server:
            with pytest.raises(SendFailed, match="no answer in time"):
                await send(server.url, LOCAL, deadline_ms=200)

    asyncio.run(scenario())


def test_a_closed_port_is_a_failure_and_no_exception_of_the_network() -> None:
    assert refused("http://127.0.0.1:1/", LOCAL)


def test_an_error_of_the_server_is_an_answer() -> None:
    async def scenario() -> None:
        async with receiver(statuses(500)) as server:
            assert await send(server.url, LOCAL) == 500

    asyncio.run(scenario())
