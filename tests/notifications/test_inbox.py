"""The inbox behind the API: an acquirer that can be asked nothing settles by its word; from any other it is a hint."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.acquirer import Acquirer, until
from tests.api.client import Api
from tests.notifications.told import body, signed
from tests.server import Server

INTENTS = "/v1/payment_intents"
SALE = {"amount": "2000", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}


@pytest.fixture(scope="module")
def notified() -> Iterator[Server]:
    """A server whose acquirer says everything by notification."""
    with Server.start("--sandbox-manner", "notifies-only") as started:
        yield started
        command = [sys.executable, "-m", "nostro", "verify", "--data-dir", str(started.data_dir)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout


@pytest.fixture
def api(notified: Server) -> Iterator[Api]:
    yield Api(notified)
    withhold(notified, False)


def withhold(server: Server, on: bool) -> None:
    Acquirer(server)._ask("POST", "/control/notifications", {"on": on})


def secret(server: Server, name: str = "sandbox") -> str:
    return (server.data_dir / f"notifications-{name}.key").read_text().strip()


def tell(server: Server, told: bytes, signature: str | None = None, name: str = "sandbox") -> int:
    """Post a notification; its signature is good unless another is given."""
    header = signed(told, secret(server, name)) if signature is None else signature
    request = urllib.request.Request(
        f"{server.url}/nostro/v1/notifications/{name}", told,
        {"Nostro-Acquirer-Signature": header, "Content-Type": "application/json"},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def status(api: Api, intent: str) -> str:
    return str(api.get(f"{INTENTS}/{intent}")["status"])


def reference(server: Server, intent: str, mark: int) -> str:
    """What the acquirer knows the newest payment as."""
    lines = Acquirer(server).since(mark)
    assert len(lines) == 1, intent
    return str(lines[0]["reference"])


def queues(server: Server) -> Any:
    return _asked(server)["queues"]


def told_of(server: Server) -> Any:
    return _asked(server)["notifications"]


def closed(server: Server, note: str) -> int:
    """The exit code of closing it."""
    words = ["--notification", note, "--reason", "seen", "--book", "1"]
    command = [sys.executable, "-m", "nostro", "close-notification", *words, "--data-dir"]
    return subprocess.run(
        [*command, str(server.data_dir)], check=False, capture_output=True, timeout=60
    ).returncode


def _asked(server: Server) -> Any:
    command = [sys.executable, "-m", "nostro", "queues", "--json", "--data-dir"]
    done = subprocess.run(
        [*command, str(server.data_dir)], check=True, capture_output=True, text=True, timeout=60
    )
    return json.loads(done.stdout)


def test_a_payment_and_its_refund_are_settled_by_notification(api: Api) -> None:
    first = api.post(INTENTS, SALE, idempotency_key=secrets.token_hex(8))
    assert first["status"] in ("processing", "succeeded")
    until(lambda: status(api, first["id"]) == "succeeded")
    refund = api.post("/v1/refunds", {"payment_intent": first["id"]})
    until(lambda: bool(api.get(f"/v1/refunds/{refund['id']}")["status"] == "succeeded"))


def test_a_manual_one_is_authorized_and_captured_so(api: Api) -> None:
    held = api.post(INTENTS, SALE | {"capture_method": "manual"})
    until(lambda: status(api, held["id"]) == "requires_capture")
    api.post(f"{INTENTS}/{held['id']}/capture")
    until(lambda: status(api, held["id"]) == "succeeded")


def test_a_declined_one_is_declined_so(api: Api) -> None:
    card = SALE | {"payment_method": "pm_card_chargeDeclined"}
    server = api.server
    withhold(server, True)
    first = api.post(INTENTS, card)
    assert first["status"] == "processing"
    withhold(server, False)
    until(lambda: status(api, first["id"]) == "requires_payment_method")


def test_while_nothing_is_told_it_waits_in_a_queue_and_is_never_guessed(
    api: Api, notified: Server
) -> None:
    withhold(notified, True)
    mark = Acquirer(notified).mark()
    first = api.post(INTENTS, SALE)
    time.sleep(1.5)
    assert status(api, first["id"]) == "processing"
    [queue] = queues(notified)
    assert (queue["queue"], queue["of"], queue["count"]) == ("awaiting_notification", "attempts", 1)
    assert queue["oldest"][0]["id"] == reference(notified, first["id"], mark)
    withhold(notified, False)
    until(lambda: status(api, first["id"]) == "succeeded")
    assert queues(notified) == []


def test_what_was_not_signed_or_not_lately_changes_nothing(api: Api, notified: Server) -> None:
    withhold(notified, True)
    mark = Acquirer(notified).mark()
    first = api.post(INTENTS, SALE)
    told = body(reference(notified, first["id"], mark), "ntf_forged")
    assert tell(notified, told, signed(told, "another secret")) == 400
    assert tell(notified, told, signed(told, secret(notified), int(time.time()) - 301)) == 400
    assert tell(notified, told, signed(told + b" ", secret(notified))) == 400
    assert tell(notified, told, "") == 400
    assert tell(notified, told, signed(told, secret(notified)), "nobody") == 404
    assert status(api, first["id"]) == "processing"
    assert tell(notified, told) == 200, "the same, well signed"
    assert status(api, first["id"]) == "succeeded"


@pytest.mark.parametrize("wrong", [{"amount": 2_001}, {"currency": "eur"}, {"amount": 1}])
def test_a_wrong_amount_is_quarantined(api: Api, notified: Server, wrong: dict[str, Any]) -> None:
    withhold(notified, True)
    mark = Acquirer(notified).mark()
    first = api.post(INTENTS, SALE)
    name = reference(notified, first["id"], mark)
    number = f"ntf_{secrets.token_hex(4)}"
    assert tell(notified, body(name, number, **wrong)) == 200
    assert status(api, first["id"]) == "processing"
    [note] = [note for note in told_of(notified) if note["id"].startswith(f"sandbox/{number}/")]
    assert (note["reference"], note["state"]) == (name, "quarantined")
    withhold(notified, False)
    until(lambda: status(api, first["id"]) == "succeeded")


@pytest.mark.parametrize("state", ["declined", "cancelled"])
def test_a_refusal_of_another_amount_is_quarantined_too(
    api: Api, notified: Server, state: str
) -> None:
    withhold(notified, True)
    mark = Acquirer(notified).mark()
    first = api.post(INTENTS, SALE)
    name = reference(notified, first["id"], mark)
    number = f"ntf_{secrets.token_hex(4)}"
    outcome = {"outcome": "declined", "state": state, "decline_code": "insufficient_funds"}
    assert tell(notified, body(name, number, amount=1, **outcome)) == 200
    assert status(api, first["id"]) == "processing"
    assert tell(notified, body(name, number)) == 200, "the same id, and another word"
    assert status(api, first["id"]) == "succeeded"
    withhold(notified, False)


def test_an_id_that_was_used_for_another_is_heard_all_the_same(api: Api, notified: Server) -> None:
    withhold(notified, True)
    mark = Acquirer(notified).mark()
    first = api.post(INTENTS, SALE)
    number = f"ntf_{secrets.token_hex(4)}"
    assert tell(notified, body("att_zzz", number)) == 200
    assert tell(notified, body(reference(notified, first["id"], mark), number)) == 200
    assert status(api, first["id"]) == "succeeded"
    withhold(notified, False)


def test_ids_that_no_database_can_keep_are_refused(notified: Server) -> None:
    for name, number in (("a" * 256, "ntf_1"), ("att_1", "n" * 256), ("att_1\n", "ntf_1")):
        assert tell(notified, body(name, number)) == 400


def test_again_and_late_change_nothing(api: Api, notified: Server) -> None:
    mark = Acquirer(notified).mark()
    first = api.post(INTENTS, SALE)
    until(lambda: status(api, first["id"]) == "succeeded")
    name = reference(notified, first["id"], mark)
    for number in ("ntf_again_1", "ntf_again_1", "ntf_again_2"):
        assert tell(notified, body(name, number)) == 200
    late = body(name, "ntf_late", outcome="declined", state="declined", decline_code="fraudulent")
    assert tell(notified, late) == 200
    assert status(api, first["id"]) == "succeeded"
    assert api.get("/v1/charges", f"payment_intent={first['id']}")["data"][0]["paid"] is True


def test_one_about_nothing_of_ours_is_kept_and_does_nothing(notified: Server) -> None:
    for name in ("att_unknown", "x", "re_0000000000000000000000000000"):
        assert tell(notified, body(name, f"ntf_{secrets.token_hex(4)}")) == 200
    assert tell(notified, b"[]") == 400
    assert tell(notified, b"x" * 70_000) == 400


def test_a_person_closes_what_was_left_to_them(notified: Server) -> None:
    told = body("att_unknown", "ntf_close")
    assert tell(notified, told) == 200
    [note] = [note["id"] for note in told_of(notified) if "/ntf_close/" in note["id"]]
    assert closed(notified, note) == 0
    assert tell(notified, told) == 200
    assert note not in [note["id"] for note in told_of(notified)], "the same is not opened again"
    assert closed(notified, note) == closed(notified, "sandbox/none") == 1


def test_the_secret_is_for_its_owner_alone(notified: Server) -> None:
    path: Path = notified.data_dir / "notifications-sandbox.key"
    assert path.stat().st_mode & 0o777 == 0o600


def test_none_speaks_for_another() -> None:
    with Server.start("--sandbox-manner", "mute,notifies-only") as server:
        told = body("att_unknown", "ntf_1")
        for name, other in (("sandbox", "notifies-only"), ("notifies-only", "sandbox")):
            assert tell(server, told, signed(told, secret(server, other)), name) == 400
            assert tell(server, told, name=name) == 200


def test_from_one_that_can_be_asked_it_is_a_hint_and_the_answer_counts() -> None:
    """It says declined; asked, the acquirer says approved. The hint makes it be asked now and not in a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOSTRO_RETRY_MS", "600000")
        with Server.start() as server:
            api, acquirer = Api(server), Acquirer(server)
            with acquirer.failing("reply_lost", "authorize", count=1):
                first = api.post(INTENTS, SALE)
            assert first["status"] == "processing"
            name = reference(server, first["id"], 0)
            lie = body(name, "ntf_1", outcome="declined", state="declined")
            assert tell(server, lie, signed(lie, "forged")) == 400
            time.sleep(1.2)
            assert status(api, first["id"]) == "processing", "nobody has asked yet"
            assert tell(server, lie) == 200
            until(lambda: status(api, first["id"]) == "succeeded")
