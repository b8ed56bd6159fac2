"""Which attention weights does what a head gives pin down?

Besides what every record holds (see `questions.answers`), for the audited row and each head:

* `positions`, how many positions the row can attend to;
* `detached`: the freedom of all weights that leave what the head gives as it is, see `detached`;
  feeds `identify.freedom.values`, `identify.freedom.output`, `identify.unique.detached`,
  `identify.identified` and `identify.least_norm`;
* `producible`: the freedom of those among them that some query makes, see `producible`; null where
  the model shows no keys; feeds `identify.freedom.producible` and `identify.unique.producible`;
* `least_norm`: the answer under the weights of least norm, a check; feeds `identify.answers.*`;
* `intervals`: with `--intervals`, how far each token's weight can move, and the fewest tokens that
  can have all the weight; null for a text that is too long; feeds `identify.necessary`,
  `identify.dispensable`, `identify.width`, `identify.support` and `identify.answers.*`;
* `others`: with `--starts`, what else some query makes, see `producible`; feeds
  `identify.others.*`.

Letters in shape comments: B batch, H heads, T tokens, D dimensions, n positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray

from attnaudit.errors import InputError, ModelError
from attnaudit.execution.observer import Observer
from attnaudit.execution.seeds import generator_for
from attnaudit.measures.divergences import jsd
from attnaudit.models.interface import AttentionModel, Keys, Values, capability
from attnaudit.models.predict import Batches
from attnaudit.questions.answers import Answered, each_batch
from attnaudit.questions.identify.cost import cost
from attnaudit.questions.identify.make.detached import Ends, Polytope
from attnaudit.questions.identify.make.producible import Local, Others, Scores, local, others
from attnaudit.questions.identify.make.reading import Change, farthest, moved
from attnaudit.questions.identify.settings import IdentifySettings
from attnaudit.questions.maker import Maker, Record
from attnaudit.questions.settling import settle_reading
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]
_HALF = (torch.float16, torch.bfloat16)
_AGREE = 1e-3  # how far weights may be from those that the keys give


def settle(settings: IdentifySettings, model: AttentionModel) -> IdentifySettings:
    """The settings as they are.

    Raises InputError for a model that does not show what its attention averages, or that computes
    in a precision in which ranks cannot be told.
    """
    settled = settle_reading(settings, model)
    if capability(model, "values") is None:
        raise InputError(
            "this audit needs the vectors that the attention averages, and the model does not"
            " show them",
            hint="give the plug-in a method `values(encoded)`",
        )
    if _computed_in(model) in _HALF:
        raise InputError(
            "this audit counts directions, and the rounding of half precision hides them",
            hint="use --dtype float32",
        )
    return settled


def records(
    model: AttentionModel, batches: Batches, settings: IdentifySettings, observer: Observer
) -> Iterator[list[Record]]:
    """The records of each batch in turn."""

    def make(known: Answered) -> list[Record]:
        return _batch_records(model, known, settings, batches.budget)

    return each_batch(model, batches, make, observer, settings.shown)


@dataclass(frozen=True)
class Head:
    """One head in one text: its weights (n,), its values (n, D), and these behind its output map.

    `behind` (n, D) has the lengths and angles of values x output map, in fewer columns. `precision`
    is the relative rounding of the model's numbers.
    """

    weights: Array
    values: Array
    behind: Array | None
    scores: Scores | None
    settings: IdentifySettings
    precision: float

    def tolerance(self, *sides: int) -> float:
        """Up to which share of the largest a singular value of a matrix of these sides is 0."""
        return self.settings.tolerance or max(sides) * self.precision

    @property
    def kept(self) -> Array:
        """What is averaged, and must not change: (n, D)."""
        if self.settings.kept == "values":
            return self.values
        assert self.behind is not None
        return self.behind

    @cached_property
    def polytope(self) -> Polytope:
        """All weights that leave it as it is."""
        sides = (len(self.weights), self.kept.shape[1] + 1)
        return Polytope(self.weights, self.kept, self.tolerance(*sides))

    def freedom(self, averaged: Array) -> int:
        """The dimension of those that leave the average of other vectors (n, D) as it is."""
        if averaged is self.kept:
            return self.polytope.freedom
        sides = (len(self.weights), averaged.shape[1] + 1)
        return Polytope(self.weights, averaged, self.tolerance(*sides)).freedom

    @cached_property
    def least_norm(self) -> Array:
        """(n,) the member of least norm."""
        return self.polytope.least_norm()

    @cached_property
    def local(self) -> Local | None:
        """What small changes of the query can do; None without keys."""
        if self.scores is None:
            return None
        sides = (self.scores.keys.shape[1], self.kept.shape[1])
        return local(self.scores, self.polytope, self.kept, self.tolerance(*sides))

    @cached_property
    def ends(self) -> Ends | None:
        """How far each weight can move; None where that is not asked for, or too long."""
        asked = self.settings.intervals and len(self.weights) <= self.settings.longest
        return self.polytope.ends() if asked else None


def _batch_records(
    model: AttentionModel, known: Answered, settings: IdentifySettings, budget: int
) -> list[Record]:
    heads = _heads(model, known, settings)
    found = [
        [_others(head, known, b, h) for h, head in enumerate(row)] for b, row in enumerate(heads)
    ]
    changes = [_changes(row, tried) for row, tried in zip(heads, found, strict=True)]
    read = moved(model, known, [list(chain(*parts)) for parts in changes], budget)
    made = []
    for b, row in enumerate(heads):
        cuts = np.cumsum([len(part) for part in changes[b]])[:-1]
        pairs = zip(*(np.split(column, cuts) for column in read[b]), strict=True)
        alone, together, corners, sparse, elsewhere = (farthest(*pair) for pair in pairs)
        made.append(
            known.record(b)
            | {
                "positions": len(row[0].weights),
                "detached": _free(row),
                "producible": _made(row),
                "least_norm": {"alone": alone, "together": together},
                "intervals": _ranges(row, corners, sparse),
                "others": _elsewhere(row, found[b], elsewhere),
            }
        )
    return made


def _heads(model: AttentionModel, known: Answered, settings: IdentifySettings) -> list[list[Head]]:
    """The heads of each text of a batch."""
    of_values, of_keys = (capability(model, name) for name in ("values", "keys"))
    assert of_values is not None
    values: Values = of_values(known.encoded)
    keys: Keys | None = of_keys(known.encoded) if of_keys else None
    if values.output is None and settings.kept == "output":
        raise InputError(
            "--kept output: the model shows no linear map behind its heads",
            hint="leave --kept out",
        )
    maps = None if values.output is None else [_short(one) for one in _numbers(values.output)]
    vectors, alpha = _numbers(values.vectors), _numbers(known.alpha)
    scored = None if keys is None else _scores(keys)
    computed_in = _computed_in(model) or values.vectors.dtype
    precision = float(torch.finfo(computed_in).eps)
    made = []
    for b, there in enumerate(known.encoded.attendable.cpu().numpy()):
        row = []
        for h, weights in enumerate(alpha[b][:, there]):
            averaged = vectors[b, h][there]
            scores = None if scored is None else scored[b][h].at(there)
            if scores and np.abs(scores.weights(scores.query) - weights).max() > _AGREE:
                raise ModelError("its `keys` do not give its attention weights")
            behind = None if maps is None else averaged @ maps[h]
            row.append(Head(weights, averaged, behind, scores, settings, precision))
        made.append(row)
    return made


def _short(output: Array) -> Array:
    """A map (D, out) in at most D columns: turned so that lengths and angles behind it stay."""
    if output.shape[1] <= output.shape[0]:
        return output
    left, values, _ = np.linalg.svd(output, full_matrices=False)
    short: Array = left * values
    return short


def _scores(keys: Keys) -> list[list[Scores]]:
    """The scores of each head of each text, over all positions."""
    vectors, queries = _numbers(keys.vectors), _numbers(keys.query)
    batch, heads, tokens = vectors.shape[:3]
    bias = np.zeros((batch, heads, tokens))
    if keys.bias is not None:
        bias += _numbers(keys.bias)
    return [
        [Scores(vectors[b, h], queries[b, h], bias[b, h], keys.softcap) for h in range(heads)]
        for b in range(batch)
    ]


def _others(head: Head, known: Answered, b: int, h: int) -> Others | None:
    """What else some query makes; None where that is not asked for, or cannot be."""
    if head.scores is None or not head.settings.starts:
        return None
    generator = generator_for(known.instances[b].id, head.settings.seed, h)
    return others(head.scores, head.polytope, head.settings.starts, generator)


def _changes(row: Sequence[Head], found: Sequence[Others | None]) -> list[list[Change]]:
    """The weights to read a text under, in five parts; those that were not asked for are empty.

    Weights of least norm, one head at a time and of all; corners, and the sparsest of all heads;
    other weights that a query makes.
    """
    alone = [Change(h, head.least_norm) for h, head in enumerate(row)]
    together = [Change(None, np.array([head.least_norm for head in row]))]
    ends = [head.ends for head in row]
    corners = [Change(h, corner) for h, one in enumerate(ends) if one for corner in one.members]
    sparsest = [one.sparsest for one in ends if one]
    sparse = [Change(None, np.array(sparsest))] if sparsest else []
    elsewhere = [Change(h, other) for h, one in enumerate(found) if one for other in one.members]
    return [alone, together, corners, sparse, elsewhere]


def _free(row: Sequence[Head]) -> Record:
    behind = [None if head.behind is None else head.freedom(head.behind) for head in row]
    far = [float(jsd(head.polytope.weights, head.least_norm)) for head in row]
    return {
        "values": [head.freedom(head.values) for head in row],
        "output": None if None in behind else behind,
        "fixed": compact([float(head.polytope.fixed.mean()) for head in row]),
        "jsd": compact(far),
    }


def _made(row: Sequence[Head]) -> Record | None:
    found = [head.local for head in row if head.local]
    if not found:
        return None
    return {
        "directions": [one.directions for one in found],
        "freedom": [one.freedom for one in found],
        "condition": [one.condition and compact([one.condition])[0] for one in found],
    }


def _ranges(row: Sequence[Head], corners: Record, sparse: Record) -> Record | None:
    found = [head.ends for head in row if head.ends]
    if not found:
        return None
    return {
        "low": [compact(one.low) for one in found],
        "high": [compact(one.high) for one in found],
        "support": [one.support for one in found],
        "read": {"alone": corners, "together": sparse},
    }


def _elsewhere(row: Sequence[Head], tried: Sequence[Others | None], read: Record) -> Record | None:
    found = [one for one in tried if one]
    if not found:
        return None
    far = [
        float(jsd(head.polytope.weights, one.members).max()) if len(one.members) else None
        for head, one in zip(row, found, strict=True)
    ]
    return {
        "starts": found[0].starts,
        "same": [one.same for one in found],
        "unsolved": [one.unsolved for one in found],
        "found": [len(one.members) for one in found],
        "jsd": [None if x is None else compact([x])[0] for x in far],
        "read": read if any(len(one.members) for one in found) else None,
    }


def _computed_in(model: AttentionModel) -> torch.dtype | None:
    """The precision of the model's parameters; None where it has none."""
    return next((p.dtype for p in model.parameters() if p.dtype.is_floating_point), None)


def _numbers(tensor: torch.Tensor) -> Array:
    found: Array = tensor.detach().cpu().double().numpy()
    return found


MAKER = Maker(records, settle=settle, cost=cost)
