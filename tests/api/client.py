"""Requests whose answers are judged: the body must be what Stripe's clients expect, error or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests import wire_schema
from tests.server import Response, Server

Body = dict[str, Any]


class Api:
    """The API as raw requests, each answer validated."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def get(self, path: str, query: str = "", status: int = 200, **headers: str) -> Body:
        """A GET that answers with `status`."""
        return self._judged(self.server.get(path, query, **headers), status)

    def post(
        self, path: str, form: Mapping[str, Any] | None = None, status: int = 200, **headers: str
    ) -> Body:
        """A POST that answers with `status`."""
        return self._judged(self.server.post(path, form, **headers), status)

    def delete(self, path: str, status: int = 200) -> Body:
        """A DELETE that answers with `status`."""
        return self._judged(self.server.delete(path), status)

    def events(self, type: str) -> list[Body]:
        """Events of one type, newest first."""
        found: list[Body] = self.get("/v1/events", f"type={type}&limit=100")["data"]
        return found

    def event_of(self, type: str, identifier: str) -> Body:
        """The newest event of a type about one object."""
        return next(e for e in self.events(type) if e["data"]["object"]["id"] == identifier)

    def _judged(self, response: Response, status: int) -> Body:
        assert response.status == status, (response.status, response.raw)
        body: Body = response.body
        wire_schema.validate(body)
        return body
