"""The network: is the sandbox reachable, does a running API answer, are the ports free?"""

from __future__ import annotations

import aiohttp

from nostro.cli.doctor.line import Line, fail, ok, warn
from nostro.cli.instance import Instance
from nostro.cli.ports import why_taken
from nostro.config import Settings

ASK = aiohttp.ClientTimeout(total=3)


async def sandbox(url: str, expected: bool) -> Line:
    """Does the sandbox acquirer answer? Where nothing runs it need not."""
    if await _is_healthy(url):
        return ok("sandbox", f"answers at {url}")
    verdict = fail if expected else warn
    return verdict("sandbox", f"no answer at {url}", "Start `nostro up`, or give --sandbox-url.")


async def api(running: Instance) -> list[Line]:
    """Does the API of the running instance answer?"""
    if await _is_healthy(running.url):
        return [ok("api", f"answers at {running.url} (process {running.pid})")]
    advice = "Look at what `nostro up` printed; it starts the API again when it ends."
    return [fail("api", f"no answer at {running.url}", advice)]


def ports(settings: Settings) -> list[Line]:
    """Are the ports free that `nostro up` will take?"""
    wanted = [("port", settings.host, settings.port)]
    if settings.sandbox_url is None:
        wanted.append(("sandbox port", "127.0.0.1", settings.sandbox_port))
    return [_port(*each) for each in wanted]


def _port(check: str, host: str, number: int) -> Line:
    why = why_taken(host, number)
    if why is None:
        return ok(check, f"{number} is free")
    advice = f"End what uses it, or choose another with --{check.replace(' ', '-')}."
    return warn(check, f"{number} cannot be taken: {why}", advice)


async def _is_healthy(url: str) -> bool:
    try:
        async with aiohttp.ClientSession(timeout=ASK) as http, http.get(f"{url}/health") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
