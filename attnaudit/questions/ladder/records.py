"""What a record of `ladder` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attnaudit.questions.recorded import Answer
from attnaudit.records.fields import SLACK, Divergence, Fields, Magnitude, Share


class Rung(Fields, kw_only=True):
    """What a search found on one rung: a lower bound of the largest JSD.

    `tvd` is how far the answer moves, and `outside` the attention that then lies outside the words.
    All are those of the model itself where no alternative was `found`, with a JSD of 0.
    """

    jsd: Divergence
    tvd: Share
    outside: Share
    found: bool


class Weights(Fields, kw_only=True):
    """Any weights: `jsd` is the largest one where `bound` is exact; none exceeds `upper`."""

    jsd: Divergence
    tvd: Share
    outside: Share
    found: bool
    upper: Divergence
    bound: Literal["exact", "lower+upper", "lower"]


class Trained(Fields, kw_only=True):
    """The farthest model with other parameters, among those of the records."""

    jsd: Divergence
    tvd: Share
    found: bool


class Radii(Fields, kw_only=True):
    """How far the embedding of a word and the state of the row may move; None: no such rung."""

    words: Magnitude | None
    state: Magnitude | None


class Climbed(Answer, kw_only=True):
    """A text with the largest JSD found on each rung; None for a rung that it does not have."""

    cap: Divergence
    radii: Radii
    weights: Weights
    query: Rung | None
    state: Rung | None
    word_embeddings: Rung | None
    parameters: Trained | None

    def __post_init__(self) -> None:
        """Raise ValueError where a JSD exceeds what bounds it."""
        Answer.__post_init__(self)
        if self.weights.jsd > self.weights.upper + SLACK:
            raise ValueError(f"weights.jsd {self.weights.jsd:.6g} is above weights.upper")
        for name in ("state", "word_embeddings"):
            rung = getattr(self, name)
            if rung and rung.jsd > self.cap + SLACK:
                raise ValueError(f"{name}.jsd {rung.jsd:.6g} is above the cap {self.cap:.6g}")
        if self.query and self.query.jsd > self.weights.upper + SLACK:
            raise ValueError(f"query.jsd {self.query.jsd:.6g} is above weights.upper")


def kind(record: Mapping[str, Any]) -> type[Climbed]:
    """The class that a record must be of."""
    return Climbed
