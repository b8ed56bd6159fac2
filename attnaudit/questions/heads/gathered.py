"""The records of `heads` as columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.columns import Column, Frame
from attnaudit.questions.basics import Basics
from attnaudit.questions.heads.choice import Importances
from attnaudit.questions.heads.metrics import KNOCKED

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
PATTERNS = ("confidence", "entropy", "special", "first")
LAYERED = ("cosine", "l2", "jacobian", "proxy", "largest")


class Gathered:
    """The audited texts, column by column, and what the records of dev texts add up to.

    `on_dev` and `on_audited` hold gradient importances. `shape` is (layers, heads) of the model,
    `orders` are the names of the orders in which heads were removed, and a curve has so many
    `points`. `knocked` has a column `tvd.NAME` and `flips.NAME` for all that is knocked out.

    Raises ValueError for records of different models or settings.
    """

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        self.basics, self.on_dev, self.on_audited = Basics(), Importances(), Importances()
        self.shape, self.points = (0, 0), 0
        self.orders: tuple[str, ...] = ()
        self.knocked = Frame([f"{what}.{name}" for what in ("tvd", "flips") for name in KNOCKED])
        self._moved, self._patterns, self._depth = Column(), Column(), Column()
        self._classes, self._pruned = Column(np.int64), Column(np.int64)
        for record in records:
            if "run" not in record:
                self._add(record)
            elif "importance" in record:
                self.on_dev.add(record)

    def _add(self, record: Mapping[str, Any]) -> None:
        ablated, curves = record["ablated"], record["pruned"]
        shape = (len(ablated["tvd"]), len(ablated["tvd"][0]))
        points = max((len(curve["tvd"]) for curve in curves.values()), default=0)
        if not self.texts:
            self.shape, self.orders, self.points = shape, tuple(curves), points
        if (self.shape, self.orders, self.points) != (shape, tuple(curves), points):
            raise ValueError("records differ in their layers, heads or orders")
        self.basics.add(record)
        self.on_audited.add(record)
        self._moved.extend(_flat(ablated["tvd"]))
        self._classes.extend(_flat(ablated["predicted"]))
        for name in PATTERNS:
            self._patterns.extend(_flat(record["patterns"][name]))
        depth, nothing = record["depth"], [np.nan] * (shape[0] + 1)
        own = depth["own"] or {}
        for name in LAYERED:
            self._depth.extend(own.get(name, depth.get(name, nothing)))
        for curve in curves.values():
            self._pruned.extend(curve["predicted"])
        moved = [record["knockout"].get(name) for name in KNOCKED]
        self.knocked.add([one and float(one[what]) for what in ("tvd", "flips") for one in moved])

    @property
    def texts(self) -> int:
        """How many texts are audited."""
        return len(self.basics.ids)

    @property
    def heads(self) -> int:
        """How many heads all layers have together."""
        return self.shape[0] * self.shape[1]

    @property
    def moved(self) -> Array:
        """(n, heads) the TVD of each text's answer without each head."""
        return self._moved.array(self.heads)

    @property
    def classes(self) -> Ints:
        """(n, heads) the predicted class without each head."""
        return self._classes.array(self.heads)

    @property
    def patterns(self) -> Array:
        """(n, 4, heads) the figures of `PATTERNS`."""
        return self._patterns.array(len(PATTERNS) * self.heads).reshape(-1, 4, self.heads)

    @property
    def depth(self) -> Array:
        """(n, 5, layers + 1) the figures of `LAYERED`, from the input up; NaN where left out."""
        wide = self.shape[0] + 1
        return self._depth.array(len(LAYERED) * wide).reshape(-1, len(LAYERED), wide)

    @property
    def pruned(self) -> Ints:
        """(n, orders, points) the predicted class at each point of the curves."""
        wide = len(self.orders) * self.points
        return self._pruned.array(wide).reshape(-1, len(self.orders), self.points)


def _flat(rows: Iterable[Iterable[float]]) -> Iterator[float]:
    return (value for row in rows for value in row)
