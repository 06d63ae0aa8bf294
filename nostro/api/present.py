"""A rendered body as one caller is answered: at its version, with what it asked to expand.

`freeze` keeps what that used, so that a saved answer can be shown again to the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nostro.api import snapshots, versions
from nostro.api.expand import Paths, expand
from nostro.api.versions import Fetch, Fetched
from nostro.kernel.clock import BusinessTime

_NOW = "now"
_encode = msgspec.json.Encoder().encode


async def present(
    body: dict[str, Any], version: str, paths: Paths, fetch: Fetch, now: BusinessTime
) -> tuple[dict[str, Any], dict[str, Fetched]]:
    """The body at that version and expanded, and the rows and lists it took.

    Costs nothing if neither is asked.
    """
    used: dict[str, Fetched] = {}
    old = not versions.is_newest(version)
    if old:  # first, because an older version has properties that can be expanded through
        body, used = await versions.adapted(body, version, fetch, now)
    if paths:
        used.update(await expand(body, paths, fetch, now))
        if old:
            body, more = await versions.adapted(body, version, fetch, now)
            used.update(more)
    return body, used


def freeze(used: Mapping[str, Fetched], now: BusinessTime) -> dict[str, str]:
    """What a presentation used, as snapshots by id or list URL, and its time."""
    return {_NOW: str(now)} | {key: _encode(found).decode() for key, found in used.items()}


def thaw(related: Mapping[str, str]) -> tuple[Fetch, BusinessTime]:
    """A fetch that finds only what was frozen, and the time it was shown at."""

    async def fetch(keys: Sequence[str]) -> Mapping[str, Fetched]:
        return {key: _thawed(related[key]) for key in keys if key in related}

    return fetch, BusinessTime(int(related[_NOW]))


def _thawed(text: str) -> Fetched:
    return snapshots.decode_list(text) if text.startswith("[") else snapshots.decode(text)
