"""How much must be erased until the decision flips? Serrano & Smith 2019, section 5.

Items, the content positions that the attention reads, are erased one after another in the order of
a criterion, and what remains is renormalised each time; the figure is the share of items gone when
the decision first differs. Erasing all of them counts: then the model decides by its bias, and by
what lies outside the content. Some decisions never flip; their mean fraction counts as 1, the best
case, because leaving them out would flatter the rankings that fail.

Criteria, each descending, ties broken at random:

* `attention`: the weight, of several heads as it is shown, by default their mean;
* `gradient`: the derivative of the decision's log-odds by the item's weight, signed, summed over
  heads (and rows, where many are audited). The authors take the probability's derivative, which
  ranks alike and rounds to 0 where the model is sure;
* `attention_gradient`: weight times derivative, summed likewise;
* `random`: the mean over five shuffles;
* `optimum`: the smallest set of items whose erasure flips the decision, found by trying all of
  them. No ranking can be below it. For instances of few items only.

Letters in shape comments: B batch, V variants, H heads, T tokens, C classes.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.data.transfer import sent
from attnaudit.execution.seeds import generator_for
from attnaudit.models.distances import log_odds
from attnaudit.models.interface import AttentionModel, Encoded
from attnaudit.questions.answers import Answered
from attnaudit.questions.erase.shares import SHUFFLES
from attnaudit.questions.variants import answers, erased, room_for, summed
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]
STREAM = 3  # of the random generators of an instance


@torch.no_grad()
def flip_fractions(
    model: AttentionModel, known: Answered, optimum_items: int, seed: int, budget: int
) -> list[dict[str, Any]]:
    """For each instance the share of items erased when its decision flips, by criterion.

    In {1/n, ..., 1} for n items, None where it never flips; a list for the shuffles of `random`.
    `optimum` stands there for instances of at most `optimum_items` items, and `attention` for those
    that have a reading of it.
    """
    content = known.encoded.content.cpu()
    counts = content.sum(1)
    most = int(counts.max())
    made: list[dict[str, Any]] = [{} for _ in known.instances]
    decided = answers(model, known.encoded, known.alpha.unsqueeze(1)).argmax(-1).squeeze(1)
    scores = _scores(model, known, decided)
    ties = _ties(known, content, (seed, STREAM))
    ranks = [_ranks(scored.cpu(), content, ties) for scored in scores.values()]
    level = torch.zeros(content.shape)
    for shuffle in range(SHUFFLES):
        ranks.append(_ranks(level, content, _ties(known, content, (seed, STREAM, shuffle))))
    steps = torch.stack(
        [
            first_flips(
                *(model, known.encoded, known.alpha, decided),
                *(sent(each, decided.device), budget, most),
            )
            for each in ranks
        ]
    ).cpu()  # which a GPU has all been told before the host looks at any
    for name, found in zip(scores, steps, strict=False):
        for figures, share in zip(made, _shares(found, counts), strict=True):
            figures[name] = share
    for found in steps[len(scores) :]:
        for figures, share in zip(made, _shares(found, counts), strict=True):
            figures.setdefault("random", []).append(share)
    short = (counts <= optimum_items).nonzero().squeeze(1)
    if len(short):
        few = known.batch.select(short)
        steps = smallest_sets(model, few, budget, int(counts[short].max())).cpu()
        for b, share in zip(short.tolist(), _shares(steps, counts[short]), strict=True):
            made[b]["optimum"] = share
    for b in known.undefined:
        del made[b]["attention"]
    return made


def _scores(model: AttentionModel, known: Answered, decided: Tensor) -> dict[str, Tensor]:
    """The criteria that are scores of the items, each (B, T)."""
    slopes = weight_gradients(model, known.encoded, known.alpha, decided)  # as the weights
    return {
        "attention": known.shown,
        "gradient": summed(slopes),
        "attention_gradient": summed(known.alpha * slopes),
    }


def weight_gradients(
    model: AttentionModel, encoded: Encoded, alpha: Tensor, decided: Tensor
) -> Tensor:
    """The derivative of the log-odds of class `decided` (B,) by each weight: shaped as `alpha`."""
    with torch.enable_grad():
        weights = alpha.detach().clone().requires_grad_()
        logits = model.read(encoded, weights.unsqueeze(1)).squeeze(1)  # (B, C)
        if not logits.requires_grad:
            return torch.zeros_like(alpha)  # a model that answers whatever it attends to
        (slopes,) = torch.autograd.grad(log_odds(logits, decided).sum(), weights)
    return slopes


def _ties(known: Answered, content: Tensor, seeds: tuple[int, ...]) -> NDArray[np.int64]:
    """The order of items whose scores are equal: places (B, T) in it, among the items of a text.

    `content` (B, T) lies on the host.
    """
    ties = np.zeros(content.shape, np.int64)
    for row, there, instance in zip(ties, content.numpy(), known.instances, strict=True):
        row[there] = generator_for(instance.id, *seeds).permutation(int(there.sum()))
    return ties


def _ranks(scores: Tensor, content: Tensor, ties: NDArray[np.int64]) -> Tensor:
    """The rank of each item from 0, the first to go: (B, T); T where there is none.

    `scores` and `content` (B, T) lie on the host.
    """
    values, there = scores.cpu().double().numpy(), content.numpy()
    order = np.lexsort((ties, -values, ~there), axis=-1)  # as `measures.order.descending`
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(order.shape[1])[None], axis=1)
    ranks[~there] = order.shape[1]
    return torch.from_numpy(ranks)


@torch.no_grad()
def first_flips(
    model: AttentionModel,
    encoded: Encoded,
    alpha: Tensor,
    decided: Tensor,
    ranks: Tensor,
    budget: int,
    most: int,
) -> Tensor:
    """How many items of lowest rank are gone when the decision first differs: (B,), 0 for never.

    `alpha` (B, H, T), or (B, H, Q, T); `decided` (B,) the decision on the whole; `ranks` (B, T);
    `most` items are in a text. All numbers are variants of few calls, see `room_for`.
    """
    steps, at_once = torch.zeros_like(decided), room_for(alpha, budget)
    for first in range(1, most + 1, at_once):
        taken = torch.arange(first, min(first + at_once, most + 1), device=ranks.device)
        gone = ranks.unsqueeze(1) < taken.unsqueeze(1)  # (B, V, T)
        said = answers(model, encoded, erased(alpha, encoded.entries, gone)).argmax(-1)
        flips = said != decided.unsqueeze(1)  # (B, V); beyond the last item nothing changes
        earliest = taken[flips.int().argmax(1)]
        steps = torch.where((steps == 0) & flips.any(1), earliest, steps)
        # Few batches end early: on a GPU it costs more to ask than to go on.
        if steps.device.type == "cpu" and bool((steps > 0).all()):
            break
    return steps


@torch.no_grad()
def smallest_sets(model: AttentionModel, batch: Batch, budget: int, most: int) -> Tensor:
    """The size of the smallest set of items whose erasure flips the decision: (B,), 0 for none.

    Tries all 2^n sets of the instance with the `most` items, the small ones first.
    """
    encoded = model.encode(batch)
    alpha, content = model.attend(encoded), encoded.content
    decided = answers(model, encoded, alpha.unsqueeze(1)).argmax(-1)  # (B, 1)
    item = (content.cumsum(1) - 1).clamp_min(0)  # (B, T)
    sizes = torch.zeros_like(item[:, 0])
    at_once = room_for(alpha, budget)
    for size in range(1, most + 1):
        # A set that names items which an instance lacks was tried there as a smaller one.
        sets = sent(_subsets(most, size), content.device)
        for start in range(0, len(sets), at_once):
            gone = sets[start : start + at_once, item].transpose(0, 1)  # (B, V, T)
            said = answers(model, encoded, erased(alpha, encoded.entries, gone)).argmax(-1)
            found = (said != decided).any(1) & (sizes == 0)
            sizes = torch.where(found, size, sizes)
        if bool((sizes > 0).all()):
            break
    return sizes


def _subsets(items: int, size: int) -> Tensor:
    """All sets of `size` of so many items, (sets, items)."""
    chosen = torch.tensor(list(combinations(range(items), size)))
    return torch.zeros(len(chosen), items, dtype=torch.bool).scatter_(1, chosen, True)


def _shares(steps: Tensor, counts: Tensor) -> list[float | None]:
    shares = (steps.cpu().double() / counts.clamp_min(1)).tolist()
    return [compact([share])[0] if share > 0 else None for share in shares]
