"""Parameters are read strictly and refused in Stripe's words."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.api.errors import ApiError, to_body
from nostro.api.fields import FARTHEST_SECOND
from nostro.api.parameters import (
    EXPAND,
    PAGING,
    Boolean,
    CardNumber,
    Currency,
    Enum,
    Id,
    Integer,
    List,
    Map,
    Metadata,
    SecurityCode,
    Spec,
    String,
    TimeRange,
    changed_metadata,
    form_refused,
    openapi_query,
    openapi_schema,
    parse,
)
from nostro.kernel.secret import Cvc, Pan
from nostro.wire.form import FormError, decode

CARD = Spec(
    {
        "number": CardNumber(required=True),
        "exp_month": Integer(required=True),
        "cvc": SecurityCode(),
    }
)
CREATE = Spec(
    {
        "amount": Integer(required=True, minimum=1, maximum=99_999_999),
        "currency": Currency(required=True),
        "capture_method": Enum(("automatic", "automatic_async", "manual")),
        "confirm": Boolean(default=False),
        "description": String(unset=True),
        "statement_descriptor": String(longest=22),
        "payment_method": Id("PaymentMethod"),
        "card": Map(CARD),
        "shipping": Map(Spec({"name": String(required=True)}), unset=True),
        "metadata": Metadata(),
        "items": List(Map(Spec({"sku": String(), "count": Integer()})), most=2),
        "source": String(),
        "charge": String(),
        "signed": Integer(),
        **EXPAND,
    },
    exclusive=[("source", "charge")],
)
LIST = Spec(PAGING)
BASE = "amount=2000&currency=usd"


def created(extra: str = "") -> dict[str, Any]:
    return parse(CREATE, decode(f"{BASE}&{extra}".encode()))


def refused(body: str, spec: Spec = CREATE) -> dict[str, Any]:
    with pytest.raises(ApiError) as refusal:
        parse(spec, decode(body.encode()))
    assert refusal.value.status == 400 or refusal.value.code == "resource_missing"
    error: dict[str, Any] = to_body(refusal.value)["error"]
    assert error["type"] == "invalid_request_error"
    json.dumps(error)
    return error


def test_a_payment_is_read_with_its_types_and_defaults() -> None:
    assert created("capture_method=manual&metadata[order]=42&expand[]=charge") == {
        "amount": 2000,
        "currency": "usd",
        "capture_method": "manual",
        "confirm": False,
        "metadata": {"order": "42"},
        "expand": ["charge"],
    }


READ = [
    ("confirm=true", "confirm", True),
    ("confirm=false", "confirm", False),
    ("description=", "description", None),
    ("shipping=", "shipping", None),
    ("shipping[name]=A", "shipping", {"name": "A"}),
    ("metadata=", "metadata", None),
    ("metadata[k]=", "metadata", {"k": ""}),
    ("metadata[0]=a&metadata[1]=b", "metadata", {"0": "a", "1": "b"}),
    ("items[0][sku]=a&items[1][count]=3", "items", [{"sku": "a"}, {"count": 3}]),
    ("items[][sku]=a&items[][count]=3", "items", [{"sku": "a", "count": 3}]),
    ("signed=-9223372036854775808", "signed", -(2**63)),
    ("signed=9223372036854775807", "signed", 2**63 - 1),
    ("statement_descriptor=" + "x" * 22, "statement_descriptor", "x" * 22),
]


@pytest.mark.parametrize(("extra", "name", "value"), READ)
def test_a_value_is_read(extra: str, name: str, value: object) -> None:
    assert created(extra)[name] == value


def test_a_currency_in_capitals_is_read_in_small_letters() -> None:
    assert parse(CREATE, decode(b"amount=1&currency=EUR"))["currency"] == "eur"


def test_card_data_is_read_into_types_that_cannot_be_printed() -> None:
    card = created("card[number]=4242+4242-42424242&card[exp_month]=12&card[cvc]=739")["card"]
    assert card["number"] == Pan("4242424242424242") and card["cvc"] == Cvc("739")
    assert "4242424242424242" not in repr(card) and "739" not in repr(card)


@pytest.mark.parametrize(
    "text",
    ["1e3", "+1", " 1", "1 ", "1.0", "0x1", "1_0", "٣", "²", "NaN", "true", "-", "--1", "1,0"]
    + ["9223372036854775808", "-9223372036854775809", "9" * 400],
)
def test_what_is_not_a_plain_64_bit_number_is_an_invalid_integer(text: str) -> None:
    with pytest.raises(ApiError) as refusal:
        parse(CREATE, {"amount": text, "currency": "usd"})
    error = to_body(refusal.value)["error"]
    assert error["code"] == "parameter_invalid_integer" and error["param"] == "amount"
    assert error["message"].startswith("Invalid integer: ") and len(error["message"]) < 120


EMPTY = (
    "You passed an empty string for 'amount'. We assume empty values are an attempt to unset a "
    "parameter; however 'amount' cannot be unset. You should remove 'amount' from your request or "
    "supply a non-empty value."
)
REFUSED = [
    (BASE + "&foo=1", "parameter_unknown", "foo", "Received unknown parameter: foo"),
    (BASE + "&a=1&b=1", "parameter_unknown", "a", "Received unknown parameters: a, b"),
    (
        BASE + "&shipping[bar]=1",
        "parameter_unknown",
        "shipping[bar]",
        "Received unknown parameter: shipping[bar]",
    ),
    (
        "amount=x&items[0][a]=1&items[1][b]=1&z=1",
        "parameter_unknown",
        "items[0][a]",
        "Received unknown parameters: items[0][a], items[1][b], z",
    ),
    ("currency=usd", "parameter_missing", "amount", "Missing required param: amount."),
    ("", "parameter_missing", "amount", "Missing required param: amount."),
    (
        BASE + "&card[number]=4242424242424242",
        "parameter_missing",
        "card[exp_month]",
        "Missing required param: card[exp_month].",
    ),
    ("amount=&currency=usd", "parameter_invalid_empty", "amount", EMPTY),
    ("amount=x&currency=usd", "parameter_invalid_integer", "amount", "Invalid integer: x"),
    (
        "amount=0&currency=usd",
        "parameter_invalid_integer",
        "amount",
        "This value must be greater than or equal to 1 (it currently is '0').",
    ),
    (
        "amount=100000000&currency=usd",
        "parameter_invalid_integer",
        "amount",
        "This value must be less than or equal to 99999999 (it currently is '100000000').",
    ),
    ("amount[a]=1&currency=usd", "parameter_invalid_integer", "amount", "Invalid integer"),
    ("amount=1&currency=xyz", None, "currency", "Invalid currency: xyz"),
    ("amount=1&currency[]=usd", None, "currency", "Invalid currency"),
    (
        BASE + "&capture_method=never",
        None,
        "capture_method",
        "Invalid capture_method: must be one of automatic, automatic_async, or manual",
    ),
    (BASE + "&confirm=1", None, "confirm", "Invalid boolean: 1"),
    (BASE + "&confirm=True", None, "confirm", "Invalid boolean: True"),
    (BASE + "&confirm[a]=true", None, "confirm", "Invalid boolean"),
    (BASE + "&description[a]=x", None, "description", "Invalid string"),
    (
        BASE + "&statement_descriptor=" + "x" * 23,
        None,
        "statement_descriptor",
        f"Invalid string: {'x' * 23}; must be at most 22 characters",
    ),
    (BASE + "&card=x", None, "card", "Invalid object"),
    (BASE + "&items=x", None, "items", "Invalid array"),
    (BASE + "&items[1][sku]=x", None, "items", "Invalid array"),
    (BASE + "&items[][sku]=1&items[][sku]=2&items[][sku]=3", None, "items", None),
    (
        BASE + "&payment_method=pm%20x",
        "resource_missing",
        "payment_method",
        "No such PaymentMethod: 'pm x'",
    ),
    (
        BASE + "&source=a&charge=b",
        "parameters_exclusive",
        "source",
        "You may only specify one of these parameters: source, charge.",
    ),
    (BASE + "&metadata=x", None, "metadata", "Invalid object"),
    (BASE + "&metadata[a][b]=x", None, "metadata[a]", "Invalid string"),
    (BASE + f"&metadata[{'k' * 41}]=x", None, "metadata", None),
    (BASE + f"&metadata[k]={'v' * 501}", None, "metadata[k]", None),
    (BASE + "".join(f"&metadata[k{n}]=v" for n in range(51)), None, "metadata", None),
]


@pytest.mark.parametrize(("body", "code", "param", "message"), REFUSED)
def test_a_refusal_has_stripes_code_param_and_words(
    body: str, code: str | None, param: str, message: str | None
) -> None:
    error = refused(body)
    assert (error.get("code"), error["param"]) == (code, param)
    assert message is None or error["message"] == message


def test_enum_words_are_listed_as_stripe_lists_them() -> None:
    for words, listed in ((("a",), "a"), (("a", "b"), "one of a or b")):
        error = refused("e=x", Spec({"e": Enum(words)}))
        assert error["message"] == f"Invalid e: must be {listed}"


@pytest.mark.parametrize(
    ("query", "created_"),
    [
        ("created=5", TimeRange(gte=5, lte=5)),
        ("created[gt]=5&created[lte]=9", TimeRange(gt=5, lte=9)),
        ("created[gte]=5", TimeRange(gte=5)),
        ("created[lt]=5", TimeRange(lt=5)),
    ],
)
def test_lists_take_a_range_of_times(query: str, created_: TimeRange) -> None:
    given = parse(LIST, decode(query.encode()))
    assert given == {"limit": 10, "created": created_}


def test_a_range_knows_its_first_and_last_second() -> None:
    assert (TimeRange(gt=5, gte=3).first, TimeRange(lt=9, lte=20).last) == (6, 8)
    assert (TimeRange().first, TimeRange().last) == (-FARTHEST_SECOND, FARTHEST_SECOND)
    assert TimeRange(gt=FARTHEST_SECOND).first * 1_000 < 2**63


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("created[foo]=5", "parameter_unknown"),
        ("created[gt]=x", "parameter_invalid_integer"),
        ("created[gt]=9223372036854775807", "parameter_invalid_integer"),
        ("created=-9223372036854775808", "parameter_invalid_integer"),
        ("created[gt]=", "parameter_invalid_integer"),
        ("created[]=5", None),
        ("limit=0", "parameter_invalid_integer"),
        ("limit=101", "parameter_invalid_integer"),
        ("foo=1", "parameter_unknown"),
    ],
)
def test_lists_refuse_what_they_do_not_take(query: str, code: str | None) -> None:
    assert refused(query, LIST).get("code") == code


def test_metadata_changes_as_stripe_changes_it() -> None:
    current = {"a": "1", "b": "2"}
    assert changed_metadata(current, {"a": "", "c": "3"}) == {"b": "2", "c": "3"}
    assert changed_metadata(current, None) == {}
    assert changed_metadata({}, {"a": ""}) == {}
    assert current == {"a": "1", "b": "2"}
    full = {f"k{number}": "v" for number in range(50)}
    assert len(changed_metadata(full, {"k0": "", "new": "v"})) == 50
    with pytest.raises(ApiError):
        changed_metadata(full, {"new": "v"})


@pytest.mark.parametrize(
    "body",
    [
        "amount=4242424242424242&currency=usd",
        "amount=4242+4242+4242+4242+12/34&currency=usd",
        "amount=1&currency=4242424242424242",
        BASE + "&confirm=4242-4242-4242-4242",
        BASE + "&payment_method=4242424242424242%20",
        BASE + "&4242424242424242=x",
        BASE + "&card[number][x]=4242424242424242&card[exp_month]=1",
        BASE + "&card[exp_month]=4242424242424242x&card[number]=x",
        BASE + "&statement_descriptor=" + "x" * 20 + "4242424242424242",
        BASE + "&metadata[x4242424242424242" + "x" * 41 + "]=1",
        BASE + "&card[number]=" + "4242424242424242" * 400 + "&card[exp_month]=1",
    ],
)
def test_a_card_number_in_the_wrong_place_is_not_repeated(body: str) -> None:
    shown = json.dumps(refused(body), ensure_ascii=False).replace(" ", "").replace("-", "")
    assert "4242424242" not in shown


def test_a_broken_form_is_answered_as_an_invalid_request() -> None:
    with pytest.raises(FormError) as broken:
        decode(b"a=1&a[b]=2")
    error = form_refused(broken.value)
    assert (error.status, error.type, error.param) == (400, "invalid_request_error", "a")


def test_a_card_number_as_a_name_is_not_repeated() -> None:
    with pytest.raises(FormError) as broken:
        decode(b"4242424242424242=1&4242424242424242=2")
    assert "4242" not in json.dumps(to_body(form_refused(broken.value)))


@given(st.binary(max_size=60) | st.text("amount=currency&[]%0usd1", max_size=60).map(str.encode))
def test_any_bytes_are_parameters_or_a_refusal(body: bytes) -> None:
    try:
        given_ = parse(CREATE, decode(body))
    except (ApiError, FormError):
        return
    assert given_["amount"] >= 1


def test_the_specification_describes_itself_as_openapi() -> None:
    body = openapi_schema(CREATE)
    form = body["content"]["application/x-www-form-urlencoded"]
    assert body["required"] is True
    assert form["encoding"]["metadata"] == {"style": "deepObject", "explode": True}
    assert "amount" not in form["encoding"]
    schema = form["schema"]
    jsonschema_rs.meta.validate(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    )
    good = {
        "amount": 1,
        "currency": "usd",
        "description": "",
        "card": {"number": "4", "exp_month": 1},
    }
    assert jsonschema_rs.is_valid(schema, good)
    for bad in ({"amount": 0, "currency": "usd"}, {"currency": "usd"}, {**good, "foo": "1"}):
        assert not jsonschema_rs.is_valid(schema, bad)


def test_query_parameters_are_described_one_by_one() -> None:
    described = {parameter["name"]: parameter for parameter in openapi_query(LIST)}
    assert described["limit"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "default": 10,
    }
    assert described["created"]["style"] == "deepObject"
    assert not any(parameter["required"] for parameter in described.values())
    json.dumps(openapi_query(LIST) + [openapi_schema(CREATE)])
