"""Where a running `nostro up` is: a file in the data directory, read by commands given nothing but that.

It holds addresses, no secret, and goes when its `up` stops; one left behind by a crash names a process that is gone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from nostro.config import Settings

FILE = "up.json"


class Instance(msgspec.Struct, frozen=True):
    """A running `nostro up`."""

    pid: int
    url: str
    sandbox_url: str
    acquirers: dict[str, str] = {}  # the URL of each, by name


def announce(settings: Settings, acquirers: Mapping[str, str]) -> None:
    """Say where this process's API and acquirers are."""
    url = f"http://{settings.host}:{settings.port}"
    here = Instance(os.getpid(), url, settings.acquirer_url, dict(acquirers))
    new = settings.data_dir / f"{FILE}.new"
    new.write_bytes(msgspec.json.encode(here))
    new.replace(settings.data_dir / FILE)


def withdraw(settings: Settings) -> None:
    """It is no longer there."""
    (settings.data_dir / FILE).unlink(missing_ok=True)


def was_killed(data_dir: Path) -> bool:
    """Whether the last `nostro up` of this data directory ended without stopping what it had started."""
    return (data_dir / FILE).exists() and find(data_dir) is None


def find(data_dir: Path) -> Instance | None:
    """The `nostro up` that runs in this data directory, if one does."""
    try:
        found = msgspec.json.decode((data_dir / FILE).read_bytes(), type=Instance)
        os.kill(found.pid, 0)
    except (OSError, msgspec.MsgspecError):
        return None
    return found
