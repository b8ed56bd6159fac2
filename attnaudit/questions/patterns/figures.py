"""The patterns of one text, as lines through the layers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.paths import Path, paths
from attnaudit.measures.summary import Cell, Summary
from attnaudit.questions.patterns.tables import AT, PATH, TEXT, WHOLE, WORD

LEAST = 0.05  # of all influence; words with less are left out, as the authors do
_NODE = re.compile(r"([0-9]+)(h[0-9]+)?")


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """One figure; none where all texts were too long."""
    rows = list(summaries["patterns"].rows(TEXT))
    total = sum(abs(_number(row[WHOLE])) for row in rows)
    shown = [_path(row) for row in rows if abs(_number(row[WHOLE])) >= LEAST * total > 0]
    if not shown:
        return []
    names: dict[int, str] = {}
    for row in rows:
        first, *more = _places(row[AT])
        names |= {first: str(row[WORD]), **dict.fromkeys(more, "·")}
    met = {place for row in rows for place, _ in _nodes(row[PATH])}
    read = _nodes(rows[0][PATH])[-1][0]
    words = [names.get(place, "[ ]") for place in range(1 + max({*names, *met}))]
    words[read] = f"{words[read]} read"
    return [
        paths(
            shown,
            words,
            "The patterns of one text",
            ("tokens of the text", "layers passed"),
            "Each line is the path that carries most of a word's influence, from the word at the"
            " bottom to the position at the top that the answer is read from. The wider a line, the"
            " larger the influence of its word. Where it is dotted, it goes past all heads of the"
            " layer, so that no attention weight of that layer has a part in it. [ ] is a token"
            " that is no word, and · a further piece of one. Words with less than 5 % of all"
            " influence are left out. The line does not say how much the path carries: see the"
            " table.",
            "patterns-text",
        )
    ]


def _path(row: Mapping[str, Cell]) -> Path:
    nodes = _nodes(row[PATH])
    places = [place for place, _ in nodes]
    at = _places(row[AT])
    begin = places[0] if places[0] in at else at[0]
    through = [head for _, head in nodes]
    return Path(str(row[WORD]), begin, places, through, _number(row[WHOLE]))


def _nodes(cell: Cell) -> list[tuple[int, bool]]:
    """The position after each layer, and whether a head leads there."""
    return [(int(place), bool(head)) for place, head in _NODE.findall(str(cell))]


def _places(cell: Cell) -> list[int]:
    return [int(place) for place in str(cell).split()]


def _number(cell: Cell) -> float:
    return float(cell or 0.0)
