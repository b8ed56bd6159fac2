"""How many decisions have flipped once a given share of the weights is erased, from records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.summary import Cell, Table
from attnaudit.questions.erase.flip_tables import CRITERIA, tries_of

GRID = np.linspace(0, 1, 21)  # shares of the items
NAME = "erase.flip_curve"
_EDGE = 1e-9  # shares are rounded


class FlipCurve:
    """Sums over texts, part by part: of each order, how many texts have flipped at each share.

    A text with several tries of one order, as of random ones, counts the share of its tries. The
    best possible order is known of short texts alone and is left out.
    """

    def __init__(self) -> None:
        self._flipped: dict[str, NDArray[np.float64]] = {}
        self._texts: dict[str, int] = {}

    def add(self, fractions: Sequence[Mapping[str, Any]]) -> None:
        """Take in the `fractions` of some records."""
        for name in CRITERIA:
            if name == "optimum":
                continue
            for record in fractions:
                found = [np.inf if share is None else share for share in tries_of(record, name)]
                if not found:
                    continue
                by_then = np.asarray(found)[:, None] <= GRID + _EDGE  # (tries, shares)
                self._flipped[name] = self._flipped.get(name, 0.0) + by_then.mean(0)
                self._texts[name] = self._texts.get(name, 0) + 1

    def table(self) -> Table | None:
        """The shares of texts by share of items; None without any text."""
        if not self._texts:
            return None
        curves = {name: each / self._texts[name] for name, each in self._flipped.items()}
        rows: list[list[Cell]] = [
            [float(share), *(float(curve[i]) for curve in curves.values())]
            for i, share in enumerate(GRID)
        ]
        notes = [
            "Each column is an order of erasing. It shows the share of texts whose decision "
            "has flipped by the time that this share of their items (the vectors that "
            "attention averages) is erased.",
        ]
        title = "Share of decisions flipped, by share of items erased"
        return Table(title, ["erased", *curves], rows, notes, detail=True)
