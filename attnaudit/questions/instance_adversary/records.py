"""What a record of the adversary per instance holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from attnaudit.questions.recorded import Attended
from attnaudit.records.fields import (
    Count,
    Divergence,
    Fields,
    Magnitude,
    Share,
    Weight,
    is_attention,
    is_distribution,
)


class Found(Fields, kw_only=True):
    """The weights that were found for one epsilon."""

    epsilon: Share
    bound: Literal["exact", "lower+upper", "lower"]
    jsd: Divergence
    upper: Divergence
    tvd: Share
    logit_change: Magnitude | None
    said: list[Share]
    weights: list[list[Weight]]

    def __post_init__(self) -> None:
        """Raise ValueError for an answer or weights that are none."""
        if not is_distribution(self.said):
            raise ValueError(f"said adds up to {sum(self.said):.6g}, not to 1")
        if not all(map(is_attention, self.weights)):
            raise ValueError("weights add up to more than 1")


class Searched(Fields, kw_only=True):
    """What the field's search found."""

    feasible: Count
    jsd: Divergence
    tvd: Share


class Adversarial(Attended, kw_only=True):
    """A text with the weights that leave its answer."""

    cap: Divergence
    adversary: list[Found]
    search: Searched | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        Attended.__post_init__(self)
        for found in self.adversary:
            if len(found.said) != len(self.probs):
                raise ValueError(f"said is of {len(found.said)} classes of {len(self.probs)}")
            for weights in found.weights:
                self.one_a_word("weights", weights)


def kind(record: Mapping[str, Any]) -> type[Adversarial]:
    """The class that a record must be of."""
    return Adversarial
