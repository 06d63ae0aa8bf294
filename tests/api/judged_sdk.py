"""The official Python SDK, unmodified, over a transport that judges every answer it carries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import stripe

from tests import wire_schema
from tests.server import Server


class JudgingTransport(stripe.RequestsClient):
    """The SDK's own HTTP client; what comes back must be what the schema says."""

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """One request, its answer judged."""
        body, status, got = super().request(method, url, headers, post_data)
        wire_schema.validate(json.loads(body))
        return body, status, got


def judged_client(server: Server, key: str | None = None, **options: Any) -> stripe.StripeClient:
    """A client that is told where we are, and nothing else."""
    return stripe.StripeClient(
        key or server.secret_key,
        base_addresses={"api": server.url},
        http_client=JudgingTransport(),
        **options,
    )
