"""Group commit seen from inside: nobody is answered before another connection can see the row."""

import asyncio
from pathlib import Path

from sandbox.answers import Reply
from sandbox.book import Book, Reader
from sandbox.identity import Identity
from sandbox.messages import Authorize, Card
from sandbox.writer import Writer

IDENTITY = Identity("00000001", b"k" * 32)


def test_an_answer_is_given_only_after_its_row_is_committed(tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite3"
    count = 600
    seen: list[bool] = []

    async def submit_all() -> None:
        book = Book(path, refund_delay_ms=0)
        reader = Reader(path)
        writer = Writer(book, IDENTITY)
        for number in range(1, count + 1):

            def respond(reply: Reply, number: int = number) -> None:
                row = reader.rows("book_page", number - 1, 1).fetchone()
                seen.append(reply.status == 200 and row is not None and row[1] == f"r{number}")

            card = Card("4242424242424242", 12, 2040)
            request = Authorize(f"r{number}", 100, "usd", card, capture=True, merchant="m")
            writer.submit(request, respond)
        await writer.close()
        assert writer.batches < 10, "requests share flushes"
        reader.close()
        book.close()

    asyncio.run(asyncio.wait_for(submit_all(), 10))
    assert seen == [True] * count
