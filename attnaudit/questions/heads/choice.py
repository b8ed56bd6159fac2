"""Which heads are removed first: chosen on dev, by the records alone.

Whoever makes records and whoever reads them chooses by the same figures, so that both know the same
orders. Heads are numbered through all layers from the bottom: layer * heads + head.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Order = tuple[int, ...]
PAPER, CODE, GREEDY, RANDOM = "gradient", "gradient_code", "greedy", "random"
TINY = 1e-20  # what the authors' code adds to the norm of a layer


class Importances:
    """The gradient importances of texts, summed up.

    Both are of Michel et al. 2019. The loss of a text is the cross-entropy of its gold
    class, and a head is multiplied by a factor xi, which is 1.
    """

    def __init__(self) -> None:
        self.texts = self.positions = 0
        self._sums: dict[str, Array] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in one record."""
        self.texts += 1
        self.positions += record["positions"]
        for name, found in record["importance"].items():
            self._sums[name] = self._sums.get(name, 0.0) + np.asarray(found, np.float64)

    def maps(self) -> dict[str, Array]:
        """(layers, heads) each, at least 0; a larger one matters more. Empty without a text.

        `gradient` is that of the paper (section 2.3): the mean over texts of |d loss / d xi|, which
        sums over the positions of a text before it takes the absolute value. `gradient_code` is
        what the authors' code computes: absolute values are taken at each position, and their sum
        is divided by the number of positions; in the last layer by that of texts, since only the
        row that is read has a gradient there.
        """
        if not self.texts:
            return {}
        code = self._sums["code"] / self.positions
        code[-1] = self._sums["code"][-1] / self.texts
        return {PAPER: self._sums["paper"] / self.texts, CODE: code}


def order_of(importance: Array, normalise: bool) -> Order:
    """All heads from the least important one, of equals the lower one first.

    `importance` is (layers, heads). With `normalise` it is divided by the L2 norm of its layer, as
    the paper does. That would make all heads alike where layers have one each, and is left out.
    """
    if normalise and importance.shape[1] > 1:
        norms = np.sqrt((importance**2).sum(1, keepdims=True))
        importance = importance / (norms + TINY)
    return tuple(np.argsort(importance.ravel(), kind="stable").tolist())


def random_orders(count: int, heads: int, seed: int) -> dict[str, Order]:
    """So many random orders of so many heads, by name."""
    generator = np.random.default_rng([seed, heads])
    return {f"{RANDOM}{k}": tuple(generator.permutation(heads).tolist()) for k in range(count)}


def cheapest(losses: Iterable[Iterable[float | None]], heads: int, removed: Order) -> int:
    """The head whose removal leaves the least mean loss, of equals the lower one.

    `losses` holds for each text its loss without each head, null for those `removed` already.
    Without any text it is the lowest head that is left.
    """
    sums = np.zeros(heads)
    for text in losses:
        sums += np.array([np.nan if loss is None else loss for loss in text], np.float64)
    sums[list(removed)] = np.inf
    return int(np.argmin(sums))


def counts(heads: int, steps: int) -> list[int]:
    """How many heads are removed at each point of the curve, from 0 to all of them."""
    return sorted({heads * k // steps for k in range(steps + 1)})
