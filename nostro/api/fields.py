"""The kinds of request parameters: how each is read, refused and described.

One rule: a field is compiled once into a closure, and reading a value does no work that could have
been done before. Values arrive as `nostro.wire.form` decoded them: strings, maps and lists.
An empty string unsets a parameter that can be unset (it reads as None) and is refused otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias

import msgspec

from nostro.api.echo import echo
from nostro.api.errors import (
    ApiError,
    empty_parameter,
    invalid_integer,
    invalid_request,
    missing_parameter,
    no_such,
)
from nostro.kernel.money import is_currency
from nostro.kernel.secret import Cvc, Pan
from nostro.wire.form import Form, FormValue

Read: TypeAlias = Callable[[FormValue, str], Any]
Schema: TypeAlias = dict[str, Any]

SMALLEST, LARGEST = -(2**63), 2**63 - 1
# Seconds that are still 64 bits as milliseconds, with room to add one.
FARTHEST_SECOND = 9_000_000_000_000_000
LONGEST_STRING = 5_000
METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,254}")
_SAFE_DIGITS = 18
_NO_DEFAULT: Any = object()


class Nested(Protocol):
    """What a `Map` asks of the specification inside it."""

    def read(self, form: Form, prefix: str) -> dict[str, Any]: ...
    def unknown(self, form: Form, prefix: str) -> list[str]: ...
    def schema(self) -> Schema: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What every parameter has. `unset`: an empty string is allowed and reads as None."""

    required: bool = False
    unset: bool = False
    default: Any = _NO_DEFAULT
    description: str = ""
    deep: ClassVar[bool] = False

    @property
    def has_default(self) -> bool:
        return self.default is not _NO_DEFAULT

    def compiled(self) -> Read:
        """The closure that reads one value of this field, or raises `ApiError`."""
        read, unset = self._compiled(), self.unset

        def read_or_unset(value: FormValue, name: str) -> Any:
            if value != "":
                return read(value, name)
            if unset:
                return None
            raise empty_parameter(name)

        return read_or_unset

    def _compiled(self) -> Read:
        raise NotImplementedError

    def _schema(self) -> Schema:
        raise NotImplementedError

    def unknown(self, value: FormValue, name: str) -> list[str]:
        """The names inside a value that no specification has."""
        return []

    def schema(self) -> Schema:
        """The JSON Schema of this parameter for OpenAPI 3.1."""
        schema = self._schema()
        if self.description:
            schema["description"] = self.description
        if self.has_default:
            schema["default"] = self.default
        return {"anyOf": [schema, {"const": ""}]} if self.unset else schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(Field):
    """A whole number of at most 64 bits, in plain decimal digits."""

    minimum: int = SMALLEST
    maximum: int = LARGEST

    def _compiled(self) -> Read:
        minimum, maximum = self.minimum, self.maximum

        def read(value: FormValue, name: str) -> int:
            number = _integer(value, name)
            if minimum <= number <= maximum:
                return number
            raise _out_of_range(number, name, minimum, maximum)

        return read

    def _schema(self) -> Schema:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


def _integer(value: FormValue, name: str) -> int:
    if not isinstance(value, str):
        raise invalid_request("Invalid integer", code="parameter_invalid_integer", param=name)
    if len(value) <= _SAFE_DIGITS and value.isdigit() and value.isascii():
        return int(value)
    if _INTEGER.fullmatch(value) and SMALLEST <= int(value) <= LARGEST:
        return int(value)
    raise invalid_integer(name, value)


