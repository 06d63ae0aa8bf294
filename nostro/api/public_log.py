"""/nostro/v1/log: a book's log as anyone may read it, without a key: checkpoint, public keys, consistency proofs, tiles
(c2sp.org/tlog-tiles).

There are only hashes and signatures in it. The same files are in the log directory, for a server of static files.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

from falcon.asgi import Response

from nostro.audit import signed
from nostro.audit.keys import public_keys
from nostro.audit.merkle import HASH_BYTES
from nostro.audit.tiles import WIDTH, Tile
from nostro.kernel.ports import Reader
from nostro.ledger import log, proving
from nostro.ledger.proving import NothingToProve, NotYetSigned

BOOK_MAX = 65_535
LEVEL_MAX = 7
_BOOK = re.compile(r"0|[1-9][0-9]{0,4}", re.ASCII)
_NUMBER = re.compile(r"(?:x[0-9]{3}/){0,6}[0-9]{3}", re.ASCII)
_CONSISTENCY = re.compile(r"consistency/([1-9][0-9]{0,17})/([1-9][0-9]{0,17})", re.ASCII)
_FOREVER = "public, max-age=31536000, immutable"
_BRIEFLY = "public, max-age=2"


class Found(Protocol):
    """Where the services are, once they are open."""

    services: Any


class PublicLog:
    """Answers every path below `/nostro/v1/log/`."""

    def __init__(self, holder: Found) -> None:
        self._holder = holder

    async def serve(self, response: Response, number: str, what: str) -> bool:
        """Answer if there is such a file; whether there was. A book's number has one spelling."""
        reader: Reader = self._holder.services.reader
        if not _BOOK.fullmatch(number) or int(number) > BOOK_MAX:
            return False
        book = int(number)
        kind, cache = "text/plain; charset=utf-8", _BRIEFLY
        if what == "checkpoint":
            newest = await signed.newest(reader, book)
            data = newest.note.encode() if newest else None
        elif what == "keys":
            lines = [f"{key.vkey}\n" for key in await public_keys(reader, book)]
            data = "".join(lines).encode() if lines else None
        elif sizes := _CONSISTENCY.fullmatch(what):
            kind, cache = "application/json", _FOREVER
            data = await _consistency(reader, book, int(sizes[1]), int(sizes[2]))
        else:
            kind, cache = "application/octet-stream", _FOREVER
            data = await _tile(reader, book, what)
        if data is None:
            return False
        response.data, response.content_type = data, kind
        response.set_header("Cache-Control", cache)
        return True


async def _consistency(reader: Reader, book: int, old: int, new: int) -> bytes | None:
    """The proof between two checkpoints that were signed."""
    try:
        first = await proving.checkpoint_of(reader, book, old)
        return await proving.consistency(reader, book, first.note, old, new)
    except (NothingToProve, NotYetSigned):
        return None


async def _tile(reader: Reader, book: int, path: str) -> bytes | None:
    tile = parse_tile(path)
    newest = await signed.newest(reader, book) if tile else None
    if tile is None or newest is None:
        return None
    if (tile.number * WIDTH + tile.width) << (8 * tile.level) > newest.size:
        return None  # what is not signed is not given out
    data = await log.tile_bytes(reader, book, tile)
    return data if len(data) == tile.width * HASH_BYTES else None


def parse_tile(path: str) -> Tile | None:
    """The tile of `tile/<level>/<number>[.p/<width>]`, if it is one in its one spelling."""
    parts = path.split("/", 2)
    if len(parts) != 3 or parts[0] != "tile" or not re.fullmatch(f"[0-{LEVEL_MAX}]", parts[1]):
        return None
    number, partial, width = parts[2].partition(".p/")
    if not _NUMBER.fullmatch(number) or (partial and not re.fullmatch(r"[1-9][0-9]{0,2}", width)):
        return None
    digits = int(number.replace("x", "").replace("/", ""))
    tile = Tile(int(parts[1]), digits, int(width) if partial else WIDTH)
    if tile.width > WIDTH or (partial and tile.width == WIDTH):
        return None
    return tile if tile.path == path else None
