"""The TVD-JSD curve: how much an answer must change for the attention to change so much.

One point per strength of the adversary: x is the mean JSD of its attentions to the audited
model's, y the mean TVD of its answers (Wiegreffe & Pinter 2019, section 4). The curve is made of
straight lines from the audited model itself, which is the point (0, 0), through the points in the
order of their JSD. The authors draw the points and leave the reading to the eye; lines, origin and
area are ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def tvd_at(jsd: ArrayLike, tvd: ArrayLike, at: float) -> float:
    """The TVD of the curve through the points (`jsd`, `tvd`), each (L,), where the JSD is `at`.

    In [0, 1], higher is harder to manipulate; NaN beyond the largest JSD.
    """
    x, y = _points(jsd, tvd)
    return float(np.interp(at, x, y, right=np.nan))


def area_below(jsd: ArrayLike, tvd: ArrayLike, end: float) -> float:
    """The area below the curve from JSD 0 to `end`.

    In [0, `end`], higher is harder to manipulate; NaN if no point has so large a JSD.
    """
    x, y = _points(jsd, tvd)
    last = np.interp(end, x, y, right=np.nan)
    inside = x <= end  # of points at the very end the lowest closes the area
    x, y = np.append(x[inside], end), np.append(y[inside], last)
    return float(((x[1:] - x[:-1]) * (y[1:] + y[:-1]) / 2).sum())


def _points(jsd: ArrayLike, tvd: ArrayLike) -> tuple[Array, Array]:
    x, y = np.asarray(jsd, np.float64), np.asarray(tvd, np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"the points are (L,) and (L,), not {x.shape} and {y.shape}")
    order = np.lexsort((y, x))
    return np.append(0.0, x[order]), np.append(0.0, y[order])
