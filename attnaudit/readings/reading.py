"""What a reading is: how attention becomes the one number a position that is shown and ranked.

Tests that change attention always change the weights of all heads. Nothing here brings
torch before it computes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.models.interface import AttentionModel


def _nothing(model: AttentionModel) -> str | None:
    return None


@dataclass(frozen=True)
class Reading:
    """One number a position, of the weights that several heads give it.

    `definition` says in one sentence what it is, `formula` how it is computed, `source` who uses
    it, `traps` what misleads in it.

    `compute(alpha)` gives (B, T) for attention (B, H, T); gradients pass through it. Where that is
    a weighted sum of heads, `parts(heads)` says how much each of so many counts; `parts` is None
    where it is none. Only a weighted sum of distributions adds up to a mass. `needs(model)` says
    why a model cannot be read so, None where it can.

    One of `rows` is of sites where many rows are audited: its attention is (B, H, Q, T).
    """

    name: str
    definition: str
    formula: str
    source: str
    traps: str
    compute: Callable[[Tensor], Tensor]
    parts: Callable[[int], list[float]] | None = None
    needs: Callable[[AttentionModel], str | None] = _nothing
    rows: bool = False


@dataclass(frozen=True)
class Family:
    """Readings that differ in a number, such as the heads: `name` holds `{number}` in its place.

    `of(name)` is the member of that name, None where it has none.
    """

    name: str
    definition: str
    formula: str
    source: str
    traps: str
    of: Callable[[str], Reading | None]
