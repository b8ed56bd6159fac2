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

    from attnaudit.data.batch import Batch
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts
    from attnaudit.models.passes import Passes
    from attnaudit.readings.seen import Seen

WEIGHTS = "only the attention weights that are audited: any model has them"
NOTHING = "nothing: it is computed from the weights that the tests use anyway"


def _able(model: AttentionModel) -> str | None:
    return None


def _free(model: AttentionModel, texts: Texts) -> Passes:
    from attnaudit.models.passes import Passes

    return Passes()


@dataclass(frozen=True)
class Reading:
    """One number a position, of the weights that several heads give it.

    `definition` says in one sentence what it is, `formula` how it is computed, `source` who uses
    it, `traps` what misleads in it, `asks` what it needs of a model, and `takes` what it costs
    beyond the weights.

    It has one of two ways to compute. `of_weights(alpha)` gives (B, T) for attention (B, H, T), and
    gradients pass through it. Such a reading is defined for any weights, so that tests can ask what
    it would show of others. `of_model(seen)` gives (B, T) for all that can be seen of a model on a
    batch: it looks at more than the audited weights, and says nothing of other weights. A text
    that it is undefined for is NaN throughout. Where it is `most` tokens that a text may have,
    `beyond` says why no more; all longer texts are undefined.

    Where a reading is a weighted sum of heads, `parts(heads)` says how much each of so many counts;
    `parts` is None where it is none. Only a weighted sum of distributions adds up to a mass. The
    numbers of a `signed` one may be below 0: its magnitudes are shown and ranked. Where it is
    `directed` the sign says whether a word speaks for the explained class or against it, and stands
    beside the magnitude. `needs(model)` says why a model cannot be read so, None where it can.
    `passes(model, texts)` is how often texts go through the model for it.

    One of `rows` is of sites where many rows are audited: its attention is (B, H, Q, T).
    """

    name: str
    definition: str
    formula: str
    source: str
    traps: str
    of_weights: Callable[[Tensor], Tensor] | None = None
    parts: Callable[[int], list[float]] | None = None
    needs: Callable[[AttentionModel], str | None] = _able
    rows: bool = False
    of_model: Callable[[Seen], Tensor] | None = None
    signed: bool = False
    directed: bool = False
    asks: str = WEIGHTS
    takes: str = NOTHING
    passes: Callable[[AttentionModel, Texts], Passes] = _free
    most: int | None = None
    beyond: str = ""

    def __post_init__(self) -> None:
        if (self.of_weights is None) == (self.of_model is None):
            raise ValueError(f"{self.name}: a reading is of weights, or of a model")

    def compute(self, seen: Seen) -> Tensor:
        """(B, T) what the reading gives each position of a batch."""
        if self.of_model is not None:
            return self.of_model(seen).to(seen.alpha)
        return self.weigh(seen.alpha)

    @property
    def too_long(self) -> str:
        """Why a text of more than `most` tokens has no such reading."""
        return f"more than {self.most} tokens ({self.beyond})"

    def undefined(self, shown: Tensor, batch: Batch) -> dict[int, str]:
        """Why texts of a batch have no such reading, by their place in it.

        `shown` (B, T) is what `compute` gave. A reason goes on from "a text with".
        """
        empty = batch.per_word(shown.nan_to_num()).abs().amax(1) == 0
        states = (shown.isfinite().all(1) + 2 * empty).tolist()  # one wait for a device
        finite, nothing = [state % 2 for state in states], [state > 1 for state in states]
        found = {}
        for b, tokens in enumerate(batch.host.mask.sum(1).tolist()):
            if self.most is not None and tokens > self.most:
                found[b] = self.too_long
            elif not finite[b]:
                found[b] = "numbers that are not finite"
            elif nothing[b] and self.of_weights is None:
                found[b] = "0 for every word"
        return found

    def weigh(self, alpha: Tensor) -> Tensor:
        """(B, T) of attention (B, H, T), whoever made it.

        Raises ValueError for a reading that looks at more than weights.
        """
        if self.of_weights is None:
            raise ValueError(f"the reading {self.name} is not of weights alone")
        return self.of_weights(alpha)


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
    asks: str = WEIGHTS
    takes: str = NOTHING
