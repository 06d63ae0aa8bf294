"""Each manner does what it says of itself; what we claim of it is what it does."""

import http.server
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nostro.acquirers.manners import FORGET_AFTER_MS, MANNERS
from nostro.wire.webhook_signature import verify
from sandbox import manners
from tests.sandbox.process import SandboxProcess, authorize_body, eventually

SECRET = "ntfsec_of_a_test"
Start = Callable[..., SandboxProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    made: list[SandboxProcess] = []

    def begin(manner: str, *options: str) -> SandboxProcess:
        made.append(SandboxProcess(tmp_path / "book", "--manner", manner, *options))
        return made[-1]

    yield begin
    for process in made:
        if process.process.poll() is None:
            assert process.terminate() == 0


def sales(sandbox: SandboxProcess, reference: str) -> list[str]:
    return [line["state"] for line in sandbox.book() if line["reference"] == reference]


def late(**changes: Any) -> dict[str, Any]:
    return authorize_body(capture=True, send_by=int(time.time() * 1000) - 1_000, **changes)


def test_what_we_claim_is_what_they_do() -> None:
    assert MANNERS.keys() == manners.MANNERS.keys()
    for name, claimed in MANNERS.items():
        manner = manners.MANNERS[name]
        assert claimed.inquiry == manner.answers_inquiries
        assert claimed.cancel_by_reference == manner.cancels
        assert claimed.honours_send_by == manner.honours_send_by
        assert claimed.notifies == manner.notifies
        assert claimed.replay_window_ms == manner.forget_after_ms
    assert manners.FORGET_AFTER_MS == FORGET_AFTER_MS


def test_one_that_honours_charges_a_reference_once(start: Start) -> None:
    sandbox, body = start("honours"), authorize_body(capture=True)
    sandbox.approve("authorize", **body)
    assert sandbox.approve("authorize", **body)["duplicate"] is True
    assert sales(sandbox, body["reference"]) == ["approved"]
    assert sandbox.post("authorize", **late())[1]["error"] == "rejected_late"


def test_one_that_forgets_charges_again_after_a_while(start: Start) -> None:
    sandbox, body = start("forgets", "--forget-after-ms", "300"), authorize_body(capture=True)
    sandbox.approve("authorize", **body)
    assert sandbox.inquire(body["reference"])[0] == 200
    assert sandbox.approve("authorize", **body)["duplicate"] is True
    eventually(lambda: sandbox.inquire(body["reference"])[0] == 404)
    assert "duplicate" not in sandbox.approve("authorize", **body)
    assert sales(sandbox, body["reference"]) == ["approved", "approved"], "charged twice"


def test_the_cancel_of_what_was_forgotten_cancels_nothing(start: Start) -> None:
    sandbox, body = start("forgets", "--forget-after-ms", "0"), authorize_body(capture=True)
    sandbox.approve("authorize", **body)
    assert sandbox.post("cancel", reference=body["reference"])[1]["tombstone"] is True
    assert sales(sandbox, body["reference"]) == ["approved"], "it says cancelled, and it stands"


def test_a_book_of_references_used_twice_is_not_one_that_honours(start: Start) -> None:
    sandbox, body = start("forgets", "--forget-after-ms", "0"), authorize_body(capture=True)
    sandbox.approve("authorize", **body)
    sandbox.approve("authorize", **body)
    assert sandbox.terminate() == 0
    with pytest.raises(json.JSONDecodeError):  # it ends before its first line
        start("honours")


def test_one_that_cannot_be_asked_still_honours(start: Start) -> None:
    sandbox, body = start("no-inquiry"), authorize_body(capture=True)
    sandbox.approve("authorize", **body)
    status, answer = sandbox.inquire(body["reference"])
    assert (status, answer["outcome"]) == (404, "rejected"), "no word of whether it is there"
    assert sandbox.approve("authorize", **body)["duplicate"] is True


def test_one_that_ignores_send_by_executes_what_comes_late(start: Start) -> None:
    body = late()
    sandbox = start("ignores-send-by")
    sandbox.approve("authorize", **body)
    assert sales(sandbox, body["reference"]) == ["approved"]


def test_a_mute_one_can_be_asked_nothing(start: Start) -> None:
    sandbox, body = start("mute"), authorize_body(capture=True)
    sandbox.approve("authorize", **body)
    assert sandbox.inquire(body["reference"])[1]["error"] == "no_such_path"
    assert sandbox.post("cancel", reference=body["reference"])[1]["error"] == "no_such_path"
    sandbox.approve("authorize", **body)
    assert sales(sandbox, body["reference"]) == ["approved", "approved"]


class Ear(http.server.BaseHTTPRequestHandler):
    """Takes notifications, after it has refused the first."""

    heard: list[tuple[bytes, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((body, self.headers["Nostro-Acquirer-Signature"]))
        self.send_response(500 if len(self.heard) == 1 else 200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def ear() -> Iterator[tuple[str, list[tuple[bytes, str]]]]:
    heard: list[tuple[bytes, str]] = []
    handler = type("OneEar", (Ear,), {"heard": heard})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/n", heard
    server.shutdown()
    server.server_close()
    thread.join()


def test_one_that_notifies_says_it_there_alone_and_until_it_is_heard(
    start: Start, ear: tuple[str, list[tuple[bytes, str]]], tmp_path: Path
) -> None:
    url, heard = ear
    (tmp_path / "secret").write_text(SECRET)
    options = ("--notify-url", url, "--notify-secret-file", str(tmp_path / "secret"))
    sandbox, body = start("notifies-only", *options), authorize_body(capture=True)
    status, answer = sandbox.post("authorize", **body)
    assert (status, answer["outcome"], answer["state"]) == (200, "pending", "pending")
    assert "authorization_code" not in answer
    assert sandbox.inquire(body["reference"])[1]["error"] == "no_such_path"
    eventually(lambda: len(heard) == 2)
    (first, _), (again, signature) = heard
    assert first == again
    verify(signature, again, [SECRET], int(time.time()))
    told = json.loads(again)
    assert (told["reference"], told["outcome"], told["amount"]) == (
        body["reference"], "approved", 2000,
    )  # fmt: skip
    eventually(lambda: taken(sandbox) == 1)
    sandbox.kill()
    sandbox.start()
    time.sleep(0.2)
    assert len(heard) == 2, "what was taken is not told again after a restart"


def taken(sandbox: SandboxProcess) -> int:
    """How many notifications it has written down as taken."""
    with closing(sqlite3.connect(sandbox.directory / "book.sqlite3")) as book:
        return int(book.execute("SELECT count(*) FROM notified").fetchone()[0])


def test_one_that_notifies_has_to_know_where(tmp_path: Path) -> None:
    with pytest.raises(json.JSONDecodeError):
        SandboxProcess(tmp_path / "book", "--manner", "notifies-only")
