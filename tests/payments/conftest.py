"""Payments are tried in the world of the refunds' tests: one merchant, a database, a sandbox acquirer."""

from tests.refunds.conftest import play, refund_sandbox

__all__ = ["play", "refund_sandbox"]
