"""A form body has one reading or none, at a bounded price."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.wire.form import Form, FormError, FormValue, Limits, decode, encode

READ = [
    (b"", {}),
    (b"a=1", {"a": "1"}),
    (b"a=1&b=2", {"a": "1", "b": "2"}),
    (b"a=1&&b=2&", {"a": "1", "b": "2"}),
    (b"a", {"a": ""}),
    (b"a=", {"a": ""}),
    (b"a=b=c", {"a": "b=c"}),
    (b"a=%20+%2B", {"a": "  +"}),
    (b"a=%2525", {"a": "%25"}),
    (b"a=%255B", {"a": "%5B"}),
    (b"a=%C3%A9", {"a": "é"}),
    ("a=é".encode(), {"a": "é"}),
    (b"metadata[order]=42", {"metadata": {"order": "42"}}),
    (b"metadata%5Border%5D=42", {"metadata": {"order": "42"}}),
    (b"metadata%5border%5d=42", {"metadata": {"order": "42"}}),
    (b"a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
    (b"a[]=x&a[]=y", {"a": ["x", "y"]}),
    (b"a[1]=y&a[0]=x", {"a": ["x", "y"]}),
    (b"a[1]=y&a[2]=x", {"a": {"1": "y", "2": "x"}}),
    (b"a[00]=y", {"a": {"00": "y"}}),
    (b"a[999999999999]=y", {"a": {"999999999999": "y"}}),
    (b"a[b][0][c]=x&a[b][1][c]=y", {"a": {"b": [{"c": "x"}, {"c": "y"}]}}),
    (b"a[][x]=1&a[][y]=2&a[][x]=3", {"a": [{"x": "1", "y": "2"}, {"x": "3"}]}),
    (b"a[][b][c]=1&a[][b][d]=2", {"a": [{"b": {"c": "1", "d": "2"}}]}),
    (b"created[gte]=1&created[lt]=9", {"created": {"gte": "1", "lt": "9"}}),
    (b"a[]=[b]&c=]", {"a": ["[b]"], "c": "]"}),
]

REFUSED = [
    (b"a=1&a=2", "a"),
    (b"a=1&%61=2", "a"),
    (b"a=1&a[b]=2", "a"),
    (b"a[b]=1&a=2", "a"),
    (b"a[b]=1&a[b]=2", "a[b]"),
    (b"a[b]=1&a[b][c]=2", "a"),
    (b"a[b][c]=1&a[b]=2", "a[b]"),
    (b"a[]=1&a[b]=2", "a"),
    (b"a[b]=1&a[]=2", "a"),
    (b"a[][b]=1&a[0][b]=2", "a"),
    (b"a[b]=1&a[][b]=2", "a"),
    (b"a[", "a["),
    (b"a]=1", "a]"),
    (b"a[b=1", "a[b"),
    (b"a[b]c=1", "a[b]c"),
    (b"[a]=1", "[a]"),
    (b"a[[b]]=1", "a[[b]]"),
    (b"=1", None),
    (b"a=%", None),
    (b"a=%4", None),
    (b"a=%zz", None),
    (b"a=%%5B", None),
    (b"a=\0", None),
    (b"a=%00", None),
    (b"a=\xff", None),
    (b"a=%ff", "a"),
    (b"%ff=a", None),
    (b"a=%ED%A0%80", "a"),
    (b"a=\xed\xa0\x80", None),
    (b"a[1][2][3][4][5][6][7]=1", "a"),
]


@pytest.mark.parametrize(("body", "form"), READ)
def test_a_body_is_read(body: bytes, form: Form) -> None:
    assert decode(body) == form


@pytest.mark.parametrize(("body", "param"), REFUSED)
def test_a_body_without_one_reading_is_refused(body: bytes, param: str | None) -> None:
    with pytest.raises(FormError) as refusal:
        decode(body)
    assert refusal.value.param == param


def test_a_refusal_never_repeats_a_value() -> None:
    for body in (b"a=4242424242424242%", b"a=1&a=4242424242424242", b"a=4242424242424242%ff"):
        with pytest.raises(FormError) as refusal:
            decode(body)
        assert "4242" not in repr(refusal.value) + str(refusal.value.param)
        assert refusal.value.__cause__ is None


@pytest.mark.parametrize(
    ("limits", "fits", "exceeds"),
    [
        (Limits(pairs=2), b"a=1&b=2", b"a=1&b=2&c=3"),
        (Limits(body_bytes=3), b"a=1", b"a=12"),
        (Limits(name_length=2), b"ab=1", b"abc=1"),
        (Limits(depth=1), b"a[b]=1", b"a[b][c]=1"),
        (Limits(list_length=2), b"a[]=1&a[]=2", b"a[]=1&a[]=2&a[]=3"),
        (Limits(list_length=1), b"a[0]=1", b"a[0]=1&a[1]=2"),
    ],
)
def test_each_limit_admits_its_value_and_no_more(
    limits: Limits, fits: bytes, exceeds: bytes
) -> None:
    assert decode(fits, limits)
    with pytest.raises(FormError):
        decode(exceeds, limits)


def test_a_million_keys_are_refused_before_anything_is_built() -> None:
    body = b"&".join(b"k%d=1" % number for number in range(1_000_000))
    unlimited_bytes = Limits(body_bytes=len(body))
    started = time.perf_counter()
    for limits in (Limits(), unlimited_bytes):
        with pytest.raises(FormError):
            decode(body, limits)
    assert time.perf_counter() - started < 0.5


def test_the_worst_admitted_bodies_cost_little() -> None:
    bodies = [
        b"&".join(b"a[][x]=1" for _ in range(500)),
        b"&".join(b"a[%d][b][c][d][e][f]=%%41" % number for number in range(500)),
        b"a=" + b"%41" * 349_000,
        b"a" + b"[" * 1_000_000,
        b"&" * 999,
    ]
    started = time.perf_counter()
    for body in bodies:
        try:
            decode(body)
        except FormError:
            pass
    assert time.perf_counter() - started < 2


names = st.text(min_size=1, max_size=8).filter(
    lambda name: "\0" not in name and not set("[]") & set(name) and not name.isdecimal()
)
values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
writable = names.filter(lambda name: name.encode("utf-8", "ignore").decode() == name)


def nested(children: st.SearchStrategy[FormValue]) -> st.SearchStrategy[FormValue]:
    maps = st.dictionaries(writable, children, min_size=1, max_size=3)
    return maps | st.lists(children, min_size=1, max_size=3)


forms = st.dictionaries(writable, st.recursive(values, nested, max_leaves=6), max_size=5)


def depth(value: FormValue) -> int:
    if isinstance(value, str):
        return 0
    items = value.values() if isinstance(value, dict) else value
    return 1 + max(depth(item) for item in items)


@given(forms)
def test_what_is_encoded_is_read_back(form: Form) -> None:
    deep = Limits(depth=max([0, *map(depth, form.values())]))
    assert decode(encode(form), deep) == form


@given(st.binary(max_size=60) | st.text("ab[]=&%0+é", max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        form = decode(body)
    except FormError:
        return
    assert decode(encode(form)) == form
