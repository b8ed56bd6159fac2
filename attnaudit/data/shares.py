"""The shares of a data set that is cut into splits, and which row goes where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from attnaudit.data.split_names import SPLITS

_SHARE = re.compile(r"\d{1,3}(\.\d{1,4})?|\.\d{1,4}")
EXAMPLE = "80/10/10"
_SCALE = 10_000  # shares as whole numbers


class TooFewError(ValueError):
    """A class that cannot be in every split: its number, and how many units it has."""

    def __init__(self, label: int, units: int, splits: int) -> None:
        super().__init__(f"class {label} has {units} units, and there are {splits} splits")
        self.label, self.units, self.splits = label, units, splits


def shares_of(text: str) -> dict[str, int]:
    """The shares of the splits that are not empty, as whole numbers in proportion.

    `text` is like `80/10/10`: of train, dev and test, in percent or as parts of 1.
    Raises ValueError, in words for the user, for anything else.
    """
    parts = [part.strip() for part in text.split("/")]
    if len(parts) != 3 or not all(_SHARE.fullmatch(part) for part in parts):
        raise ValueError(
            f"should be the shares of train, dev and test, such as {EXAMPLE}, not {text!r:.60}"
        )
    numbers = [Decimal(part) for part in parts]
    if (total := sum(numbers)) not in (1, 100):
        raise ValueError(f"the shares {text} add up to {total}, not to 100")
    shares = {split: int(n * _SCALE) for split, n in zip(SPLITS, numbers, strict=True) if n > 0}
    if len(shares) < 2:
        raise ValueError(f"the shares {text} leave all rows in one split")
    return shares


def places(
    keys: NDArray[np.uint64], labels: NDArray[np.int64], shares: Sequence[int]
) -> NDArray[np.int8]:
    """The split of each row, as its place among `shares`: by class, and without chance.

    Rows of the same key are one unit, and stay together. The units of a class (of mixed ones the
    commonest, of those the first) are taken in the order of their keys, which should be digests:
    the first of them make up the first split, as nearly as whole units can, and so on. Each split
    gets at least one unit of each class. So the splits depend on no order of rows, and a row that
    is added moves few others.

    Args:
        keys: of the rows (n,).
        labels: the class of each row (n,), from 0.
        shares: of the splits, positive, in proportion.

    Returns:
        A number from 0 for each row (n,).

    Raises:
        TooFewError: a class has fewer units than there are splits.
    """
    _, unit, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    classes = int(labels.max()) + 1
    pairs, counts = np.unique(unit.astype(np.int64) * classes + labels, return_counts=True)
    order = np.lexsort((pairs % classes, -counts, pairs // classes))
    _, first = np.unique((pairs // classes)[order], return_index=True)
    commonest = (pairs % classes)[order][first]  # of each unit
    found = np.zeros(len(sizes), np.int8)
    bounds = np.cumsum(shares)
    for label in np.unique(commonest):
        units = np.flatnonzero(commonest == label)
        if len(units) < len(shares):
            raise TooFewError(int(label), len(units), len(shares))
        rows = np.cumsum(sizes[units])
        start = 0
        for place, bound in enumerate(bounds[:-1], start=1):
            # Cut behind the unit that comes nearest, and leave a unit for each split to come.
            ends = np.arange(start + 1, len(units) - (len(shares) - place) + 1)
            off = np.abs(rows[ends - 1] * bounds[-1] - bound * rows[-1])
            start = int(ends[np.argmin(off)])
            found[units[start:]] = place
    return found[unit]
