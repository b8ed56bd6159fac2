"""How numbers are written into records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol


class _Listable(Protocol):
    def tolist(self) -> list[float]: ...


def compact(values: Sequence[float] | _Listable) -> list[float | None]:
    """Float32 numbers as short JSON numbers: nine significant digits; NaN becomes None.

    Nine digits tell any two float32 numbers apart, so order and ties survive exactly.
    """
    numbers = values if isinstance(values, Sequence) else values.tolist()
    return [None if math.isnan(x) else float(f"{x:.9g}") for x in numbers]
