"""Form bodies and query strings with bracket nesting, as Stripe's SDKs send them.

`amount=5&card[number]=…&items[0][sku]=a&expand[]=charge` becomes nested dicts, lists and strings.

One rule: a body has exactly one reading, or none. What two parsers could read differently (a name
given twice, a scalar that is also a map, a broken escape) is refused, because money must not depend
on whose reading wins. Values are never repeated in an error: they may be card numbers.

Limits are checked by counting bytes before anything is built, so the cost of a refusal is that of
reading the body once. It does not know which parameters exist; `nostro.api.parameters` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote_plus, unquote

FormValue: TypeAlias = "str | dict[str, FormValue] | list[FormValue]"
Form: TypeAlias = dict[str, FormValue]

_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_NESTED_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_SHOWN_NAME_LENGTH = 60


class FormError(ValueError):
    """The body has no single reading. `param` is the parameter at fault, or None for all of it."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


@dataclass(frozen=True, slots=True)
class Limits:
    """What a body may be at most. `depth` counts bracket pairs, lengths are characters."""

    body_bytes: int = 1_048_576
    pairs: int = 1_000
    depth: int = 6
    name_length: int = 400
    list_length: int = 500


DEFAULT_LIMITS = Limits()


def decode(body: bytes, limits: Limits = DEFAULT_LIMITS) -> Form:
    """The parameters of a form body or query string. Raises `FormError`; takes linear time.

    Keys that are exactly 0..n-1 in one map make a list, in index order; `name[]` appends to one.
    """
    if not body:
        return {}
    text = _text(body, limits)
    form: Form = {}
    nested = False
    escaped = "%" in text
    longest = limits.name_length
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if escaped:
            name, value = _unescaped(name), _unescaped(value, name)
        if not name or len(name) > longest:
            _refuse_name(pair, name)
        elif "[" in name or "]" in name:
            _insert(form, name, value, limits)
            nested = True
        elif name in form:
            raise FormError("Received a parameter more than once: " + _shown(name), _shown(name))
        else:
            form[name] = value
    return _with_lists(form, limits) if nested else form


def _text(body: bytes, limits: Limits) -> str:
    """The body as text with `+` and the common bracket escapes already decoded."""
    if len(body) > limits.body_bytes:
        raise FormError(f"The request body is larger than {limits.body_bytes} bytes.")
    if body.count(b"&") >= limits.pairs:
        raise FormError(f"The request has more than {limits.pairs} parameters.")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise FormError("The request body is not valid UTF-8.") from None
    if "\0" in text:
        raise FormError("The request body contains a NUL byte.")
    if "+" in text:
        text = text.replace("+", " ")
    return _without_bracket_escapes(text) if "%" in text else text


def _without_bracket_escapes(text: str) -> str:
    """Each `%` starts one whole escape here, so replacing the brackets' cannot make a new one."""
    if _BROKEN_ESCAPE.search(text):
        raise FormError("The request body contains a malformed percent escape.")
    if "%00" in text:
        raise FormError("The request body contains a NUL byte.")
    return text.replace("%5B", "[").replace("%5D", "]")


def _unescaped(part: str, name: str | None = None) -> str:
    if "%" not in part:
        return part
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        shown = None if name is None else _shown(name)
        raise FormError("The request body is not valid UTF-8.", shown) from None


def _refuse_name(pair: str, name: str) -> None:
    """An empty pair (`a=1&&b=2`) is nothing at all; every other name that came here is refused."""
    if name:
        raise FormError("A parameter's name is too long: " + _shown(name), _shown(name))
    if pair:
        raise FormError("Received a parameter without a name.")


def _insert(form: Form, name: str, value: str, limits: Limits) -> None:
    """Walk the brackets of one name from the root and put the value at their end."""
    path = _path(name, limits)
    here: dict[str, FormValue] | list[FormValue] = form
    for index, key in enumerate(path[:-1]):
        here = _step(here, key, path, index, limits)
    _put(here, path[-1], value, name, limits)


