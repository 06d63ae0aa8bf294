"""/v1/account: the account a key speaks for."""

from __future__ import annotations

from nostro.api.echo import echo
from nostro.api.errors import invalid_request
from nostro.api.operation import Call, Operation, Reply, Shown
from nostro.api.parameters import EXPAND, Spec
from nostro.api.render import account


async def own(call: Call) -> Reply:
    """The account itself."""
    return Shown(account(call.identity.account))


async def named(call: Call) -> Reply:
    """The same by its id; whether others exist is not told."""
    if call.path["id"] != call.account:
        raise invalid_request(
            f"The provided key does not have access to account '{echo(call.path['id'])}' (or that "
            "account does not exist). Application access may have been revoked.",
            code="account_invalid", status=403,
        )  # fmt: skip
    return await own(call)


OPERATIONS = [
    Operation("GET", "/v1/account", Spec(EXPAND), own, "account", "Retrieve your own Account"),
    Operation("GET", "/v1/accounts/{id}", Spec(EXPAND), named, "account", "Retrieve an Account"),
]
