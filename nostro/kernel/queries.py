"""Reads the `queries.sql` beside a room: named statements, each under a `-- name:` heading.

    -- name: insert_refunds
    -- One statement per batch; a refund's id is unique within its book.
    INSERT INTO nostro.refunds (book_id, ...) SELECT $1, ...;

Pure text; the only I/O is reading the package's own file. It lives in the kernel since every room
needs it and no room may import the driver. Statements use `$1` parameters and `$1` is the book.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import LiteralString

_HEADING = re.compile(r"^-- name:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def parse(text: str) -> Mapping[str, LiteralString]:
    """Split a file into statements by name.

    Raises ValueError for a statement without a name, or one that is empty or named twice.
    """
    preamble, *pieces = _HEADING.split(text)
    if _without_comments(preamble):
        raise ValueError("a statement stands before the first `-- name:` heading")
    statements: dict[str, LiteralString] = {}
    for name, body in zip(pieces[0::2], pieces[1::2], strict=True):
        statement = _without_comments(body).rstrip(";")
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} is not a lower_case name for a query")
        if name in statements or not statement:
            raise ValueError(f"query {name} is empty or named twice")
        statements[name] = statement
    return MappingProxyType(statements)


def load(package: str, file: str = "queries.sql") -> Mapping[str, LiteralString]:
    """The statements of a package's file, such as `queries.sql` of `nostro.ledger`."""
    return parse(files(package).joinpath(file).read_text("utf-8"))


def _without_comments(body: str) -> str:
    # Line breaks stay: a comment at the end of a line must not swallow the next one.
    lines = (line.rstrip() for line in body.splitlines() if not line.lstrip().startswith("--"))
    return "\n".join(line for line in lines if line)
