"""What an importance is, and what it is asked: nothing here brings torch before it computes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from attnaudit.data.batch import Batch
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts
    from attnaudit.models.passes import Passes

T = TypeVar("T")
Known = dict[str, "Scores"]  # by the name of the importance


@dataclass(frozen=True)
class Integral:
    """What the scores of one text rest on, where they are integrals along a path.

    `gradients`: how many the text took, at least 0. `tolerance` and `error`, both shares of the
    text's largest absolute score: the most error that is allowed, and the error as estimated.
    `completeness_error`, at least 0: |sum of the signed scores - change of the probability|. Of
    each but the tolerance, less is better. `reason` says why the scores are undefined, None where
    they are not; figures that are no numbers are None.
    """

    gradients: int
    tolerance: float
    error: float | None
    completeness_error: float | None
    reason: str | None = None


class Scores(NamedTuple):
    """An importance of the words of a batch, on the CPU.

    `words` (B, W) are magnitudes, 0 beyond an instance's last word and NaN where undefined.
    `integrals` says what they rest on, one a text, where they are integrals. `signs` (B, W) are 1
    for words that speak for the explained class, -1 for words against it, 0 for neither.
    """

    words: NDArray[np.float32]
    integrals: Sequence[Integral] | None
    signs: NDArray[np.int8] | None


@dataclass(frozen=True)
class Request:
    """A batch whose words are to be weighed, for every importance that is `asked` for.

    `alpha` (B, W) is the attention on words, `probs` (B, C) are the model's answers, `target` (B,)
    is the class whose probability is explained. `ids` and `seed` fix what is random for an
    instance, whatever batch it is in. `budget` is how many tokens a call may take. `given` holds
    (B, W) the scores that other tools made, with their signs, by the name of the importance.
    `known` holds what was computed for other requests about the same classes of the same texts.
    """

    model: AttentionModel
    batch: Batch
    alpha: Tensor
    probs: Tensor
    target: Tensor
    ids: Sequence[str]
    seed: int
    budget: int
    asked: Collection[str]
    given: Mapping[str, Tensor] = field(default_factory=dict)
    known: Known = field(default_factory=dict)
    integrals: dict[str, Sequence[Integral]] = field(default_factory=dict)
    """By the name of an importance that integrates: what its scores rest on, text by text."""
    signs: dict[str, Tensor] = field(default_factory=dict)
    """By the name of an importance that has a direction: (B, W), 1 where the word speaks for the
    target class, -1 where it speaks against it."""
    _made: dict[str, Any] = field(default_factory=dict)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What `make` gives, made for the first importance that needs it and kept for the rest."""
        if key not in self._made:
            self._made[key] = make()
        found: T = self._made[key]
        return found

    def without_sign(self, name: str, signed: Tensor) -> Tensor:
        """The magnitudes of `signed` scores (B, W); their signs are kept under `name`."""
        self.signs[name] = signed.sign()
        return signed.abs()


def _nothing(model: AttentionModel) -> str | None:
    return None


def _quick(model: AttentionModel) -> bool:
    return False


@dataclass(frozen=True)
class Importance:
    """Something other than attention that says which word matters.

    `definition` says in one sentence what it is, `formula` how it is computed, `source` who
    defined it, `traps` what misleads in it. A `control` is what chance gives: high or low values
    of it are neither good nor bad. The scores of one with a `baseline` are integrals along the path
    that begins there, in words; see `Integral`.

    `compute(request)` gives the scores (B, W): magnitudes, 0 beyond an instance's last word, NaN
    for all words of an instance where they are undefined.
    `work(model, texts)` is what that takes, piece by piece; pieces of the same name are done once
    for all the importances that share them. `needs(model)` says why a model cannot give it, None
    where it can. One that is `slow(model)` is left out unless it is asked for.
    """

    name: str
    definition: str
    formula: str
    source: str
    traps: str
    compute: Callable[[Request], Tensor]
    work: Callable[[AttentionModel, Texts], Mapping[str, Passes]]
    control: bool = False
    baseline: str | None = None
    needs: Callable[[AttentionModel], str | None] = _nothing
    slow: Callable[[AttentionModel], bool] = _quick

    def cost(self, model: AttentionModel, texts: Texts) -> Passes:
        """What it takes if no other importance shares the work."""
        return cost_of([self], model, texts)


def cost_of(importances: Sequence[Importance], model: AttentionModel, texts: Texts) -> Passes:
    """What several importances of the same texts take together."""
    from attnaudit.models.passes import Passes

    pieces: dict[str, Passes] = {}
    for importance in importances:
        pieces.update(importance.work(model, texts))
    return sum(pieces.values(), Passes())
