"""Does the answer change when the attention weights are shuffled? Jain & Wallace 2019, test B.

Besides what every record holds (see `questions.answers`):

* `tvd`: `median`, `mean` and `max`, over the permutations, of the total variation distance between
  the answer under shuffled weights and the model's answer. The median is J&W's figure of an
  instance; it feeds `permute.tvd.*` and `permute.unmoved`;
* `all_erased`: `tvd` and `flips`, of the answer with all content erased, a control; feeds
  `permute.all_erased.tvd.mean`;
* `uniform_layers`: the same of the answer with uniform attention in all layers, where the model can
  give it; feeds `permute.uniform_layers.tvd.mean`;
* `max_attention`: the largest weight of a word, which feeds the bins;
* `conicity`: how alike the states are, where the model shows them; feeds `permute.conicity.mean`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from attnaudit.execution.observer import Observer
from attnaudit.models.distances import tvd
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.models.predict import Batches
from attnaudit.models.states import conicity
from attnaudit.questions.answers import Answered, each_batch
from attnaudit.questions.maker import Maker, Record
from attnaudit.questions.permute.cost import cost
from attnaudit.questions.permute.settings import PermuteSettings
from attnaudit.questions.reliance import all_erased, all_uniform
from attnaudit.questions.settling import settle_reading
from attnaudit.questions.variants import answers, in_order, room_for, shuffles
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]


def records(
    model: AttentionModel, batches: Batches, settings: PermuteSettings, observer: Observer
) -> Iterator[list[Record]]:
    """The records of each batch in turn."""

    def make(known: Answered) -> list[Record]:
        return _batch_records(model, known, settings, batches.budget)

    return each_batch(model, batches, make, observer, settings.shown)


@torch.no_grad()
def _batch_records(
    model: AttentionModel, known: Answered, settings: PermuteSettings, budget: int
) -> list[Record]:
    alpha, entries = known.alpha, known.encoded.entries
    heads = alpha.shape[1] if settings.per_head else 1
    ids = [i.id for i in known.instances]
    orders = shuffles(entries, settings.permutations, ids, settings.seed, heads)
    # The model's own weights go with the others, so that rounding moves no answer.
    texts, classes = known.probs.shape
    # Made beforehand: small tensors that stay among large ones that go would keep memory apart.
    said = known.probs.new_empty(texts, 1 + settings.permutations, classes)
    own, begin = alpha.unsqueeze(1), 0
    for some in torch.split(orders, room_for(alpha, budget), dim=1):
        variants = torch.cat([own, in_order(alpha, entries, some)], dim=1)
        end = begin + variants.shape[1]
        said[:, begin:end] = answers(model, known.encoded, variants)
        own, begin = own[:, :0], end
    moved = tvd(said[:, 1:], said[:, :1]).cpu().double().numpy()  # (B, V)
    figures = [compact(each) for each in (np.median(moved, axis=1), moved.mean(1), moved.max(1))]
    largest, controls = compact(known.on_words.amax(1)), all_erased(model, known)
    everywhere = all_uniform(model, known)
    values = capability(model, "values")
    cones = None
    if values:
        cones = compact(conicity(values(known.encoded).vectors, known.encoded.content))
    made = []
    for b, (median, mean, most) in enumerate(zip(*figures, strict=True)):
        record = known.record(b) | {
            "tvd": {"median": median, "mean": mean, "max": most},
            "all_erased": controls[b],
            "max_attention": largest[b],
        }
        if everywhere is not None:
            record["uniform_layers"] = everywhere[b]
        if cones is not None:
            record["conicity"] = cones[b]
        made.append(record)
    return made


MAKER = Maker(records, settle=settle_reading, cost=cost)
