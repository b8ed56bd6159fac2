"""Whether two sides have computed the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.case import DisagreementError

Scores = NDArray[np.float64]


def equal(tolerance: float) -> Callable[[Any, Any], None]:
    """An `agree`: two arrays whose entries differ by at most `tolerance`."""

    def agree(ours: Scores, theirs: Scores) -> None:
        if ours.shape != theirs.shape:
            raise DisagreementError(f"results of shapes {ours.shape} and {theirs.shape}")
        if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
            raise DisagreementError("values are undefined in different places")
        apart = float(np.nanmax(np.abs(ours - theirs), initial=0.0))
        if apart > tolerance:
            raise DisagreementError(f"results differ by {apart:.3g}, more than {tolerance:g}")

    return agree


def alike(tolerance: float) -> Callable[[Any, Any], None]:
    """A `same`: mappings, sequences and arrays of numbers that differ by at most `tolerance`.

    What is no number is equal.
    """

    def agree(ours: Any, theirs: Any, where: str = "results") -> None:
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            if ours.keys() != theirs.keys():
                raise DisagreementError(f"{where}: {sorted(ours)} and {sorted(theirs)}")
            for key, value in ours.items():
                agree(value, theirs[key], f"{where}, {key}")
        elif isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
            if len(ours) != len(theirs):
                raise DisagreementError(f"{where}: {len(ours)} and {len(theirs)} entries")
            for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
                agree(one, other, f"{where}[{number}]")
        elif hasattr(ours, "__array__") and hasattr(theirs, "__array__"):
            equal(tolerance)(np.asarray(ours, float), np.asarray(theirs, float))
        elif isinstance(ours, float) and isinstance(theirs, (int, float)):
            if abs(ours - theirs) > tolerance:
                raise DisagreementError(f"{where}: {ours:.9g} and {theirs:.9g}")
        elif ours != theirs:
            raise DisagreementError(f"{where}: {ours!r:.60} and {theirs!r:.60}")

    return agree
