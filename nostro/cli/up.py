"""What `nostro up` does: start the database, migrate, make sure of the first account, then keep the others running."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from rich.console import Console

from nostro.acquirers.places import FIRST, Place
from nostro.cli import instance, ports
from nostro.cli.processes import STOP_SECONDS, Child, python
from nostro.cli.programs import print_json
from nostro.config import Settings, without_secrets
from nostro.kernel.errors import Misconfigured

READY_POLL_SECONDS = 0.02
console = Console(highlight=False, soft_wrap=True)


async def keep_up(
    settings: Settings,
    sandboxes: Sequence[Place],
    environment: Mapping[str, str],
    secret_key: str,
    as_json: bool,
) -> int:
    """Run the children until a signal asks to stop; stop them in the order of dependence.

    Returns the exit code: 1 if it ended because a child, which has said why, is misconfigured.
    """
    children = [
        *[_sandbox(settings, place, environment) for place in sandboxes],
        Child("api", python("nostro.bootstrap.child", "api"), environment),
        Child("worker", python("nostro.bootstrap.child", "worker"), environment),
    ]  # fmt: skip
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    for child in children:
        child.start(give_up=stop.set)
    if await _ready(settings, sandboxes, stop):
        welcome_as_json(settings, secret_key) if as_json else welcome(settings, secret_key)
    await stop.wait()
    misconfigured = any(child.misconfigured for child in children)
    if not as_json and not misconfigured:
        console.print("Stopping.")
    for child in reversed(children):
        await child.stop()
    return int(misconfigured)


def refuse_ports(settings: Settings, sandboxes: Sequence[Place]) -> None:
    """Raises Misconfigured if two programs ask for one port, or a sandbox for any free one, which the others would not know."""
    if sandboxes and settings.sandbox_port == 0:
        raise Misconfigured("`nostro up` gives its sandbox a port: --sandbox-port is 1 or more")
    for place in sandboxes:
        if _port(place) == settings.port:
            raise Misconfigured(
                f"port {settings.port} is asked for twice, by the API (--port) and by the acquirer"
                f" {place.name} (--sandbox-port): give another of the two"
            )


async def claim_ports(settings: Settings, sandboxes: Sequence[Place]) -> None:
    """Raises Misconfigured if a port is another's. The children of a killed `up` are given the time to end."""
    patience = STOP_SECONDS if instance.was_killed(settings.data_dir) else 0.0
    await ports.claim("--port", settings.host, settings.port, patience)
    for place in sandboxes:
        await ports.claim("--sandbox-port", "127.0.0.1", _port(place), patience)


def _sandbox(settings: Settings, place: Place, environment: Mapping[str, str]) -> Child:
    directory = settings.data_dir / ("sandbox" if place.name == FIRST else f"sandbox-{place.name}")
    manner, _, window = place.manner.partition(":")
    command = ["--port", str(_port(place)), "--data-dir", str(directory), "--manner", manner]
    if window:
        command += ["--forget-after-ms", window]
    if place.capabilities.notifies:
        url = f"http://{settings.host}:{settings.port}/nostro/v1/notifications/{place.name}"
        secret = str(settings.data_dir / place.notification_key)
        command += ["--notify-url", url, "--notify-secret-file", secret]
    return Child(place.name, python("sandbox", *command), without_secrets(environment))


def _port(place: Place) -> int:
    return urlsplit(place.url).port or 80


async def _ready(settings: Settings, sandboxes: Sequence[Place], stop: asyncio.Event) -> bool:
    """Wait until the API and the acquirers take connections; False if asked to stop before."""
    doors: list[tuple[str | None, int | None]] = [(settings.host, settings.port)]
    first = urlsplit(settings.acquirer_url)
    if settings.acquirers is None:
        doors.append((first.hostname, first.port))
    doors += [("127.0.0.1", _port(place)) for place in sandboxes[1:]]
    while doors and not stop.is_set():
        doors = [door for door in doors if not await _open(*door)]
        await asyncio.sleep(READY_POLL_SECONDS)
    return not stop.is_set()


async def _open(host: str | None, port: int | None) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


def welcome_as_json(settings: Settings, secret_key: str) -> None:
    """The same for programs, as one line."""
    url = f"http://{settings.host}:{settings.port}"
    print_json({"url": url, "sandbox_url": settings.acquirer_url, "secret_key": secret_key})


def welcome(settings: Settings, secret_key: str) -> None:
    """The key, a first charge, and where to look next."""
    url = f"http://{settings.host}:{settings.port}"
    console.print(f"""
[bold]Nostro is up[/bold] at {url}, the sandbox acquirer at {settings.acquirer_url}.

  Secret key   {secret_key}

A first charge:

  curl {url}/v1/payment_intents -u {secret_key}: \\
    -d amount=2000 -d currency=usd -d payment_method=pm_card_visa -d confirm=true

Next:  `nostro demo` shows the whole story · `nostro verify` proves the books ·
       docs/tutorial is a walk through all of it. Ctrl-C stops everything; data stay in {settings.data_dir}.
""")