def _out_of_range(number: int, name: str, minimum: int, maximum: int) -> ApiError:
    if number < SMALLEST or number > LARGEST:
        return invalid_integer(name, str(number))
    bound = f"greater than or equal to {minimum}"
    if number > maximum:
        bound = f"less than or equal to {maximum}"
    return invalid_request(
        f"This value must be {bound} (it currently is '{echo(str(number))}').",
        code="parameter_invalid_integer",
        param=name,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class String(Field):
    """Text of at most `longest` characters."""

    longest: int = LONGEST_STRING

    def _compiled(self) -> Read:
        longest = self.longest

        def read(value: FormValue, name: str) -> str:
            if isinstance(value, str) and len(value) <= longest:
                return value
            raise _invalid_string(value, name, longest)

        return read

    def _schema(self) -> Schema:
        return {"type": "string", "maxLength": self.longest}


def _invalid_string(value: FormValue, name: str, longest: int) -> ApiError:
    if not isinstance(value, str):
        return invalid_request("Invalid string", param=name)
    return invalid_request(
        f"Invalid string: {echo(value)}; must be at most {longest} characters", param=name
    )


@dataclass(frozen=True, slots=True)
class Enum(Field):
    """One of a few words."""

    words: tuple[str, ...]

    def _compiled(self) -> Read:
        words, listed = frozenset(self.words), _either(self.words)

        def read(value: FormValue, name: str) -> str:
            if isinstance(value, str) and value in words:
                return value
            raise invalid_request(f"Invalid {name}: must be {listed}", param=name)

        return read

    def _schema(self) -> Schema:
        return {"type": "string", "enum": list(self.words)}


def _either(words: tuple[str, ...]) -> str:
    """`a`, `one of a or b`, `one of a, b, or c`: as Stripe lists them."""
    if len(words) < 3:
        return ("one of " if len(words) > 1 else "") + " or ".join(words)
    return f"one of {', '.join(words[:-1])}, or {words[-1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(Field):
    """`true` or `false`."""

    def _compiled(self) -> Read:
        def read(value: FormValue, name: str) -> bool:
            if value == "true":
                return True
            if value == "false":
                return False
            shown = f": {echo(value)}" if isinstance(value, str) else ""
            raise invalid_request("Invalid boolean" + shown, param=name)

        return read

    def _schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency(Field):
    """A three-letter ISO 4217 code; capitals are accepted and read as small letters."""

    def _compiled(self) -> Read:
        def read(value: FormValue, name: str) -> str:
            if isinstance(value, str) and is_currency(code := value.lower()):
                return code
            shown = f": {echo(value.lower())}" if isinstance(value, str) else ""
            raise invalid_request(f"Invalid {name}{shown}", param=name)

        return read

    def _schema(self) -> Schema:
        return {"type": "string", "pattern": "^[A-Za-z]{3}$"}


@dataclass(frozen=True, slots=True)
class Id(Field):
    """The id of an object of `kind`, Stripe's word for it in `No such kind: 'id'`.

    What cannot be an id at all is answered as one that does not exist. An id begins with a letter: a card
    number in its place goes no further than this, and is not saved with the refusal.
    """

    kind: str

    def _compiled(self) -> Read:
        kind = self.kind

        def read(value: FormValue, name: str) -> str:
            if not isinstance(value, str):
                raise invalid_request("Invalid string", param=name)
            if not _ID.fullmatch(value):
                raise no_such(kind, value, name)
            return value

        return read

    def _schema(self) -> Schema:
        return {"type": "string", "maxLength": 255}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardNumber(Field):
    """A card number, which leaves here as a `Pan`. Spaces and hyphens are dropped."""

    def _compiled(self) -> Read:
        return lambda value, name: Pan(_unechoed(value, name).replace(" ", "").replace("-", ""))

    def _schema(self) -> Schema:
        return {"type": "string", "maxLength": LONGEST_STRING, "format": "password"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityCode(Field):
    """A card security code, which leaves here as a `Cvc`."""

    def _compiled(self) -> Read:
        return lambda value, name: Cvc(_unechoed(value, name))

    def _schema(self) -> Schema:
        return {"type": "string", "maxLength": LONGEST_STRING, "format": "password"}


def _unechoed(value: FormValue, name: str) -> str:
    """Card data that is refused is not repeated, not even in part."""
    if isinstance(value, str) and len(value) <= LONGEST_STRING:
        return value
    raise invalid_request("Invalid string", param=name)


class TimeRange(msgspec.Struct, frozen=True):
    """Bounds on a time in Unix seconds; None where there is none."""

    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None

    @property
    def first(self) -> int:
        """The earliest second inside the range."""
        after = -FARTHEST_SECOND if self.gt is None else self.gt + 1
        return after if self.gte is None else max(after, self.gte)

    @property
    def last(self) -> int:
        """The latest second inside the range."""
        before = FARTHEST_SECOND if self.lt is None else self.lt - 1
        return before if self.lte is None else min(before, self.lte)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timestamp(Field):
    """A time in Unix seconds, or bounds on one: `created=5`, `created[gte]=5&created[lt]=9`."""

    deep: ClassVar[bool] = True

    def _compiled(self) -> Read:
        def read(value: FormValue, name: str) -> TimeRange:
            if isinstance(value, str):
                at = _second(value, name)
                return TimeRange(gte=at, lte=at)
            if not isinstance(value, dict) or self.unknown(value, name):
                raise invalid_request("Invalid object", param=name)
            return TimeRange(**{key: _second(at, f"{name}[{key}]") for key, at in value.items()})

        return read

    def unknown(self, value: FormValue, name: str) -> list[str]:
        if not isinstance(value, dict):
            return []
        return [f"{name}[{key}]" for key in value if key not in TimeRange.__struct_fields__]

    def _schema(self) -> Schema:
        bounds = {key: {"type": "integer"} for key in TimeRange.__struct_fields__}
        range_ = {"type": "object", "properties": bounds, "additionalProperties": False}
        return {"anyOf": [range_, {"type": "integer"}]}


def _second(value: FormValue, name: str) -> int:
    second = _integer(value, name)
    if abs(second) > FARTHEST_SECOND:
        raise invalid_integer(name, str(second))
    return second


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata(Field):
    """A merchant's own keys and values. Reads as a change: see `changed_metadata`.

    `metadata[k]=` keeps its empty value, which unsets the key; `metadata=` reads as None: all of it.
    """

    unset: bool = True
    deep: ClassVar[bool] = True

    def _compiled(self) -> Read:
        def read(value: FormValue, name: str) -> dict[str, str]:
            if isinstance(value, list):
                value = {str(index): item for index, item in enumerate(value)}
            if not isinstance(value, dict):
                raise invalid_request("Invalid object", param=name)
            change: dict[str, str] = {}
            for key, text in value.items():
                change[key] = _metadata_value(key, text, name)
            return _within_metadata_limit(change, name)

        return read

    def _schema(self) -> Schema:
        return {
            "type": "object",
            "maxProperties": METADATA_KEYS,
            "propertyNames": {"maxLength": METADATA_KEY_LENGTH},
            "additionalProperties": {"type": "string", "maxLength": METADATA_VALUE_LENGTH},
        }


def _metadata_value(key: str, text: FormValue, name: str) -> str:
    if not isinstance(text, str):
        raise invalid_request("Invalid string", param=f"{name}[{echo(key)}]")
    if len(key) > METADATA_KEY_LENGTH:
        raise invalid_request(
            f"Metadata keys have at most {METADATA_KEY_LENGTH} characters: {echo(key)}", param=name
        )
    if len(text) > METADATA_VALUE_LENGTH:
        raise invalid_request(
            f"Metadata values have at most {METADATA_VALUE_LENGTH} characters.",
            param=f"{name}[{echo(key)}]",
        )
    return text


def _within_metadata_limit(metadata: dict[str, str], name: str) -> dict[str, str]:
    if len(metadata) > METADATA_KEYS:
        raise invalid_request(f"Metadata has at most {METADATA_KEYS} keys.", param=name)
    return metadata


def changed_metadata(
    current: Mapping[str, str], change: Mapping[str, str] | None
) -> dict[str, str]:
    """The metadata after a change: None clears, an empty value unsets its key, others are set.

    Raises `ApiError` if more than 50 keys would remain.
    """
    if change is None:
        return {}
    merged = {key: value for key, value in {**current, **change}.items() if value != ""}
    return _within_metadata_limit(merged, "metadata")


@dataclass(frozen=True, slots=True)
class Map(Field):
    """Parameters inside a parameter: `card[number]`."""

    spec: Nested
    deep: ClassVar[bool] = True

    def _compiled(self) -> Read:
        inside = self.spec.read

        def read(value: FormValue, name: str) -> dict[str, Any]:
            if isinstance(value, dict):
                return inside(value, name)
            raise invalid_request("Invalid object", param=name)

        return read

    def unknown(self, value: FormValue, name: str) -> list[str]:
        return self.spec.unknown(value, name) if isinstance(value, dict) else []

    def _schema(self) -> Schema:
        return self.spec.schema()


@dataclass(frozen=True, slots=True)
class List(Field):
    """Values of one kind: `expand[]=a&expand[]=b` or `expand[0]=a&expand[1]=b`."""

    item: Field
    most: int = 100
    deep: ClassVar[bool] = True

    def _compiled(self) -> Read:
        read_item, most = self.item.compiled(), self.most

        def read(value: FormValue, name: str) -> list[Any]:
            if not isinstance(value, list):
                raise invalid_request("Invalid array", param=name)
            if len(value) > most:
                raise invalid_request(f"A list has at most {most} items.", param=name)
            return [read_item(item, f"{name}[{index}]") for index, item in enumerate(value)]

        return read

    def unknown(self, value: FormValue, name: str) -> list[str]:
        items = enumerate(value) if isinstance(value, list) else ()
        return [
            found for index, item in items for found in self.item.unknown(item, f"{name}[{index}]")
        ]

    def _schema(self) -> Schema:
        return {"type": "array", "items": self.item.schema(), "maxItems": self.most}


def require(names: frozenset[str], given: Mapping[str, object], prefix: str) -> None:
    """Raise for the first required parameter that was not sent, in alphabetical order."""
    for name in sorted(names - given.keys()):
        raise missing_parameter(f"{prefix}[{name}]" if prefix else name)
