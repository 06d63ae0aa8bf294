"""What the acquirer does with well-formed requests, and how it refuses others."""

import time
from typing import Any

import pytest

from tests.sandbox.process import (
    SandboxProcess,
    authorize_body,
    card,
    eventually,
    new_reference,
)

DECLINES = [
    ("4000000000000002", "05", "generic_decline"),
    ("4000000000009995", "51", "insufficient_funds"),
    ("4000000000009987", "41", "lost_card"),
    ("4000000000009979", "43", "stolen_card"),
    ("4000000000000069", "54", "expired_card"),
    ("4000000000000127", "N7", "incorrect_cvc"),
    ("4000000000000119", "96", "processing_error"),
    ("4000000000006975", "61", "card_velocity_exceeded"),
    ("4000000000000341", "05", "generic_decline"),
    ("4100000000000019", "59", "fraudulent"),
    ("4242424242424241", "14", "incorrect_number"),
    ("4000002760003184", "1A", "authentication_required"),
]


def refused(answer: tuple[int, Any]) -> tuple[int, str]:
    status, body = answer
    assert body["outcome"] == "rejected" and body["not_processed"] is True
    return status, body["error"]


def test_an_approval_names_the_operation_in_three_systems(sandbox: SandboxProcess) -> None:
    answer = sandbox.approve("authorize", **authorize_body())
    assert answer["acquirer_reference"].startswith("sbx_")
    assert len(answer["authorization_code"]) == 6
    assert len(answer["network_reference"]) == 15
    assert (answer["amount"], answer["currency"], answer["cvc_check"]) == (2000, "usd", "pass")


@pytest.mark.parametrize(("number", "response_code", "decline_code"), DECLINES)
def test_declining_cards(
    sandbox: SandboxProcess, number: str, response_code: str, decline_code: str
) -> None:
    status, answer = sandbox.post("authorize", **authorize_body(number, capture=True))
    assert (status, answer["outcome"]) == (200, "declined")
    assert (answer["response_code"], answer["decline_code"]) == (response_code, decline_code)
    assert "authorization_code" not in answer


@pytest.mark.parametrize("number", ["5555555555554444", "378282246310005", "4111111111111111"])
def test_other_cards_are_approved(sandbox: SandboxProcess, number: str) -> None:
    assert sandbox.approve("authorize", **authorize_body(number))["state"] == "approved"


def test_authentication_lets_a_3ds_card_through(sandbox: SandboxProcess) -> None:
    sandbox.approve("authorize", **authorize_body("4000002760003184", authenticated=True))


def test_an_expired_card_is_declined(sandbox: SandboxProcess) -> None:
    body = authorize_body(card=card(exp_month=1, exp_year=2020))
    assert sandbox.post("authorize", **body)[1]["decline_code"] == "expired_card"


@pytest.mark.parametrize(
    ("number", "cvc", "expected"),
    [
        ("4242424242424242", None, "unchecked"),
        ("4000000000000101", "123", "fail"),
        ("4000000000000101", None, "unchecked"),
    ],
)
def test_the_cvc_is_checked_if_given(
    sandbox: SandboxProcess, number: str, cvc: str | None, expected: str
) -> None:
    answer = sandbox.approve("authorize", **authorize_body(card=card(number, cvc=cvc)))
    assert answer["cvc_check"] == expected


def test_the_address_is_checked_part_by_part(sandbox: SandboxProcess) -> None:
    address = {"line1": "1 Main Street", "postal_code": "12345"}
    answer = sandbox.approve("authorize", **authorize_body("4000000000000036", address=address))
    assert (answer["address_line1_check"], answer["address_postal_code_check"]) == ("pass", "fail")


def test_captures_stop_at_the_amount_and_after_the_final_one(sandbox: SandboxProcess) -> None:
    original = sandbox.authorized()

    def capture(amount: int, final: bool) -> tuple[int, Any]:
        body = {"original": original, "amount": amount, "currency": "usd", "final": final}
        return sandbox.post("capture", reference=new_reference(), **body)

    assert capture(500, False)[0] == 200
    assert refused(capture(1501, False)) == (409, "amount_too_large")
    assert capture(500, True)[0] == 200
    assert refused(capture(1, False)) == (409, "already_final")
    void = sandbox.post("void", reference=new_reference(), original=original)
    assert refused(void) == (409, "already_captured")
    assert sandbox.inquire(original)[1]["captured"] == 1000


def test_after_a_void_nothing_more(sandbox: SandboxProcess) -> None:
    original = sandbox.authorized()
    sandbox.approve("void", reference=new_reference(), original=original)
    assert sandbox.inquire(original)[1]["state"] == "voided"
    body = {"original": original, "amount": 1, "currency": "usd"}
    capture = sandbox.post("capture", reference=new_reference(), final=False, **body)
    assert refused(capture) == (409, "already_voided")
    void = sandbox.post("void", reference=new_reference(), original=original)
    assert refused(void) == (409, "already_voided")


def test_refunds_stop_at_what_was_captured(sandbox: SandboxProcess) -> None:
    sale = sandbox.authorized(capture=True)
    body = {"original": sale, "amount": 1500, "currency": "usd"}
    sandbox.approve("refund", reference=new_reference(), **body)
    again = sandbox.post("refund", reference=new_reference(), **body)
    assert refused(again) == (409, "amount_too_large")
    other = sandbox.post("refund", reference=new_reference(), **body | {"currency": "eur"})
    assert refused(other) == (400, "currency_mismatch")


