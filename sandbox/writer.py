"""Group commit: requests gather while the disk works, are decided together, and share one flush.

Everything but the flush runs on the event loop's thread, so decisions are serial without a lock.
While the flush runs in the writer's own thread, the loop goes on reading requests. No answer is
given before the batch it belongs to is durable. If the book cannot be written, the program stops:
nothing is answered that is not in the book, and what is in the book is there after a restart.
"""

import asyncio
import os
import queue
import threading
import time
from collections.abc import Callable

from sandbox.answers import Reply, render, render_refusal
from sandbox.book import Book
from sandbox.decisions import Refusal, decide, references_of
from sandbox.identity import Identity
from sandbox.journal import journal
from sandbox.messages import Request
from sandbox.model import Batch

Respond = Callable[[Reply], None]
_BATCH_MAX = 256
_EXIT_BOOK_FAILED = 74  # sysexits.h EX_IOERR


class Writer:
    """The only one who changes the book."""

    def __init__(self, book: Book, identity: Identity) -> None:
        """Must be made on the event loop's thread."""
        self.book = book
        self.batches = 0
        self._identity = identity
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[Request, Respond]] = []
        self._is_busy = False
        self._idle = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._to_flush: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._replies: list[tuple[Respond, Reply]] = []
        self._thread = threading.Thread(target=self._flush_forever, name="flush", daemon=True)
        self._thread.start()
        self._wake()

    def submit(self, request: Request, respond: Respond) -> None:
        """Queue a request; ``respond`` is called once, when the answer is durable."""
        self._waiting.append((request, respond))
        if not self._is_busy:
            self._wake()

    async def close(self) -> None:
        """Answer everything queued, then close the book."""
        while self._is_busy or self._waiting:
            self._idle.clear()
            await self._idle.wait()
        self._to_flush.put(None)
        self._thread.join()
        if self._timer is not None:
            self._timer.cancel()
        self.book.close()

    def _wake(self) -> None:
        self._is_busy = True
        self._loop.call_soon(self._run_batch)

    def _run_batch(self) -> None:
        try:
            self._decide_batch()
        except BaseException as failure:  # noqa: BLE001 - whatever it is, stop
            _stop(failure)

    def _decide_batch(self) -> None:
        requests, self._waiting = self._waiting[:_BATCH_MAX], self._waiting[_BATCH_MAX:]
        batch = self.book.begin([name for r, _ in requests for name in references_of(r)])
        self._replies = [(respond, self._reply(batch, request)) for request, respond in requests]
        self.batches += 1
        if batch.is_dirty:
            self.book.write(batch)
            self._to_flush.put(batch)
        else:
            self._finish()

    def _reply(self, batch: Batch, request: Request) -> Reply:
        try:
            return render(decide(batch, request, self._identity), self._identity)
        except Refusal as refusal:
            return render_refusal(refusal, self._identity)

    def _flush_forever(self) -> None:
        while (batch := self._to_flush.get()) is not None:
            try:
                self.book.commit(batch)
            except BaseException as failure:  # noqa: BLE001 - whatever it is, stop
                _stop(failure)
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        replies, self._replies = self._replies, []
        for respond, reply in replies:
            respond(reply)
        if self._waiting:
            self._loop.call_soon(self._run_batch)
            return
        self._is_busy = False
        self._idle.set()
        self._sleep_until_next_maturity()

    def _sleep_until_next_maturity(self) -> None:
        due_ms = self.book.next_maturity_ms()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due_ms is not None:
            delay = max(0, due_ms - time.time_ns() // 1_000_000) / 1000 + 0.001
            self._timer = self._loop.call_later(delay, self._mature)

    def _mature(self) -> None:
        if not self._is_busy:
            self._wake()


def _stop(failure: BaseException) -> None:
    journal("book_failed", error=repr(failure))
    os._exit(_EXIT_BOOK_FAILED)
