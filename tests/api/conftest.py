"""A server for the session, the official SDK in front of it, and the judge of every answer."""

from collections.abc import Iterator

import pytest
import stripe

from nostro.api import versions
from tests import wire_schema
from tests.api.client import Api
from tests.server import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One `nostro up` for all tests of the API; objects never meet."""
    with Server.start("--fee-basis-points", "290", "--fee-fixed", "30") as started:
        yield started


@pytest.fixture(scope="session")
def api(server: Server) -> Api:
    """Raw requests whose every answer is judged against the wire schema."""
    if not wire_schema.available():
        pytest.skip("the wire schema is not on this machine")
    return Api(server)


@pytest.fixture(scope="session")
def sdk(server: Server) -> stripe.StripeClient:
    """The official SDK, told where we are, and the newest version we know: its own may be newer."""
    return stripe.StripeClient(
        server.secret_key, base_addresses={"api": server.url}, max_network_retries=0,
        stripe_version=versions.LATEST,
    )  # fmt: skip
