"""The embedded PostgreSQL alone, started as `nostro up` starts it: enough to measure the ledger."""

import asyncio
import threading
from pathlib import Path

from nostro.db.embedded import EmbeddedPostgres


class Server:
    """One server in a data directory. It lives as long as the thread that started it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._postgres = EmbeddedPostgres(data_dir)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Start it. Raises what EmbeddedPostgres.start raises."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._postgres.start(), self._loop).result()

    def stop(self) -> None:
        """Stop it. May be called at any time."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._postgres.stop(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
