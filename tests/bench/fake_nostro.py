"""A program with Nostro's command line and no payments in it, to test the benchmark's own course.

`up` answers payments on a socket, `keys create` prints keys, `verify` ends with 0, or with the
number in the file DATA/verify. There is no PostgreSQL in it: pgbench is then reported missing.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from bench.wire import HEAD_END
from tests.bench.answering_server import OK

HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer whatever comes until the connection ends."""
    try:
        while head := await reader.readuntil(HEAD_END):
            fields = [line.split(b": ") for line in head.lower().split(b"\r\n")]
            length = next((int(f[1]) for f in fields if f[0] == b"content-length"), 0)
            await reader.readexactly(length)
            writer.write(HEALTHY if head.startswith(b"GET") else OK)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def up(port: int) -> None:
    """Serve until terminated."""
    server = await asyncio.start_server(answer, "127.0.0.1", port)
    await server.serve_forever()


def main() -> int:
    """The three verbs the benchmark uses."""
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", nargs="+")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--count", type=int, default=1)
    options, _ = parser.parse_known_args()
    options.data_dir.mkdir(parents=True, exist_ok=True)
    if options.verb[0] == "up":
        asyncio.run(up(options.port))
    elif options.verb[0] == "keys":
        rows = ({"account": f"acct_{n}", "secret_key": f"sk_{n}"} for n in range(options.count))
        print("\n".join(map(json.dumps, rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
