"""Parts of words erased, in proportion to what a ranking gives them.

Each number of a word's embedding is kept with a probability q, else it is 0. Where the words of a
ranking are kept (sufficiency) q grows with their scores; where they are erased (comprehensiveness)
it is 1 - q. Zhao & Aletras (2023, section 3) draw once; here p of the predicted class is the mean
of several draws. There are two ways from scores to q:

* `soft`: (score - least) / (largest - least), as in their code; None where all scores are equal. A
  ranking with larger scores keeps more, and looks more sufficient and less comprehensive;
* `even`: min(1, c score), with c such that half of all numbers are kept on average. So all rankings
  are compared at the same expected retention, as Huang & Chan (2026, arXiv 2601.03089) ask for.
  How they reach it we could not read: this way is our own. If less than half of the tokens have a
  score above 0, these are kept whole, and the others alike.

All rankings of a text have the same draws. Specials and a query stay. Letters in shape comments:
V variants, R draws, T tokens, D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.execution.seeds import generator_for
from attnaudit.models.interface import AttentionModel
from attnaudit.questions.answers import Answered
from attnaudit.questions.compare_readings.make.rankings import Rankings
from attnaudit.questions.compare_readings.names import SOFT, SOFT_SHARE
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]
STREAM = 9  # of the random generators of a text: the numbers that are kept


@torch.no_grad()
def soft_falls(
    model: AttentionModel,
    known: Answered,
    ranked: Sequence[Rankings],
    draws: int,
    seed: int,
    budget: int,
) -> list[dict[str, Any]]:
    """For each text what records hold of `soft`: by how much p of the predicted class falls.

    `nothing`: if no number of any word is kept. `budget` says how many tokens a call takes, where a
    text is not longer.
    """
    return [_of_text(model, known, b, one, (draws, seed, budget)) for b, one in enumerate(ranked)]


def _of_text(
    model: AttentionModel, known: Answered, b: int, ranks: Rankings, how: tuple[int, int, int]
) -> dict[str, Any]:
    draws, seed, budget = how
    text = known.batch.select(torch.tensor([b], device=known.probs.device))
    words = text.words[0].cpu().numpy()  # (T,)
    kept: list[Array] = [np.zeros(len(words))]  # of each variant, how much is kept: nothing
    places: dict[str, dict[str, int | None]] = {way: {} for way in SOFT}
    for way in SOFT:
        for name, scores in ranks.scores.items():
            share = _shares(scores[words[words >= 0]], way)
            places[way][name] = None if share is None else len(kept)
            if share is not None:
                kept.append(np.zeros(len(words)))
                kept[-1][words >= 0] = share
    shape = (draws, len(words), int(model.embed(text).shape[2]))
    noise = generator_for(known.instances[b].id, seed, STREAM).random(shape, np.float32)
    target = int(known.probs[b].argmax())
    said = _answers(model, text, np.stack(kept), noise, target, budget)  # (2, V)
    falls = float(known.probs[b, target]) - said
    return {"nothing": compact([falls[0, 0]])[0]} | {
        way: {
            kind: {n: None if at is None else compact([each[at]])[0] for n, at in by_name.items()}
            for kind, each in zip(("sufficiency", "comprehensiveness"), falls, strict=True)
        }
        for way, by_name in places.items()
    }


def _answers(
    model: AttentionModel,
    text: Batch,
    kept: Array,
    noise: NDArray[np.float32],
    target: int,
    budget: int,
) -> Array:
    """(2, V) p of the `target` class, mean over draws: `kept` (V, T) is kept, or all but that."""
    embedded = model.embed(text)  # (1, T, D)
    device = embedded.device
    whole = ~text.content[0].unsqueeze(1)  # (T, 1) specials
    share, drawn = torch.from_numpy(kept).float().to(device), torch.from_numpy(noise).to(device)
    query = 0 if text.query_mask is None else text.query_mask.shape[1]
    variants = torch.cartesian_prod(
        torch.arange(2), torch.arange(len(kept)), torch.arange(len(noise))
    ).to(device)  # (2 V R, 3)
    said: list[Tensor] = []
    for some in torch.split(variants, max(1, budget // (text.ids.shape[1] + query))):
        rest, variant, draw = some.T
        keep = drawn[draw] < share[variant].unsqueeze(2)  # (n, T, D)
        keep = (keep ^ (rest == 1)[:, None, None]) | whole
        encoded = model.encode(text.select(torch.zeros_like(rest)), embedded * keep)
        logits = model.read(encoded, model.attend(encoded).unsqueeze(1)).squeeze(1)  # (n, C)
        said.append(logits.softmax(-1)[:, target].cpu().double())
    found: Array = torch.cat(said).view(2, len(kept), len(noise)).mean(2).numpy()
    return found


def _shares(scores: Array, way: str) -> Array | None:
    """How much of each token is kept, (T,) in [0, 1], from the scores (T,) of their words."""
    if way == "even":
        return evenly(scores, SOFT_SHARE)
    least, largest = scores.min(), scores.max()
    return (scores - least) / (largest - least) if largest > least else None


def evenly(scores: Array, share: float) -> Array:
    """min(1, c scores) of `scores` (T,) that are 0 or more, with the mean `share` in (0, 1).

    Where too few scores are above 0 for that, these are 1, and all others alike.
    """
    wanted, above = share * len(scores), int((scores > 0).sum())
    if above <= wanted:
        return np.where(scores > 0, 1.0, (wanted - above) / (len(scores) - above))
    ranked = np.sort(scores)[::-1]
    left = np.cumsum(ranked[::-1])[::-1]  # what the k-th and all smaller ones add up to
    factors = (wanted - np.arange(len(scores))) / np.where(left > 0, left, 1.0)
    first = int(np.argmax(factors * ranked <= 1))  # so many are kept whole
    found: Array = np.minimum(1.0, factors[first] * scores)
    return found