def _path(name: str, limits: Limits) -> list[str]:
    match = _NESTED_NAME.fullmatch(name)
    if match is None:
        raise FormError("Malformed brackets in a parameter's name: " + _shown(name), _shown(name))
    keys = match[2][1:-1].split("][")
    if len(keys) > limits.depth:
        raise FormError(
            f"Parameters may be nested {limits.depth} levels deep: " + _shown(name), match[1]
        )
    return [match[1], *keys]


def _step(
    here: dict[str, FormValue] | list[FormValue],
    key: str,
    path: list[str],
    index: int,
    limits: Limits,
) -> dict[str, FormValue] | list[FormValue]:
    """The container under `key`, made if it is absent. Its shape is told by the key after it."""
    fresh: dict[str, FormValue] | list[FormValue] = [] if path[index + 1] == "" else {}
    if isinstance(here, list):
        found = _open_item(here, key, path[index + 1 :], fresh, limits)
    else:
        found = here.setdefault(key, fresh) if key else ""
    if type(found) is not type(fresh):
        raise _conflict(path)
    assert not isinstance(found, str)
    return found


def _open_item(
    items: list[FormValue],
    key: str,
    rest: list[str],
    fresh: dict[str, FormValue] | list[FormValue],
    limits: Limits,
) -> FormValue:
    """`a[][x]=1&a[][y]=2` is one item with two keys; a key that repeats begins the next item."""
    if key:
        return ""
    if items and isinstance(items[-1], dict) and not _has(items[-1], rest):
        return items[-1]
    return _append(items, fresh, limits)


def _append(items: list[FormValue], item: FormValue, limits: Limits) -> FormValue:
    if len(items) >= limits.list_length:
        raise FormError(f"A list may have at most {limits.list_length} items.")
    items.append(item)
    return item


def _has(item: FormValue, path: Sequence[str]) -> bool:
    """Whether a value already stands at the path; `[]` ends one, since appending never collides."""
    for key in path:
        if not isinstance(item, dict) or key not in item:
            return False
        item = item[key]
    return True


def _put(
    here: dict[str, FormValue] | list[FormValue], key: str, value: str, name: str, limits: Limits
) -> None:
    if isinstance(here, list):
        if key:
            raise _conflict([name])
        _append(here, value, limits)
    elif key in here:
        raise FormError("Received a parameter more than once: " + _shown(name), _shown(name))
    elif not key:
        raise _conflict([name])
    else:
        here[key] = value


def _conflict(path: Sequence[str]) -> FormError:
    name = _shown(path[0].partition("[")[0])
    return FormError(f"Received {name} in two different shapes.", name)


def _with_lists(form: Form, limits: Limits) -> Form:
    for name, value in form.items():
        if not isinstance(value, str):
            form[name] = _as_list(value, limits)
    return form


def _as_list(value: FormValue, limits: Limits) -> FormValue:
    """Maps keyed 0..n-1 turned into lists, at every level. The depth limit bounds the recursion."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [_as_list(item, limits) for item in value]
    value = {key: _as_list(item, limits) for key, item in value.items()}
    if "0" not in value or not all(str(index) in value for index in range(len(value))):
        return value
    if len(value) > limits.list_length:
        raise FormError(f"A list may have at most {limits.list_length} items.")
    return [value[str(index)] for index in range(len(value))]


def _shown(name: str) -> str:
    return name if len(name) <= _SHOWN_NAME_LENGTH else name[:_SHOWN_NAME_LENGTH] + "…"


def encode(form: Mapping[str, FormValue]) -> bytes:
    """The body that `decode` reads back. Empty maps and lists have no form, and vanish."""
    pairs = (pair for name, value in form.items() for pair in _pairs(quote_plus(name), value))
    return "&".join(pairs).encode()


def _pairs(name: str, value: FormValue) -> Iterator[str]:
    if isinstance(value, str):
        yield f"{name}={quote_plus(value)}"
        return
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield from _pairs(f"{name}[{quote_plus(str(key))}]", item)
