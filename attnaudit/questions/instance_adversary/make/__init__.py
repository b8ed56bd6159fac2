"""How different may attention be while the answer stays? Jain & Wallace 2019, test C, per instance.

The weights are changed under a model that is held as it is; whether the model could ever attend so
is not asked. On long or confident texts nearly everything is possible: a fact about detached
weights, no evidence of its own on whether attention explains.

Besides what every record holds (see `questions.answers`):

* `attention`: the model's, one number a word; its largest feeds the bins;
* `cap`: the largest divergence that any weights attain from it, whatever the answer;
* `adversary`: for each epsilon in the order of the settings, `epsilon`, and of the first
  alternative `jsd`, its divergence from the model's attention; `upper`, which no weights with an
  answer within epsilon exceed; `bound`, what `jsd` is: `exact` (the maximum), `lower+upper`, or
  `lower` (where `upper` is the trivial cap); `tvd` between the answers; `logit_change`, by how much
  the log-odds of the predicted class change; `said`, the answer; and `weights`, for each
  alternative one number a word. They feed `adversary.instance.*`;
* `search`, only where asked for: of the field's 500-step search at the first epsilon, `feasible`,
  how many of its alternatives left the answer within epsilon; `jsd` and `tvd` of the one of these
  that diverges most, 0 where there is none. Feeds `adversary.search.*`;
* `tokens`: the words, only where text is asked for.

Divergences are in nats, between distributions over the content positions as the model reads them
(by the reading); weights are shown summed over the positions of a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax  # type: ignore[import-untyped]

from attnaudit.execution.observer import Observer
from attnaudit.measures.divergences import jsd
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.models.predict import Batches
from attnaudit.questions.answers import Answered, answer, each_batch, words_of
from attnaudit.questions.instance_adversary.cost import cost
from attnaudit.questions.instance_adversary.make.detached import Detached
from attnaudit.questions.instance_adversary.make.mixing import room_for_texts
from attnaudit.questions.instance_adversary.make.relaxed_search import Relaxed, relaxed_search
from attnaudit.questions.instance_adversary.make.weights import (
    SLACK,
    Adversaries,
    adversaries,
    caps,
    moved,
)
from attnaudit.questions.instance_adversary.settings import InstanceSettings
from attnaudit.questions.maker import Maker, Record
from attnaudit.questions.settling import settle_reading
from attnaudit.records.rounding import compact, compact_rows

Array = NDArray[np.float64]


def records(
    model: AttentionModel, batches: Batches, settings: InstanceSettings, observer: Observer
) -> Iterator[list[Record]]:
    """The records of each batch in turn."""

    def make(known: Answered) -> list[Record]:
        return _batch_records(model, known, settings)

    return each_batch(model, batches, make, observer, settings.shown)


@torch.no_grad()
def _batch_records(
    model: AttentionModel, known: Answered, settings: InstanceSettings
) -> list[Record]:
    """The records of a batch."""
    parts = [known]
    size = room_for_texts(*known.alpha.shape[1:])
    if not capability(model, "token_logits") and len(known.instances) > size:
        by_row = {i.row: i for i in known.instances}
        each = torch.arange(len(known.instances), device=known.alpha.device)
        parts = [
            answer(model, known.whole.select(some), by_row, settings.shown)
            for some in torch.split(each, size)
        ]
    made = [record for part in parts for record in _found(model, part, settings)]
    if settings.search:
        for record, entry in zip(made, _searched(model, known, settings), strict=True):
            record["search"] = entry
    return made


def _found(model: AttentionModel, known: Answered, settings: InstanceSettings) -> list[Record]:
    """The records without what the field's search finds."""
    detached = Detached.of(model, known, settings.shown)
    own = detached.logits(detached.own[:, None])  # (B, 1, C)
    base = detached.shown(detached.own[:, None])[:, 0]  # (B, T)
    largest = compact(caps(base, detached.content))
    made: list[Record] = []
    for b, attention in enumerate(known.written_weights):
        record = known.record(b) | {
            "attention": attention,
            "cap": largest[b],
            "adversary": [],
        }
        if settings.text:
            record["tokens"] = words_of(known, b)
        made.append(record)
    for epsilon in settings.epsilons:
        found = adversaries(detached, epsilon, settings.alternatives)
        for record, entry in zip(made, _entries(detached, known, found, own), strict=True):
            record["adversary"].append({"epsilon": epsilon, **entry})
    return made


def _entries(
    detached: Detached, known: Answered, found: Adversaries, own: Array
) -> list[dict[str, Any]]:
    """What the records say of each instance for one epsilon."""
    first = detached.logits(found.weights[:, :1])[:, 0]  # (B, C)
    said = softmax(first, axis=-1)
    predicted = known.probs.argmax(1).cpu().numpy()
    change = np.abs(_log_odds(first, predicted) - _log_odds(own[:, 0], predicted))
    shown = torch.from_numpy(detached.shown(found.weights)).to(known.batch.words.device)
    by_word = [known.batch.per_word(k).cpu().numpy() for k in shown.unbind(1)]  # K of (B, W)
    counts = known.batch.word_counts.tolist()
    weights = [compact_rows(w, counts) for w in by_word]
    names = ("jsd", "upper", "tvd", "logit_change")
    each = (found.jsd[:, 0], found.upper, found.tvd[:, 0], change)
    figures = zip(*(compact(values) for values in each), strict=True)
    answers = compact_rows(said)
    return [
        {"bound": found.bounds[b]}
        | dict(zip(names, of_text, strict=True))
        | {"said": answers[b], "weights": [w[b] for w in weights[: found.counts[b]]]}
        for b, of_text in enumerate(figures)
    ]


def _log_odds(logits: Array, classes: NDArray[np.int64]) -> Array:
    """Log-odds (B,) of the given class of each row against all others; finite if logits are."""
    chosen = np.arange(logits.shape[1]) == classes[:, None]
    others: Array = logsumexp(np.where(chosen, -np.inf, logits), axis=1)
    odds: Array = logits[chosen] - others
    return odds


def _searched(
    model: AttentionModel, known: Answered, settings: InstanceSettings
) -> list[dict[str, Any]]:
    detached = Detached.of(model, known, settings.shown)
    own = detached.logits(detached.own[:, None])  # (B, 1, C)
    epsilon = settings.epsilons[0]
    how = Relaxed(
        settings.search_alternatives,
        settings.search_steps,
        settings.diversity,
        settings.restarts,
    )
    ids = [i.id for i in known.instances]
    weights = relaxed_search(detached, epsilon, how, ids, settings.seed)  # (B, N, H, T)
    tvd = moved(detached.logits(weights), own)  # (B, N)
    fits = tvd <= epsilon + SLACK
    apart = jsd(detached.shown(weights), detached.shown(detached.own[:, None]))
    apart = np.where(fits, apart, 0.0)
    best = apart.argmax(1)
    made = []
    for b, k in enumerate(best):
        reached, cost = compact([apart[b, k], tvd[b, k] if fits[b, k] else 0.0])
        made.append({"feasible": int(fits[b].sum()), "jsd": reached, "tvd": cost})
    return made


MAKER = Maker(records, settle=settle_reading, cost=cost)
