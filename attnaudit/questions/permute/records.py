"""What a record of `permute` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from attnaudit.questions.recorded import Answer, Moved
from attnaudit.records.fields import SLACK, Fields, Share


class Shuffled(Fields, kw_only=True):
    """TVD between the answer under shuffled weights and the model's own, over permutations."""

    median: Share
    mean: Share
    max: Share

    def __post_init__(self) -> None:
        """Raise ValueError where the largest is not the largest."""
        if max(self.median, self.mean) > self.max + SLACK:
            raise ValueError(f"a median or mean is larger than the maximum, {self.max:.6g}")


class Permuted(Answer, kw_only=True):
    """How far the answer moves; the first versions had no `all_erased`, no `uniform_layers`."""

    tvd: Shuffled
    all_erased: Moved | UnsetType | None = UNSET
    uniform_layers: Moved | UnsetType | None = UNSET
    max_attention: Share
    conicity: Share | UnsetType | None = UNSET


def kind(record: Mapping[str, Any]) -> type[Permuted]:
    """The class that a record must be of."""
    return Permuted
