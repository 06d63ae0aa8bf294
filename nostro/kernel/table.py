"""A table as the committer sees it: rows are frozen structs, statements come from the room's `queries.sql`.

Order is the contract: `$1` is the book; an insert then takes `seq` if the table is listed, then every field of the
struct in order; an update takes the key and the mutable fields in order. All but `$1` are arrays, one per column.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Generic, LiteralString, TypeVar

import msgspec

R = TypeVar("R", bound=msgspec.Struct)


class Table(Generic[R]):
    """The declaration of one table: its row type, its key and its statements."""

    def __init__(
        self,
        name: str,
        row: type[R],
        queries: Mapping[str, LiteralString],
        *,
        key: str = "id",
        mutable: Sequence[str] = (),
        listed: bool = False,
        audited: str | None = None,
        about: str | None = None,
    ) -> None:
        hints = typing.get_type_hints(row)
        self.name, self.row, self.key, self.listed = name, row, key, listed
        self.queries = queries
        self.fields = row.__struct_fields__
        self.mutable = (key, *mutable) if mutable else ()
        self._types = {field: _without_none(hints[field]) for field in self.fields}
        self._readers = [_reader(self._types[field]) for field in self.fields]
        self._plain = all(reader is None for reader in self._readers)
        self.key_of: Callable[[R], str] = attrgetter(key)
        # A table whose state is audited: which field is the state, and which names the object the change is about.
        self.state_of: Callable[[R], str] | None = attrgetter(audited) if audited else None
        self.about: Callable[[R], str] = attrgetter(about or key)
        self.read = queries[f"read_{name}"]
        self.insert = queries[f"insert_{name}"]
        self.update = queries[f"update_{name}"] if mutable else None
        self.delete = queries.get(f"delete_{name}")
        self._insert_columns = [self._column(field) for field in self.fields]
        self._update_columns = [self._column(field) for field in self.mutable]

    def __repr__(self) -> str:
        return f"<table {self.name}>"

    def decode(self, values: Sequence[Any]) -> R:
        """A row of the read statement (the fields in order) as the struct."""
        if self._plain:
            return self.row(*values)
        return self.row(
            *[
                value if reader is None or value is None else reader(value)
                for reader, value in zip(self._readers, values, strict=True)
            ]
        )

    def insert_arrays(self, rows: Sequence[R]) -> list[str]:
        """One PostgreSQL array literal per field."""
        return [encode(map(get, rows)) for get, encode in self._insert_columns]

    def update_arrays(self, rows: Sequence[R]) -> list[str]:
        """One PostgreSQL array literal for the key and each mutable field."""
        return [encode(map(get, rows)) for get, encode in self._update_columns]

    def _column(self, field: str) -> tuple[Callable[[R], Any], Callable[[Iterable[Any]], str]]:
        return attrgetter(field), _encoder(self._types[field])


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(hint) if member is not type(None)]
        return members[0] if len(members) == 1 else hint
    return hint


def _is_a(hint: Any, *kinds: type) -> bool:
    hint = getattr(hint, "__supertype__", hint)
    return isinstance(hint, type) and issubclass(hint, kinds)


def _reader(hint: Any) -> Callable[[Any], Any] | None:
    if _is_a(hint, bool, int, bytes) or hint is str:
        return None
    if _is_a(hint, str):
        return typing.cast(Callable[[Any], Any], hint)
    return msgspec.json.Decoder(hint).decode


def _encoder(hint: Any) -> Callable[[Iterable[Any]], str]:
    if _is_a(hint, bool):
        return bool_array
    if _is_a(hint, int):
        return int_array
    if _is_a(hint, bytes):
        return bytes_array
    return text_array if _is_a(hint, str) else json_array


def int_array(values: Iterable[int | None]) -> str:
    """A PostgreSQL array literal of integers."""
    return "{" + ",".join(["NULL" if v is None else str(v) for v in values]) + "}"


def bool_array(values: Iterable[bool | None]) -> str:
    """A PostgreSQL array literal of booleans."""
    return "{" + ",".join(["NULL" if v is None else "t" if v else "f" for v in values]) + "}"


def text_array(values: Iterable[str | None]) -> str:
    """A PostgreSQL array literal of text; quotes and backslashes are escaped, nothing else needs to be."""
    found = list(values)
    if None in found:
        return "{" + ",".join(["NULL" if v is None else f'"{_escaped(v)}"' for v in found]) + "}"
    if not found:
        return "{}"
    joined = _escaped(_SEPARATOR.join(found))  # type: ignore[arg-type]
    if joined.count(_SEPARATOR) != len(found) - 1:
        raise ValueError("PostgreSQL's text cannot hold NUL")
    return '{"' + joined.replace(_SEPARATOR, '","') + '"}'


def bytes_array(values: Iterable[bytes | None]) -> str:
    """A PostgreSQL array literal of bytea."""
    return "{" + ",".join(["NULL" if v is None else f'"\\\\x{v.hex()}"' for v in values]) + "}"


def json_array(values: Iterable[Any]) -> str:
    """A PostgreSQL array literal of JSON documents."""
    return text_array([None if v is None else _encode_json(v).decode() for v in values])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


# PostgreSQL's text cannot hold NUL, so no value has it; all values are escaped in one go.
_SEPARATOR = "\0"
_encode_json = msgspec.json.Encoder().encode
