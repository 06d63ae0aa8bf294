"""The webhook receiver counts deliveries, and an event once however often it is delivered."""

import http.client
from collections.abc import Iterator

import pytest

from bench.webhooks import Webhooks


@pytest.fixture
def webhooks() -> Iterator[Webhooks]:
    """A receiver in a process of its own."""
    started = Webhooks()
    yield started
    started.stop()


def deliver(webhooks: Webhooks, *events: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", webhooks.port, timeout=5)
    for event in events:
        connection.request("POST", "/webhooks", f'{{"id": "{event}", "data": {{"id": "pi_1"}}}}')
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"{}")
    connection.close()


def test_a_repeated_event_is_two_deliveries_and_one_event(webhooks: Webhooks) -> None:
    deliver(webhooks, "evt_1", "evt_2", "evt_1")
    assert webhooks.counts() == {"deliveries": 3, "events": 2}


def test_the_lag_is_what_was_promised_and_has_not_come(webhooks: Webhooks) -> None:
    deliver(webhooks, "evt_1")
    webhooks.expected = 3
    webhooks.drain("payments", 0.1)
    (lag,) = webhooks.as_json()["lag_after"]
    assert lag == {
        "phase": "payments",
        "undelivered": 2,
        "drained_after_seconds": None,
        "left": 2,
    }
