"""The ports a program is about to listen on: are they free?

It is looked at before anything is started, so that a person reads one sentence and not a child's log. Two installations
never share a port: the second cannot bind it.
"""

from __future__ import annotations

import asyncio
import socket

from nostro.kernel.errors import Misconfigured

POLL_SECONDS = 0.05


def door(option: str, host: str, port: int) -> socket.socket:
    """A socket bound there. Raises Misconfigured with the option that chooses another port."""
    try:
        return _bound(host, port)
    except OSError as error:
        raise _taken(option, host, port, error.strerror) from None


def why_taken(host: str, port: int) -> str | None:
    """Why nobody can listen there now; None if somebody can."""
    try:
        _bound(host, port).close()
    except OSError as error:
        return error.strerror
    return None


async def claim(option: str, host: str, port: int, patience_seconds: float = 0.0) -> None:
    """Wait that long for the port at most. Raises Misconfigured with the option that chooses another."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_seconds
    while (why := why_taken(host, port)) is not None:
        if loop.time() >= deadline:
            raise _taken(option, host, port, why)
        await asyncio.sleep(POLL_SECONDS)


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def _taken(option: str, host: str, port: int, why: str | None) -> Misconfigured:
    return Misconfigured(
        f"port {port} of {host} cannot be taken: {why}. End what uses it, "
        f"or choose another with {option}"
    )
