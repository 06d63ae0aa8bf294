"""The ports a program is about to listen on: are they free?

The HTTP server shares its port with whoever else asks to share it, so it would not notice. Two installations on one port
get each other's requests, and each other's card payments: so it is looked at first.
"""

from __future__ import annotations

import asyncio
import socket

from nostro.kernel.errors import Misconfigured

POLL_SECONDS = 0.05


def why_taken(host: str, port: int) -> str | None:
    """Why nobody can listen there now; None if somebody can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.strerror
    return None


async def claim(option: str, host: str, port: int, patience_seconds: float = 0.0) -> None:
    """Wait that long for the port at most. Raises Misconfigured with the option that chooses another."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_seconds
    while (why := why_taken(host, port)) is not None:
        if loop.time() >= deadline:
            raise Misconfigured(
                f"port {port} of {host} cannot be taken: {why}. End what uses it, "
                f"or choose another with {option}"
            )
        await asyncio.sleep(POLL_SECONDS)
