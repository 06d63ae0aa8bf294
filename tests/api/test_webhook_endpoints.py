"""Webhook endpoints over the wire, and what reaches them."""

import http.server
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import stripe

from tests.api.client import Api

URL = "/v1/webhook_endpoints"
FORM = {"url": "https://example.com/hook", "enabled_events[]": "charge.succeeded"}


@dataclass
class Receiver:
    """A merchant's server: what reached it, as signature and body."""

    port: int = 0
    got: queue.Queue[tuple[str, str]] = field(default_factory=queue.Queue)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A merchant's server on 127.0.0.1."""
    found = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found.got.put((self.headers["Stripe-Signature"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


def test_the_secret_given_verifies_what_arrives(
    sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    endpoint = sdk.v1.webhook_endpoints.create(
        {
            "url": f"http://127.0.0.1:{receiver.port}/hook",
            "enabled_events": ["customer.created"],
            "description": "mine",
            "metadata": {"a": "b"},
        }
    )
    try:
        assert endpoint.secret is not None
        customer = sdk.v1.customers.create({"name": "Webhook"})
        signature, body = receiver.got.get(timeout=15)
        event = stripe.Webhook.construct_event(body, signature, endpoint.secret)
        assert (event.type, event.data.object["id"]) == ("customer.created", customer.id)
    finally:
        sdk.v1.webhook_endpoints.delete(endpoint.id)


def test_the_secret_is_shown_once_and_in_the_replay_of_that_answer(api: Api) -> None:
    key = {"idempotency_key": "endpoint-once"}
    first = api.server.post(URL, FORM, **key)
    second = api.server.post(URL, FORM, **key)
    assert first.status == 200 and first.body["secret"].startswith("whsec_")
    assert second.raw == first.raw and second.headers["idempotent-replayed"] == "true"
    identifier = first.body["id"]
    assert "secret" not in api.get(f"{URL}/{identifier}")
    assert all("secret" not in one for one in api.get(URL)["data"])
    assert "secret" not in api.post(f"{URL}/{identifier}", {"description": "x"})
    assert "secret" not in api.delete(f"{URL}/{identifier}")
    assert api.server.post(URL, FORM, **key).raw == first.raw, "deleted since, and still the same"


def test_it_is_updated_disabled_and_deleted(api: Api) -> None:
    form = FORM | {"api_version": "2022-11-15", "connect": "false", "metadata[a]": "b"}
    endpoint = api.post(URL, form)
    assert (endpoint["api_version"], endpoint["status"]) == ("2022-11-15", "enabled")
    url = f"{URL}/{endpoint['id']}"
    changes = {"enabled_events[]": "*", "disabled": "true", "metadata": "", "description": "d"}
    changed = api.post(url, changes)
    assert (changed["status"], changed["enabled_events"]) == ("disabled", ["*"])
    assert (changed["metadata"], changed["description"]) == ({}, "d")
    assert api.post(url, {"disabled": "false"})["status"] == "enabled"
    assert api.delete(url)["deleted"] is True
    for missing in (api.get(url, status=404), api.post(url, {}, 404), api.delete(url, 404)):
        assert "No such webhook endpoint" in missing["error"]["message"]
    assert endpoint["id"] not in {one["id"] for one in api.get(URL, "limit=100")["data"]}


def test_bad_endpoints_are_refused(api: Api) -> None:
    def error(**changes: str) -> str:
        form = {name.replace("__", "[]"): value for name, value in changes.items()}
        refused = api.post(URL, FORM | form, 400)["error"]
        return str(refused["param"])

    assert error(url="ftp://example.com") == "url"
    assert error(url="https://user:secret@example.com") == "url"
    assert error(url="http://169.254.169.254/latest") == "url"
    assert error(enabled_events__="charge.teleported") == "enabled_events[0]"
    api.post(URL, FORM | {"api_version": "1999-01-01"}, 400)
    missing = api.post(URL, {"url": "https://example.com"}, 400)["error"]
    assert missing["param"] == "enabled_events"