def test_an_authorization_without_capture_cannot_be_refunded(sandbox: SandboxProcess) -> None:
    body = {"original": sandbox.authorized(), "amount": 1, "currency": "usd"}
    answer = sandbox.post("refund", reference=new_reference(), **body)
    assert refused(answer) == (409, "amount_too_large")


@pytest.mark.parametrize(("operation", "extra"), [("capture", {"final": True}), ("refund", {})])
def test_an_unknown_original(
    sandbox: SandboxProcess, operation: str, extra: dict[str, Any]
) -> None:
    reference = new_reference()
    body = {"original": "nobody", "amount": 1, "currency": "usd"} | extra
    assert refused(sandbox.post(operation, reference=reference, **body)) == (
        404,
        "original_not_found",
    )
    assert sandbox.inquire(reference)[0] == 404


def test_a_pending_refund_succeeds_after_the_delay(sandbox: SandboxProcess) -> None:
    sale = sandbox.authorized("4000000000007726", capture=True)
    reference = new_reference()
    body = {"original": sale, "amount": 500, "currency": "usd"}
    status, answer = sandbox.post("refund", reference=reference, **body)
    assert (status, answer["outcome"], answer["state"]) == (200, "pending", "pending")
    assert answer["poll_after_ms"] > 0
    eventually(lambda: sandbox.inquire(reference)[1]["state"] == "approved")
    assert sandbox.inquire(reference)[1]["outcome"] == "approved"


def test_a_provisional_refund_fails_and_gives_the_amount_back(sandbox: SandboxProcess) -> None:
    sale = sandbox.authorized("4000000000005126", capture=True)
    reference = new_reference()
    body = {"original": sale, "amount": 2000, "currency": "usd"}
    answer = sandbox.approve("refund", reference=reference, **body)
    assert answer["provisional"] is True and answer["poll_after_ms"] > 0
    assert sandbox.inquire(sale)[1]["refunded"] == 2000
    # Nobody asks: the book alone must say so in time.
    eventually(lambda: {x["reference"]: x for x in sandbox.book()}[reference]["state"] == "failed")
    assert sandbox.inquire(reference)[1]["failure_reason"] == "expired_or_canceled_card"
    assert sandbox.inquire(sale)[1]["refunded"] == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": -1},
        {"amount": 10**12},
        {"amount": 1.5},
        {"currency": "USD"},
        {"reference": "a b"},
        {"reference": "x" * 65},
        {"card": card("4242")},
        {"card": card(cvc="1")},
        {"card": card(exp_month=13)},
        {"capture": "yes"},
    ],
)
def test_malformed_requests(sandbox: SandboxProcess, changes: dict[str, Any]) -> None:
    before = len(sandbox.book())
    answer = sandbox.post("authorize", **authorize_body(**changes))
    assert refused(answer) == (400, "invalid_request")
    assert len(sandbox.book()) == before


def test_paths_that_do_not_exist(sandbox: SandboxProcess) -> None:
    assert sandbox.call("POST", "/v1/nothing", {})[0] == 404
    assert sandbox.call("GET", "/v1/nothing")[0] == 404
    assert sandbox.call("GET", "/v1/settlement/today")[0] == 400


def test_the_book_and_its_summary_agree(sandbox: SandboxProcess) -> None:
    sandbox.authorized(capture=True)
    book, summary = sandbox.book(), sandbox.call("GET", "/v1/book/summary")[1]
    assert [line["seq"] for line in book] == list(range(1, len(book) + 1))
    assert summary["operations"] == len(book)
    assert sum(x["captured"] for x in summary["by"]) == sum(x["captured"] for x in book)


def test_the_files_hold_no_card_number(sandbox: SandboxProcess) -> None:
    number = "4000056655665556"
    sandbox.authorized(number, capture=True, card=card(number, cvc="7391"))
    files = [path for path in sandbox.directory.iterdir() if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)
    assert b"5556" in content, "the last four digits are kept"
    assert number.encode() not in content and b"7391" not in content


def test_the_settlement_file_adds_up(sandbox: SandboxProcess) -> None:
    sale = sandbox.authorized(capture=True, amount=1033, currency="chf")
    body = {"original": sale, "amount": 33, "currency": "chf"}
    refund = new_reference()
    sandbox.approve("refund", reference=refund, **body)
    undone = sandbox.authorized(capture=True, currency="chf")
    sandbox.approve_cancel(undone)
    status, data = sandbox.call_raw("GET", time.strftime("/v1/settlement/%Y-%m-%d", time.gmtime()))
    rows = [line.split(",") for line in data.decode().splitlines()]
    lines = {row[2]: row for row in rows if row[0] == "line"}
    assert status == 200 and rows[0][0] == "header" and rows[-1][0] == "trailer"
    assert lines[sale][1:2] + lines[sale][7:] == ["sale", "1033", "20", "1013"]
    assert lines[refund][1:2] + lines[refund][7:] == ["refund", "-33", "5", "-38"]
    assert undone not in lines
    assert ["total", "", "", "", "", "2", "chf", "1000", "25", "975"] in rows
    assert int(rows[-1][4]) == sum(row[0] == "line" for row in rows)
