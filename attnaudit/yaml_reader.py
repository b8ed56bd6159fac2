"""YAML text read into plain values, within bounds, each with the line on which it stands.

Files of strangers pass through here, so a few hundred bytes must not become gigabytes. What YAML
has and settings have no use for is refused with its line: tags, merge keys, keys that are no text,
keys that stand twice, numbers that no setting can hold. Plain words are read as YAML 1.2 reads
them: only `true` and `false` are booleans, and `no`, `on`, `1_000`, `010` and dates are text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from attnaudit.errors import InputError
from attnaudit.inputs import read_text

Place = tuple[str | int, ...]  # a place in a YAML document: ("training", "epochs")
LARGEST = 256 * 1024  # bytes: PyYAML reads about as many in a second
MOST_NODES = 10_000  # keys and values, each counted as often as an alias repeats it
DEEPEST = 40  # levels
LARGEST_NUMBER = 2**63

_BOOLEANS = {"true": True, "True": True, "TRUE": True}
_BOOLEANS |= {"false": False, "False": False, "FALSE": False}
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
FRACTION = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*|(?=[eE])))([eE][-+]?[0-9]+)?")
_OUTSIDE = {
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}


@dataclass(frozen=True)
class Plain:
    """What a YAML file holds: its value, the line of each key and item, and scalars as written."""

    value: Any
    lines: Mapping[Place, int]
    texts: Mapping[Place, str]


def read_plain(path: Path) -> Plain:
    """What the YAML file `path` holds; None for an empty one.

    Raises:
        InputError: the file cannot be read, is too large, is not YAML, or holds what this module
            refuses, with the line.
    """
    text = read_text(path, LARGEST)
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except _RefusedError as error:
        raise InputError(error.what, where=path, line=error.line, hint=error.hint) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        what = f"is not valid YAML (it holds the character #x{error.character:04x})"
        raise InputError(what, where=path, line=line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise InputError(
            f"is not valid YAML ({error.problem})", where=path, line=mark.line + 1 if mark else None
        ) from None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, OverflowError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"is not valid YAML ({first})",
            where=path,
            line=None if loader is None else loader.line + 1,
        ) from None
    found = _Builder(path)
    value = None if node is None else found.build(node, ())
    return Plain(value, found.lines, found.texts)


class _RefusedError(Exception):
    def __init__(self, what: str, line: int, hint: str | None = None) -> None:
        super().__init__(what)
        self.what, self.line, self.hint = what, line, hint


class _Loader(yaml.SafeLoader):
    """The parser and composer of PyYAML, held to `MOST_NODES` and `DEEPEST`."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.depth = self.count = 0
        self.sizes: dict[int, int] = {}  # nodes below each node, by its identity

    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            if (node := self.anchors.get(event.anchor)) is None:
                raise _RefusedError(f"the anchor {event.anchor!r:.60} is not defined above", line)
            if id(node) not in self.sizes:
                raise _RefusedError(f"the anchor {event.anchor!r:.60} contains itself", line)
            self._grow(self.sizes[id(node)], line)
            return super().compose_node(parent, index)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise _RefusedError(
                f"has the tag {tag!r:.60}, but tags are not allowed",
                line,
                "leave the tag out, and put text in quotes",
            )
        self.depth += 1
        if self.depth > DEEPEST:
            raise _RefusedError(f"is nested too deeply, in more than {DEEPEST} levels", line)
        before = self.count
        self._grow(1, line)
        made = super().compose_node(parent, index)
        self.depth -= 1
        self.sizes[id(made)] = self.count - before
        return made

    def _grow(self, by: int, line: int) -> None:
        self.count += by
        if self.count > MOST_NODES:
            raise _RefusedError(
                f"contains more than {MOST_NODES:,} keys and values, if everything that aliases "
                "repeat is counted",
                line,
                "is it the right file?",
            )


class _Builder:
    """Turns composed nodes into values, and notes the line of every key and item."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Place, int] = {}
        self.texts: dict[Place, str] = {}

    def build(self, node: yaml.Node, place: Place) -> Any:
        if isinstance(node, yaml.MappingNode):
            return {key: self.build(value, here) for key, value, here in self._keys(node, place)}
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*place, i)) for i, item in enumerate(node.value)]
        self.texts[place] = self._text(node)
        return self._scalar(node)

    def _item(self, node: yaml.Node, here: Place) -> Any:
        self.lines[here] = node.start_mark.line + 1
        return self.build(node, here)

    def _keys(self, node: yaml.MappingNode, place: Place) -> list[tuple[str, yaml.Node, Place]]:
        found = []
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise InputError(
                    "a key is a list or a mapping, but keys must be text",
                    where=self.path,
                    line=line,
                )
            name = self._text(key)
            if name == "<<" and key.style is None:
                raise InputError(
                    "merges mappings with `<<`, which is not allowed",
                    where=self.path,
                    line=line,
                    hint="write the keys out",
                )
            here = (*place, name)
            if here in self.lines:
                raise InputError(
                    f"the key {name!r:.60} occurs twice",
                    where=self.path,
                    line=line,
                    hint=f"first on line {self.lines[here]}",
                )
            self.lines[here] = line
            found.append((name, value, here))
        return found

    def _text(self, node: yaml.Node) -> str:
        text: str = node.value
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InputError(
                "contains half of a surrogate pair, which is not text",
                where=self.path,
                line=node.start_mark.line + 1,
                hint="correct or remove that character",
            ) from None
        return text

    def _scalar(self, node: Any) -> Any:
        text: str = node.value
        if node.style is not None:  # in quotes, or a block of text
            return text
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if text in _OUTSIDE:
            return _OUTSIDE[text]
        if not (whole := _WHOLE.fullmatch(text)) and not FRACTION.fullmatch(text):
            return text
        number = int(text) if whole and len(text) < 24 else float(text)
        if abs(number) >= LARGEST_NUMBER and (whole or math.isinf(number)):
            raise InputError(
                f"the number {_short(text)} is too large",
                where=self.path,
                line=node.start_mark.line + 1,
                hint="put it in quotes if it is text",
            )
        return number


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:20]}... of {len(text):,} digits"
