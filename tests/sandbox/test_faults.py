"""Each fault on demand: what the client sees, and what the book says happened."""

import http.client
import json
import time
from typing import Any

import pytest

from tests.sandbox.process import SandboxProcess, authorize_body, eventually


def acted(sandbox: SandboxProcess, body: dict[str, Any]) -> bool:
    return sandbox.inquire(body["reference"])[0] == 200


@pytest.mark.parametrize(("fault", "acts"), [("request_lost", False), ("reply_lost", True)])
def test_lost_messages(sandbox: SandboxProcess, fault: str, acts: bool) -> None:
    sandbox.fault(operation="authorize", fault=fault)
    body = authorize_body()
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        sandbox.post("authorize", **body)
    eventually(lambda: acted(sandbox, body) == acts)


@pytest.mark.parametrize(("fault", "acts"), [("error_before", False), ("error_after", True)])
def test_errors(sandbox: SandboxProcess, fault: str, acts: bool) -> None:
    sandbox.fault(operation="authorize", fault=fault)
    body = authorize_body()
    status, answer = sandbox.post("authorize", **body)
    assert status == 500 and "outcome" not in answer
    assert acted(sandbox, body) == acts


def test_a_delayed_answer_comes_after_the_act(sandbox: SandboxProcess) -> None:
    sandbox.fault(operation="authorize", fault="delay", delay_ms=300)
    body = authorize_body()
    connection = sandbox.connect()
    connection.request("POST", "/v1/authorize", _json(body))
    begun = time.monotonic()
    eventually(lambda: acted(sandbox, body))
    assert time.monotonic() - begun < 0.29, "it acted before the delay was over"
    assert connection.getresponse().status == 200
    assert time.monotonic() - begun >= 0.25
    connection.close()


def test_a_delayed_request_can_be_too_late(sandbox: SandboxProcess) -> None:
    sandbox.fault(operation="authorize", fault="delay_before", delay_ms=150)
    body = authorize_body(send_by=int(time.time() * 1000) + 50)
    status, answer = sandbox.post("authorize", **body)
    assert (status, answer["error"]) == (400, "rejected_late")


def test_a_cancel_overtakes_a_delayed_request(sandbox: SandboxProcess) -> None:
    sandbox.fault(operation="authorize", fault="delay_before", delay_ms=150)
    body = authorize_body()
    connection = sandbox.connect()
    connection.request("POST", "/v1/authorize", _json(body))
    assert sandbox.approve_cancel(body["reference"])["tombstone"] is True
    assert connection.getresponse().status == 400
    connection.close()


def test_a_truncated_answer(sandbox: SandboxProcess) -> None:
    sandbox.fault(operation="authorize", fault="truncated")
    body = authorize_body()
    with pytest.raises(http.client.IncompleteRead):
        sandbox.post("authorize", **body)
    assert acted(sandbox, body)


def test_a_wrong_amount(sandbox: SandboxProcess) -> None:
    sandbox.fault(operation="authorize", fault="wrong_amount")
    body = authorize_body()
    assert sandbox.approve("authorize", **body)["amount"] == 2001
    assert sandbox.inquire(body["reference"])[1]["amount"] == 2000


def test_a_duplicate_answer_to_a_first_request(sandbox: SandboxProcess) -> None:
    sandbox.fault(operation="authorize", fault="duplicate_reply")
    body = authorize_body()
    assert sandbox.approve("authorize", **body)["duplicate"] is True
    assert acted(sandbox, body)


def test_refusing_connections(sandbox: SandboxProcess) -> None:
    idle = sandbox.connect()
    idle.request("GET", "/health")
    idle.getresponse().read()
    sandbox.fault(fault="refuse", delay_ms=300)
    eventually(lambda: _is_refused(sandbox))
    eventually(lambda: not _is_refused(sandbox))
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        idle.request("GET", "/health")
        idle.getresponse()
    idle.close()
    sandbox.authorized()


def test_a_rule_is_for_its_operation_reference_and_count(sandbox: SandboxProcess) -> None:
    body = authorize_body()
    sandbox.fault(operation="*", fault="error_before", reference=body["reference"], count=2)
    sandbox.authorized()
    assert [sandbox.post("authorize", **body)[0] for _ in range(3)] == [500, 500, 200]
    [armed] = sandbox.call("GET", "/control/faults")[1]["faults"]
    assert armed["fired"] == 2
    sandbox.call("DELETE", "/control/faults")
    sandbox.fault(operation="inquire", fault="error_before")
    sandbox.authorized()
    assert sandbox.inquire(body["reference"])[0] == 500
    assert sandbox.call("GET", "/health")[0] == 200


def test_rates_follow_the_seed(sandbox: SandboxProcess) -> None:
    def run() -> list[int]:
        sandbox.call("DELETE", "/control/faults")
        sandbox.fault(operation="authorize", fault="error_before", rate=0.5, seed=7)
        return [sandbox.post("authorize", **authorize_body())[0] for _ in range(20)]

    first = run()
    assert set(first) == {200, 500}
    assert run() == first


def test_an_unknown_fault_is_refused(sandbox: SandboxProcess) -> None:
    assert sandbox.call("POST", "/control/faults", {"fault": "meteor"})[0] == 400


def _is_refused(sandbox: SandboxProcess) -> bool:
    try:
        return sandbox.call("GET", "/health")[0] != 200
    except ConnectionRefusedError:
        return True
    except (ConnectionError, http.client.RemoteDisconnected):
        return False


def _json(body: object) -> str:
    return json.dumps(body)
