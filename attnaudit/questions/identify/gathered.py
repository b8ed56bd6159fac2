"""The records of `identify` as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.columns import Column, Frame
from attnaudit.questions.basics import Basics

Array = NDArray[np.float64]
NEEDED = 1e-6  # a least weight above it makes a token necessary
# What is known of a head in a text; NaN where it was not asked for, or cannot be known.
BY_HEAD = (
    *("values", "output", "fixed", "jsd", "directions", "producible", "condition"),
    *("necessary", "dispensable", "width", "support", "same", "unsolved", "found", "elsewhere"),
)
# Answers under other weights: those of one head at a time, and of all heads at once.
READ = ("least_norm", "least_norm_all", "corners", "sparsest_all", "others")


class Gathered:
    """The texts, column by column.

    `positions` (n,) tokens that the row can attend to. `read` has columns `tvd.NAME` and
    `flips.NAME` of the answers under other weights. `starts` is how many queries were tried for
    each head. `failed` counts ends of intervals whose linear program failed.

    Raises ValueError for records of models with different heads.
    """

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        self.basics = Basics()
        self.heads = self.starts = self.failed = 0
        self.read = Frame([f"{what}.{name}" for what in ("tvd", "flips") for name in READ])
        self._positions, self._by_head = Column(np.int64), Column()
        for record in records:
            self._add(record)

    def _add(self, record: Mapping[str, Any]) -> None:
        heads = len(record["detached"]["values"])
        if not self.texts:
            self.heads = heads
        if heads != self.heads:
            raise ValueError("records differ in their heads")
        self.basics.add(record)
        self._positions.add(record["positions"])
        nothing = [None] * heads
        made, other = record["producible"] or {}, record["others"] or {}
        columns: dict[str, Sequence[float | None]] = {
            **{name: record["detached"][name] or nothing for name in ("values", "output")},
            **{name: record["detached"][name] for name in ("fixed", "jsd")},
            "directions": made.get("directions", nothing),
            "producible": made.get("freedom", nothing),
            "condition": made.get("condition", nothing),
            **dict.fromkeys(("necessary", "dispensable", "width", "support"), nothing),
            **{name: other.get(name, nothing) for name in ("same", "unsolved", "found")},
            "elsewhere": other.get("jsd", nothing),
        }
        self.starts = max(self.starts, other.get("starts", 0))
        if ranges := record["intervals"]:
            columns |= self._ranges(ranges, record["positions"])
        for name in BY_HEAD:
            self._by_head.extend(np.nan if x is None else x for x in columns[name])
        parts = [record["least_norm"], (ranges or {}).get("read")]
        told = [part and part[which] for part in parts for which in ("alone", "together")]
        told.append(other.get("read"))
        self.read.add([one and float(one[what]) for what in ("tvd", "flips") for one in told])

    def _ranges(self, ranges: Mapping[str, Any], positions: int) -> dict[str, list[float]]:
        """What the intervals of a text come to, head by head; ends that failed are left out."""
        low, high = (np.array(ranges[name], np.float64) for name in ("low", "high"))  # (H, n)
        self.failed += int(np.isnan(low).sum() + np.isnan(high).sum())
        known, whole = np.isfinite(low), np.isfinite(high - low)
        counts, pairs = known.sum(1), whole.sum(1)
        with np.errstate(invalid="ignore"):
            necessary = (low > NEEDED).sum(1) / counts
            width = np.where(whole, high - low, 0).sum(1) / pairs
        return {
            "necessary": necessary.tolist(),
            "dispensable": (1 - necessary).tolist(),
            "width": np.maximum(0, width).tolist(),
            "support": [count / positions for count in ranges["support"]],
        }

    @property
    def texts(self) -> int:
        """How many texts there are."""
        return len(self.basics.ids)

    @property
    def positions(self) -> NDArray[np.int64]:
        """See the class."""
        return self._positions.array()

    def by_head(self, name: str) -> Array:
        """(n, heads) one of `BY_HEAD`."""
        table = self._by_head.array(len(BY_HEAD) * self.heads)
        found: Array = table.reshape(self.texts, len(BY_HEAD), self.heads)[:, BY_HEAD.index(name)]
        return found

    def mean(self, name: str) -> Array:
        """(n,) the same on average over the heads that have it; NaN where none has."""
        found = self.by_head(name)
        known = np.isfinite(found)
        with np.errstate(invalid="ignore"):
            mean: Array = np.where(known, found, 0).sum(1) / known.sum(1)
        return mean

    def share(self, holds: NDArray[np.bool_], name: str) -> Array:
        """(n,) the share of heads for which something holds; NaN where `name` is not known."""
        known = np.isfinite(self.by_head(name)).all(1)
        return np.where(known, holds.mean(1), np.nan)
