"""The OpenAPI document says what is served, and all of it."""

import re
from typing import Any

import jsonschema_rs
import pytest

from nostro.api.v1 import operations
from tests.api.client import Api
from tests.server import Server

METHODS = {"get", "post", "delete"}


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    """As it is served, without a key."""
    found: dict[str, Any] = server.ask("GET", "/openapi.json", b"", {"authorization": ""}).body
    return found


def test_it_names_every_operation_and_no_other(document: dict[str, Any]) -> None:
    described = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item.keys() & METHODS
    }
    assert described == {(operation.method, operation.path) for operation in operations()}
    ids = [item[method]["operationId"] for item in document["paths"].values()
           for method in item.keys() & METHODS]  # fmt: skip
    assert len(ids) == len(set(ids))


def test_every_operation_in_it_is_served(document: dict[str, Any], api: Api) -> None:
    """What is not served is refused as an unrecognized URL, whatever is asked of it."""
    for path, item in document["paths"].items():
        for method in item.keys() & METHODS:
            url = re.sub(r"\{\w+\}", "none_1", path)
            answer = api.server.ask(method.upper(), url, b"surely_unknown=1", {})
            assert answer.status != 500, (method, path, answer.raw)
            assert "Unrecognized request URL" not in str(answer.raw), (method, path)
    assert "Unrecognized" in str(api.server.get("/v1/none").raw)


def test_every_reference_leads_somewhere_and_every_schema_is_one(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in re.findall(r"'#/components/schemas/(\w+)'", str(document)):
        assert name in schemas
    for schema in schemas.values():
        jsonschema_rs.meta.validate(schema | {"components": document["components"]})
    for item in document["paths"].values():
        for method in item.keys() & METHODS:
            body = item[method].get("requestBody")
            for content in (body or {"content": {}})["content"].values():
                jsonschema_rs.meta.validate(content["schema"])


def test_answers_are_as_described(document: dict[str, Any], api: Api) -> None:
    for path in ("/v1/customers", "/v1/charges", "/v1/events", "/v1/balance", "/v1/account"):
        answer = document["paths"][path]["get"]["responses"]["200"]
        schema = answer["content"]["application/json"]["schema"]
        whole = schema | {"components": document["components"]}
        jsonschema_rs.Draft202012Validator(whole).validate(api.get(path))
