"""Declarative request parameters: what an endpoint takes, read in one pass and described once.

    CREATE = Spec({
        "amount": Integer(required=True, minimum=1),
        "currency": Currency(required=True),
        "card": Map(Spec({"number": CardNumber(required=True)})),
        "metadata": Metadata(),
    })
    given = parse(CREATE, decode(body))

One rule: a parameter that is not in the specification refuses the request, so nothing a caller
says about money is silently ignored. A parameter that was not sent is absent from the result,
unless it has a default; None means that it was sent empty, to unset it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nostro.api.echo import echo
from nostro.api.errors import ApiError, exclusive_parameters, invalid_request, unknown_parameters
from nostro.api.fields import (
    Boolean,
    CardNumber,
    Currency,
    Enum,
    Field,
    Id,
    Integer,
    List,
    Map,
    Metadata,
    Schema,
    SecurityCode,
    String,
    TimeRange,
    Timestamp,
    changed_metadata,
    require,
)
from nostro.wire.form import Form, FormError

__all__ = [
    "EXPAND",
    "PAGING",
    "Boolean",
    "CardNumber",
    "Currency",
    "Enum",
    "Field",
    "Id",
    "Integer",
    "List",
    "Map",
    "Metadata",
    "SecurityCode",
    "Spec",
    "String",
    "TimeRange",
    "Timestamp",
    "changed_metadata",
    "form_refused",
    "openapi_query",
    "openapi_schema",
    "parse",
]

FORM = "application/x-www-form-urlencoded"

EXPAND: Mapping[str, Field] = {"expand": List(String(), most=20)}
PAGING: Mapping[str, Field] = {
    "limit": Integer(minimum=1, maximum=100, default=10),
    "starting_after": String(longest=255),
    "ending_before": String(longest=255),
    "created": Timestamp(),
    **EXPAND,
}


class Spec:
    """The parameters of an endpoint, or of a map inside them, compiled.

    `exclusive` names pairs of parameters of which only one may be sent.
    """

    __slots__ = ("_defaults", "_exclusive", "_readers", "_required", "fields")

    def __init__(
        self, fields: Mapping[str, Field], exclusive: Iterable[tuple[str, str]] = ()
    ) -> None:
        self.fields = dict(fields)
        self._exclusive = tuple(exclusive)
        self._readers = {name: field.compiled() for name, field in fields.items()}
        self._required = frozenset(name for name, field in fields.items() if field.required)
        self._defaults = {
            name: field.default for name, field in fields.items() if field.has_default
        }

    def read(self, form: Form, prefix: str = "") -> dict[str, Any]:
        """The values by name. Raises `ApiError` for the first that is refused, in their order."""
        given: dict[str, Any] = {}
        readers = self._readers
        for name, value in form.items():
            read = readers.get(name)
            path = f"{prefix}[{name}]" if prefix else name
            if read is None:
                raise unknown_parameters([path])
            given[name] = read(value, path)
        if not self._required <= given.keys():
            require(self._required, given, prefix)
        self._refuse_exclusive(given)
        return {**self._defaults, **given} if self._defaults else given

    def unknown(self, form: Form, prefix: str = "") -> list[str]:
        """The names in a form, at every level, that this specification does not have."""
        found: list[str] = []
        for name, value in form.items():
            path = f"{prefix}[{name}]" if prefix else name
            field = self.fields.get(name)
            found += [path] if field is None else field.unknown(value, path)
        return found

    def schema(self) -> Schema:
        """The JSON Schema of the whole map."""
        schema: Schema = {
            "type": "object",
            "properties": {name: field.schema() for name, field in self.fields.items()},
            "additionalProperties": False,
        }
        return {**schema, "required": sorted(self._required)} if self._required else schema

    def _refuse_exclusive(self, given: Mapping[str, Any]) -> None:
        for first, second in self._exclusive:
            if first in given and second in given:
                raise exclusive_parameters(first, second)


def parse(spec: Spec, form: Form) -> dict[str, Any]:
    """The values by name. Raises `ApiError`, naming all unknown parameters before anything else."""
    try:
        return spec.read(form)
    except ApiError:
        if unknown := spec.unknown(form):
            raise unknown_parameters(unknown) from None
        raise


def form_refused(refusal: FormError) -> ApiError:
    """The answer to a body that has no single reading."""
    param = None if refusal.param is None else echo(refusal.param)
    return invalid_request(echo(refusal.message), param=param)


def openapi_schema(spec: Spec) -> Schema:
    """The OpenAPI 3.1 request body: a form whose maps and lists are nested by brackets."""
    deep = {"style": "deepObject", "explode": True}
    encoding = {name: deep for name, field in spec.fields.items() if field.deep}
    required = any(field.required for field in spec.fields.values())
    return {
        "required": required,
        "content": {FORM: {"schema": spec.schema(), "encoding": encoding}},
    }


def openapi_query(spec: Spec) -> list[Schema]:
    """The OpenAPI 3.1 query parameters of a GET or DELETE endpoint."""
    return [_query_parameter(name, field) for name, field in spec.fields.items()]


def _query_parameter(name: str, field: Field) -> Schema:
    parameter: Schema = {
        "name": name,
        "in": "query",
        "required": field.required,
        "schema": field.schema(),
    }
    return {**parameter, "style": "deepObject", "explode": True} if field.deep else parameter
