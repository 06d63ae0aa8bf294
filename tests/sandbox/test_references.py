"""One reference, one operation: repetition, reuse, cancels, tombstones, late arrivals."""

import time

from tests.sandbox.process import SandboxProcess, authorize_body, card, new_reference
from tests.sandbox.test_operations import refused


def test_a_repetition_gets_the_same_answer_and_moves_nothing(sandbox: SandboxProcess) -> None:
    body = authorize_body(capture=True)
    first = sandbox.approve("authorize", **body)
    before = len(sandbox.book())
    again = sandbox.approve("authorize", **body | {"card": card(cvc=None), "send_by": 1})
    assert again == first | {"duplicate": True}
    assert len(sandbox.book()) == before


def test_a_declined_repetition_is_declined_again(sandbox: SandboxProcess) -> None:
    body = authorize_body("4000000000009995")
    first = sandbox.post("authorize", **body)[1]
    assert sandbox.post("authorize", **body)[1] == first | {"duplicate": True}


def test_reuse_with_anything_else_is_refused(sandbox: SandboxProcess) -> None:
    body = authorize_body()
    sandbox.approve("authorize", **body)
    for changes in (
        {"amount": 2001},
        {"currency": "eur"},
        {"capture": True},
        {"merchant": "acct_2"},
        {"card": card("5555555555554444")},
        {"card": card(exp_year=2048)},
    ):
        answer = sandbox.post("authorize", **body | changes)
        assert refused(answer) == (422, "reference_reused"), changes
    reference = body["reference"]
    void = sandbox.post("void", reference=reference, original=reference)
    assert refused(void) == (422, "reference_reused")


def test_a_repeated_capture_counts_once(sandbox: SandboxProcess) -> None:
    original = sandbox.authorized()
    body = {"reference": new_reference(), "original": original, "amount": 900, "currency": "usd"}
    for _ in range(3):
        sandbox.approve("capture", final=False, **body)
    assert sandbox.inquire(original)[1]["captured"] == 900


def test_cancelling_an_authorization_ends_it(sandbox: SandboxProcess) -> None:
    body = authorize_body()
    reference = body["reference"]
    sandbox.approve("authorize", **body)
    assert "tombstone" not in sandbox.approve_cancel(reference)
    assert sandbox.approve_cancel(reference)["state"] == "cancelled"
    assert sandbox.inquire(reference)[1]["state"] == "cancelled"
    assert refused(sandbox.post("authorize", **body)) == (400, "cancelled_reference")
    void = sandbox.post("void", reference=new_reference(), original=reference)
    assert refused(void) == (409, "already_cancelled")


def test_cancelling_a_sale_reverses_all_of_it(sandbox: SandboxProcess) -> None:
    reference = sandbox.authorized(capture=True)
    assert sandbox.approve_cancel(reference)["captured"] == 0


def test_a_tombstone_refuses_the_late_original(sandbox: SandboxProcess) -> None:
    body = authorize_body()
    assert sandbox.approve_cancel(body["reference"])["tombstone"] is True
    assert sandbox.approve_cancel(body["reference"])["tombstone"] is True
    assert refused(sandbox.post("authorize", **body)) == (400, "cancelled_reference")
    status, answer = sandbox.inquire(body["reference"])
    assert (status, answer["outcome"], answer["tombstone"]) == (404, "not_found", True)


def test_what_has_followers_cannot_be_cancelled(sandbox: SandboxProcess) -> None:
    authorization, sale = sandbox.authorized(), sandbox.authorized(capture=True)
    body = {"amount": 1, "currency": "usd"}
    capture, refund = new_reference(), new_reference()
    sandbox.approve("capture", reference=capture, original=authorization, final=False, **body)
    sandbox.approve("refund", reference=refund, original=sale, **body)
    for reference in (authorization, sale, capture, refund):
        status, answer = sandbox.post("cancel", reference=reference)
        assert (status, answer["error"]) == (409, "cannot_cancel")
        assert answer["operation"]["reference"] == reference


def test_a_late_request_is_refused_for_good(sandbox: SandboxProcess) -> None:
    body = authorize_body(send_by=int(time.time() * 1000) - 1)
    assert refused(sandbox.post("authorize", **body)) == (400, "rejected_late")
    status, answer = sandbox.inquire(body["reference"])
    assert (status, answer["outcome"]) == (404, "not_found")
    assert (answer["state"], answer["reason"]) == ("tombstone", "rejected_late")
    del body["send_by"]
    assert refused(sandbox.post("authorize", **body)) == (400, "cancelled_reference")
    assert body["reference"] not in {line["reference"] for line in sandbox.book()}


def test_a_request_in_time_is_processed(sandbox: SandboxProcess) -> None:
    sandbox.approve("authorize", **authorize_body(send_by=int(time.time() * 1000) + 60_000))


def test_an_unknown_reference_is_not_found(sandbox: SandboxProcess) -> None:
    assert sandbox.inquire("nobody") == (404, {"outcome": "not_found", "reference": "nobody"})
