"""Reads the `queries.sql` beside a room: named statements, each under a `-- name:` heading.

Pure text; the only I/O is reading the package's own file. Statements use `$1` parameters and `$1` is the book.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import LiteralString, cast

_HEADING = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def parse(text: str) -> Mapping[str, LiteralString]:
    """Split a file into statements by name. Raises ValueError for a duplicate or empty one."""
    pieces = _HEADING.split(text)
    statements: dict[str, LiteralString] = {}
    for name, body in zip(pieces[1::2], pieces[2::2], strict=True):
        lines = [line for line in body.splitlines() if not line.lstrip().startswith("--")]
        statement = " ".join(" ".join(lines).split()).rstrip(";")
        if name in statements or not statement:
            raise ValueError(f"query {name} is empty or named twice")
        statements[name] = cast(LiteralString, statement)
    return MappingProxyType(statements)


def load(package: str) -> Mapping[str, LiteralString]:
    """The statements of `queries.sql` in a package, such as `nostro.ledger`."""
    return parse(files(package).joinpath("queries.sql").read_text())
