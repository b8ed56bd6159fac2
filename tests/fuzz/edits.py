"""Edits of files as hypothesis draws them: to the values in a file, and to its bytes.

An edit knows nothing of the file. It says where by a number, which is taken modulo the number of
places that the file has. So a case can be made smaller edit by edit, and its files tell all of it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

LONG = "x" * 100_000
_NEST: Any = 0
for _ in range(300):
    _NEST = [_NEST]
DEEP = _NEST

# Values that no key expects: of another type, beyond every bound, or harmful where they are shown.
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, -0.0, 0.5, 1.0, -1e-300, 1e308, -1e308, 5e-324),
    *(1e5, -7, 9, 2**31, -(2**31) - 1, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**400),
    *(float("nan"), float("inf"), float("-inf")),
    *(
        "",
        " ",
        "\n",
        "\t",
        "0",
        "-1",
        "1.0",
        "nan",
        "null",
        "true",
        "no",
        "1e999",
        "x",
        "é",
        "漢字",
    ),
    *(
        "\x00",
        "\x1b[2J\x1b[31mred",
        "\x9b31m",
        "\u202egnirts",
        "\u2028",
        "\ufeff",
        "\ud800",
        "\x7f",
    ),
    *("::error file=x::pwn", "a\n::error::pwn", "##[error]pwn", "<script>alert(1)</script>"),
    *("[bold]x[/bold]", "[/]", "%s%n{0}", "=1+1", "a|b|c", "`x`", "](javascript:x)", "]]>"),
    *("../../../nowhere/x", "/dev/null", "/", ".", "..", "C:\\nul", "https://example.org/x"),
    *(
        "os:system",
        "evil:make",
        "2030-02-30",
        "9999-12-31",
        "0001-01-01",
        "(\\w+\\s?)+!",
        "(",
        "$^",
    ),
    *(
        LONG,
        "é" * 5000,
        "a " * 5000,
        [],
        {},
        [[]],
        [None],
        [1, [2, [3]]],
        {"": ""},
        {"a": {"b": 1}},
    ),
    *(["x"] * 300, [0.1] * 3000, list("abcdef"), DEEP, {str(n): n for n in range(300)}),
)


def shortened(value: Any) -> str:
    """What a value looks like, or its beginning."""
    try:
        text = ascii(value)
    except (RecursionError, ValueError):  # more digits than Python writes
        return f"a {type(value).__name__} too large to show"
    return text if len(text) < 80 else f"{text[:60]}... ({len(text)} characters)"


@dataclass(frozen=True)
class Change:
    """An edit to one place of a tree of mappings and lists: `what` is one of CHANGES.

    Or it is `number` or `text`, which puts another one in the place of one.
    """

    place: int
    what: str
    value: Any = None

    def __repr__(self) -> str:
        return f"Change({self.place}, {self.what!r}, {shortened(self.value)})"


CHANGES = ("replace", "delete", "double", "rename", "add", "swap", "clear", "repeat", "nudge")


@dataclass(frozen=True)
class Damage:
    """An edit to the bytes of a file: `what` is one of DAMAGES, `at` where, `size` how much."""

    at: int
    what: str
    size: int = 1
    value: bytes = b""

    def __repr__(self) -> str:
        return f"Damage({self.at}, {self.what!r}, {self.size}, {shortened(self.value)})"


DAMAGES = ("flip", "cut", "drop", "insert", "repeat", "zero", "swap")
_WHERE = st.integers(0, 2**20)
_ODD = st.integers(0, len(ODD_VALUES) - 1).map(lambda n: ODD_VALUES[n])
_VALUES = st.one_of(
    _ODD,
    _ODD,
    st.integers(),
    st.floats(),
    st.text(max_size=8),
)


def _of(*kinds: type) -> st.SearchStrategy[Any]:
    some = [value for value in ODD_VALUES if type(value) in kinds]
    return st.integers(0, len(some) - 1).map(lambda n: some[n])


# Another value of the same type: only that reaches what lies behind the check of types.
_ALIKE = st.one_of(
    st.tuples(st.just("number"), st.one_of(_of(int, float), st.integers(-9, 9), st.floats(-9, 9))),
    st.tuples(st.just("text"), st.one_of(_of(str), st.text(max_size=8))),
)


def changes(most: int = 3) -> st.SearchStrategy[list[Change]]:
    """From one change to so many; most cases have one, so that it is reached what lies behind."""
    anything = st.builds(Change, _WHERE, st.sampled_from((*CHANGES, "replace")), _VALUES)
    alike = st.builds(lambda at, what: Change(at, *what), _WHERE, _ALIKE)
    one = st.one_of(anything, alike)
    return st.one_of(
        st.lists(one, min_size=1, max_size=1), st.lists(one, min_size=1, max_size=most)
    )


def damages(words: Sequence[bytes] = (), most: int = 3) -> st.SearchStrategy[list[Damage]]:
    """From one damage to so many; what is inserted are odd bytes, or words of the file's format."""
    values = st.binary(min_size=1, max_size=8)
    if words:
        values = st.one_of(st.integers(0, len(words) - 1).map(lambda n: words[n]), values)
    sizes = st.one_of(st.just(1), st.integers(1, 64), st.sampled_from([4096, 65536]))
    one = st.builds(Damage, _WHERE, st.sampled_from(DAMAGES), sizes, values)
    return st.lists(one, min_size=1, max_size=most)


