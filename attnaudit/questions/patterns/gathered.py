"""The records of `patterns` as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.columns import Column, Frame
from attnaudit.questions.basics import Basics
from attnaudit.questions.patterns.guides import GUIDES, INFLUENCE, KEPT, LEVELS

Array = NDArray[np.float64]
WHERE = ("own", "other", "special", "read", "past")
CHECKED = ("completeness", "gap", "pairs")
TOLD = ("kept", "tvd", "flips", "odds")


class Gathered:
    """The texts, column by column; texts that were too long are NaN.

    `figures` has columns `share.GUIDE.LEVEL`, `overlap.GUIDE`, `past`, `completeness`, `gap` and
    `pairs`. `ablated` has columns `KEPT.LEVEL.FIGURE`. `long` counts texts that were too long.
    `shown` is the first text of those that are not, None without any.

    Raises ValueError for records of models with different layers.
    """

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        self.basics = Basics()
        self.layers = self.long = 0
        shares = [f"share.{name}.{level}" for name in GUIDES for level in LEVELS]
        overlaps = [f"overlap.{name}" for name in GUIDES if name != INFLUENCE]
        self.figures = Frame([*shares, *overlaps, "past", *CHECKED])
        self.ablated = Frame(
            [f"{n}.{level}.{one}" for n in KEPT for level in LEVELS for one in TOLD]
        )
        self._where = Column()
        self.shown: Mapping[str, Any] | None = None
        for record in records:
            self._add(record)

    def _add(self, record: Mapping[str, Any]) -> None:
        self.basics.add(record)
        if record["influence"] is None:
            self.long += 1
            self.figures.add([None] * len(self.figures))
            self.ablated.add([None] * len(self.ablated))
            return
        patterns = record["patterns"]
        own, influence = patterns[INFLUENCE], np.array(record["influence"], np.float64)
        layers = len(own["places"][0])
        if self.layers and self.layers != layers:
            raise ValueError("records differ in their layers")
        self.layers = layers
        if self.shown is None or record["row"] < self.shown["row"]:
            self.shown = record
        total, signs = np.abs(influence).sum(), np.where(influence < 0, -1.0, 1.0)

        def share(along: Sequence[float]) -> float | None:
            return float((signs * np.array(along)).sum() / total) if total > 0 else None

        figures = [share(p[key]) for p in patterns.values() for key in ("along", "through")]
        places = {name: np.array(p["places"])[:, :-1] for name, p in patterns.items()}
        for name in patterns:
            if name != INFLUENCE:
                same = places[name] == places[INFLUENCE]
                figures.append(float(same.mean()) if same.size else None)
        past = np.array([[head is None for head in row] for row in own["heads"]])
        self.figures.add([*figures, float(past.mean()), *(record[name] for name in CHECKED)])
        told = (record["ablated"][name][level] for name in KEPT for level in LEVELS)
        self.ablated.add([float(one[figure]) for one in told for figure in TOLD])
        self._where.extend(_where(record, np.array(own["places"]), past).ravel().tolist())

    @property
    def texts(self) -> int:
        """How many texts there are."""
        return len(self.basics.ids)

    @property
    def where(self) -> Array:
        """(5, layers) where patterns by influence are: the shares of `WHERE`, over texts."""
        width = len(WHERE) * self.layers
        found: Array = self._where.array(width).mean(0).reshape(len(WHERE), self.layers)
        return found


def _where(record: Mapping[str, Any], places: NDArray[np.int64], past: NDArray[np.bool_]) -> Array:
    """(5, layers) shares of the words of a text whose pattern is there: see `WHERE`."""
    units = np.array([-1 if unit is None else unit for unit in record["units"]])[places]  # (W, L)
    read = places == record["read"]
    own = units == np.arange(len(places))[:, None]
    special = (units < 0) & ~read
    own &= ~read
    return np.stack(
        [one.mean(0) for one in (own, ~own & ~read & (units >= 0), special, read, past)]
    )
