"""Maps of all heads, the pruning curve, states by layer, and hidden positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.intervals import intervals
from attnaudit.drawing.lines import Band, lines
from attnaudit.drawing.maps import maps
from attnaudit.measures.summary import Cell, Estimate, Summary
from attnaudit.questions.heads.pruning import CURVE
from attnaudit.questions.heads.tables import DEPTH, HIDDEN, MAPS

_MAPS = {
    "TVD": "TVD without the head",
    "paper": "gradient importance",
    "confidence": "confidence",
    "special": "weight on special tokens",
}
_ORDERS = {
    "paper": "by importance (paper)",
    "greedy": "greedy, by loss on dev",
    "code": "by importance (code)",
}
_CHANCE = ("random", "lowest", "highest")
_STATES = {
    "by angle": "nearest to own input, by angle",
    "by distance": "the same by distance",
    "own": "own contribution",
    "own (proxy)": "own contribution (proxy)",
}


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """The maps, the curve where there is one, states by layer, and what was hidden."""
    found = summaries["heads"]
    return [*_maps(found), *_curve(found), *_states(found), *_hidden(found)]


def _maps(found: Summary) -> list[Drawn]:
    rows = list(found.rows(MAPS))
    if not rows:
        return []
    places = [(int(layer), int(head)) for layer, head in (_name(row).split(".") for row in rows)]
    values = {
        words: dict(zip(places, (_number(row[name]) for row in rows), strict=True))
        for name, words in _MAPS.items()
    }
    return [
        maps(
            values,
            (max(layer for layer, _ in places), 1 + max(head for _, head in places)),
            "All heads",
            ("head", "layer"),
            "Each square is a head; the lowest layer stands at the bottom. The darker a square, the"
            " larger its figure: none is 0, and the darkest square is the largest of its map. A"
            " head can be sharp and matter little.",
            "heads-maps",
            begin=(1, 0),  # as heads are named
        )
    ]


def _curve(found: Summary) -> list[Drawn]:
    rows = list(found.rows(CURVE))
    if not rows:
        return []
    shown = {words: _column(rows, name) for name, words in _ORDERS.items() if name in rows[0]}
    return [
        lines(
            _column(rows, "removed"),
            shown,
            "Score while heads are removed",
            ("share of the heads removed", "macro-F1 on the audited texts"),
            "Heads are removed in an order that was chosen on dev. A line above the band belongs to"
            " an order that knows which heads matter. A line that stays level says that the task"
            " does not need the heads removed so far. The band shows the random orders, the line in"
            " it their mean.",
            "heads-pruning",
            Band("random orders", *(_column(rows, name) for name in _CHANCE)),
        )
    ]


def _states(found: Summary) -> list[Drawn]:
    rows = list(found.rows(DEPTH))
    if not rows:
        return []
    shown = {words: _column(rows, name) for name, words in _STATES.items() if name in rows[0]}
    return [
        lines(
            list(range(len(rows))),
            shown,
            "What states are still about",
            ("layers passed", "share"),
            "Where a line has fallen, weights on a state are no longer weights on the word that is"
            " shown there. The last layer reads the states at the last point but one.",
            "heads-states",
        )
    ]


def _hidden(found: Summary) -> list[Drawn]:
    known = {words: found.metrics.get(f"heads.knockout.{name}") for name, words in HIDDEN.items()}
    shown: dict[str, Estimate] = {
        words: one for words, one in known.items() if one is not None and one.value is not None
    }
    if not shown:
        return []
    return [
        intervals(
            shown,
            "Positions hidden from all layers",
            "change of answers (TVD)",
            "No row of any layer may attend to these positions. Compare the word of most attention"
            " with a random other word. Bars are 95 % intervals.",
            "heads-hidden",
        )
    ]


def _name(row: Mapping[str, Cell]) -> str:
    return str(row["head"])


def _number(cell: Cell) -> float:
    return float(cell or 0.0)


def _column(rows: Sequence[Mapping[str, Cell]], name: str) -> list[float]:
    return [_number(row[name]) for row in rows]
