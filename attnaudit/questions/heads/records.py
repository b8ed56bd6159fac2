"""What a record of `heads` holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attnaudit.questions.recorded import Answer, Moved, run_of
from attnaudit.records.fields import Class, Count, Fields, Magnitude, Record, Share, Words


class Ablated(Fields, kw_only=True):
    """The answer without each head, by layer and head: TVD from the model's own, and its class."""

    tvd: list[list[Share]]
    predicted: list[list[Class]]


class Importance(Fields, kw_only=True):
    """The gradient importance of each head, by layer and head: see `choice.Importances`."""

    paper: list[list[Magnitude]]
    code: list[list[Magnitude]]

    def __post_init__(self) -> None:
        """Raise ValueError where the two are no maps of the same heads."""
        if _shape("importance.paper", self.paper) != _shape("importance.code", self.code):
            raise ValueError("importance.paper and importance.code differ in their heads")


class Patterns(Fields, kw_only=True):
    """What the weights of each head are like, by layer and head: see `make.patterns`."""

    confidence: list[list[Share]]
    entropy: list[list[Share]]
    special: list[list[Share]]
    first: list[list[Share]]


class Own(Fields, kw_only=True):
    """What the input of one position has in its state, layer by layer; the first is the input."""

    position: Count
    jacobian: list[Share]
    proxy: list[Share]
    largest: list[bool]


class Depth(Fields, kw_only=True):
    """How far states are still those of their positions, layer by layer: see `make.depth`."""

    cosine: list[Share]
    l2: list[Share]
    own: Own | None


class Pruned(Fields, kw_only=True):
    """The answer at each point of a curve: its class, and TVD from the model's own."""

    predicted: list[Class]
    tvd: list[Share]


class Heads(Answer, kw_only=True):
    """What the heads do to the answer of an audited text."""

    positions: Words
    ablated: Ablated
    importance: Importance
    patterns: Patterns
    depth: Depth
    knockout: dict[str, Moved | None]
    pruned: dict[str, Pruned]

    def __post_init__(self) -> None:
        """Raise ValueError where maps differ in their shape, or curves in their length."""
        Answer.__post_init__(self)
        parts = (self.ablated, self.importance, self.patterns)
        shape = _shape("ablated.tvd", self.ablated.tvd)
        for part in parts:
            for name in part.__struct_fields__:
                if _shape(name, getattr(part, name)) != shape:
                    raise ValueError(f"{name} is no map of {shape[0]} layers of {shape[1]} heads")
        depth = [self.depth.cosine, self.depth.l2]
        if self.depth.own:
            depth += [self.depth.own.jacobian, self.depth.own.proxy]
            _same_length("depth.own.largest", self.depth.own.largest, shape[0] + 1)
        for one in depth:
            _same_length("depth", one, shape[0] + 1)
        length = max((len(curve.tvd) for curve in self.pruned.values()), default=0)
        for name, curve in self.pruned.items():
            _same_length(f"pruned.{name}.tvd", curve.tvd, length)
            _same_length(f"pruned.{name}.predicted", curve.predicted, length)


def _shape(name: str, found: Sequence[Sequence[float]]) -> tuple[int, int]:
    """Layers and heads of a map; raises ValueError for layers that differ."""
    widths = {len(layer) for layer in found}
    if len(widths) != 1 or 0 in widths:
        raise ValueError(f"{name} is no map of layers and heads")
    return len(found), widths.pop()


def _same_length(name: str, found: Sequence[Any], length: int) -> None:
    if len(found) != length:
        raise ValueError(f"{name} has {len(found)} figures, not {length}")


class ImportanceRun(Fields, kw_only=True):
    """The pass over dev on which importances are measured."""

    split: Literal["dev"]
    stage: Literal["importance"]


class Important(Record, kw_only=True):
    """The importances of a dev text, from which orders are chosen."""

    run: ImportanceRun
    positions: Words
    importance: Importance


class GreedyRun(Fields, kw_only=True):
    """The pass over dev by which the greedy search removes one more head."""

    split: Literal["dev"]
    stage: Literal["greedy"]
    step: Count


class Greedy(Record, kw_only=True):
    """The loss of a dev text without each head that is left; null for those removed already."""

    run: GreedyRun
    losses: list[Magnitude | None]


def kind(record: Mapping[str, Any]) -> type[Fields]:
    """The class that a record must be of."""
    if "run" not in record:
        return Heads
    return Greedy if run_of(record).get("stage") == "greedy" else Important