def changed(tree: Any, edits: Sequence[Change]) -> Any:
    """The tree with all edits made, one after the other; the given one stays as it is."""
    root = [copy.deepcopy(tree)]  # so that the whole is a place as well
    for edit in edits:
        places = [place for place in _places(root) if _fits(*place, edit.what)]
        if not places:  # the whole was deleted, say
            continue
        _change(*places[edit.place % len(places)], edit)
    return root[0] if root else None


def _places(node: Any) -> Any:
    """Every (container, key) in the tree, but not in the depths of an odd value."""
    stack = [(node, 0)]
    while stack:
        container, depth = stack.pop()
        keys = list(container) if isinstance(container, dict) else range(len(container))
        for key in keys:
            yield container, key
            if isinstance(container[key], (dict, list)) and depth < 12:
                stack.append((container[key], depth + 1))


def _fits(container: Any, key: Any, what: str) -> bool:
    """Whether a place is one for a change: of numbers and texts only such are changed."""
    if what == "number":
        return type(container[key]) in (int, float)
    return what != "text" or type(container[key]) is str


def _change(container: Any, key: Any, edit: Change) -> None:
    """Make one edit; what does not fit the place replaces the value there."""
    value, many = container[key], isinstance(container[key], (dict, list))
    odd = copy.deepcopy(edit.value)
    if edit.what == "delete":
        del container[key]
    elif edit.what == "double" and isinstance(container, list):
        container.insert(key, copy.deepcopy(value))
    elif edit.what == "rename" and isinstance(container, dict):
        del container[key]
        container[odd if isinstance(odd, str) else f"{key}_"] = value
    elif edit.what == "add" and isinstance(value, dict):
        value[odd if isinstance(odd, str) else "added"] = odd
    elif edit.what == "add" and isinstance(value, list):
        value.append(odd)
    elif edit.what == "swap" and len(container) > 1:
        keys = list(container) if isinstance(container, dict) else range(len(container))
        other = keys[edit.place % len(keys)]
        container[key], container[other] = container[other], container[key]
    elif edit.what == "clear" and many:
        value.clear()
    elif edit.what == "repeat" and isinstance(value, list) and value:
        value.extend(copy.deepcopy([item for item in value[:50] for _ in range(3)]))
    elif edit.what == "nudge" and isinstance(value, (int, float)) and not isinstance(value, bool):
        container[key] = -value if edit.place % 2 else value * 3 + 1
    else:
        container[key] = odd


def damaged(data: bytes, edits: Sequence[Damage]) -> bytes:
    """The bytes with all edits made, one after the other."""
    for edit in edits:
        at = edit.at % (len(data) + 1)
        before, hit, after = data[:at], data[at : at + edit.size], data[at + edit.size :]
        if edit.what == "flip":
            mask = edit.value[0] or 1 if edit.value else 1
            data = before + (bytes([hit[0] ^ mask]) + hit[1:] if hit else b"") + after
        elif edit.what == "cut":
            data = before
        elif edit.what == "drop":
            data = before + after
        elif edit.what == "insert":
            data = before + edit.value + hit + after
        elif edit.what == "repeat":
            data = before + hit * 3 + after
        elif edit.what == "zero":
            data = before + bytes(len(hit)) + after
        else:  # swap: what stands here with what stands before
            data = before[: -len(hit)] + hit + before[-len(hit) :] + after if hit else data
    return data
