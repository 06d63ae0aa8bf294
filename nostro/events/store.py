"""The tables of events and webhook endpoints."""

from __future__ import annotations

from nostro.events.model import Delivery, Endpoint, Event
from nostro.kernel.queries import load
from nostro.kernel.table import Table

QUERIES = load("nostro.events")
EVENTS = Table("events", Event, QUERIES, listed=True)
ENDPOINTS = Table(
    "webhook_endpoints",
    Endpoint,
    QUERIES,
    mutable=("url", "enabled_events", "description", "status", "metadata", "deleted"),
    listed=True,
    audited="setting",
)
DELIVERIES = Table(
    "webhook_deliveries",
    Delivery,
    QUERIES,
    mutable=("attempts", "due_at", "state", "last_error"),
)
