"""What happens when the items or words that attention ranks first are taken away?

Two kinds of erasure, which answer different questions. Serrano & Smith (2019) erase attention
weights, so that what the other items know of the erased one stays (`single_weight`,
`flip_fraction`); DeYoung et al. (2020) delete the words from the text (`eraser`). Besides what
every record holds (see `questions.answers`):

* `single`: `gap`, `jsd` and `flip`, the top weight against a random other one; null for a single
  item. Feeds `erase.single.*`;
* `fractions`: share of items erased when the decision flips, by criterion, null for never; feeds
  `erase.flip_fraction.*` and `erase.never_flips.*`;
* `no_reading`: why the reading of the attention is undefined for the text. Its `attention` is then
  null for each word, `single` is null, and `fractions` and `support` have nothing of the attention;
  it feeds `erase.no_reading`;
* `all_erased`: `tvd` and `flips`, of the answer with all content erased, a control; and
  `residual_ratio`, how large what the attention gives is beside what bypasses it, where the model
  shows both. They feed `erase.all.*` and `erase.residual_ratio.mean`;
* `support`: whether the words that the attention highlights carry the answer. `words`, their
  places; `draws`, how many draws of other words there are; `tvd`, how far the answer moves without
  the weights of those words, and `largest`, without those of any draw, null where `status` says
  `not_judged`; the same of a `random` heatmap, and with the words `deleted` from the text. It feeds
  `erase.unsupported.*`, and what heatmaps remark;
* `comprehensiveness` and `sufficiency`: by ranking, a figure for each share of words, null where
  the ranking is undefined; they feed `erase.comprehensiveness.*` and `erase.sufficiency.*`;
* `plausibility`: by ranking, agreement with the human rationale, null where there is none; feeds
  `plausibility.*`;
* `marked`: the share of the `attention`, and of the `words`, that lies on the words that people
  marked, where they marked some; feeds `erase.rightness.*`;
* `integration`: what the rankings that are integrals rest on, and the `reason` why one is
  undefined; as in records of `correlate`;
* `attention`: one number per word, which heatmaps show; with `tokens`, the words, only where text
  is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from attnaudit.execution.observer import Observer
from attnaudit.execution.seeds import generator_for
from attnaudit.importance.compute import Importances, importances
from attnaudit.measures.order import descending
from attnaudit.models.interface import AttentionModel
from attnaudit.models.predict import Batches
from attnaudit.questions.answers import Answered, each_batch, words_of
from attnaudit.questions.erase.cost import cost
from attnaudit.questions.erase.make.deletions import deletions
from attnaudit.questions.erase.make.flip_fraction import flip_fractions
from attnaudit.questions.erase.make.single_weight import single_weights
from attnaudit.questions.erase.make.support import supports
from attnaudit.questions.erase.settings import EraseSettings
from attnaudit.questions.maker import Maker, Record
from attnaudit.questions.people import on_marked, rationale_of
from attnaudit.questions.plausibility import agreement_with_people
from attnaudit.questions.reliance import all_erased, residual_ratios
from attnaudit.questions.settling import settle

STREAM = 4  # of the random generators of an instance: ties of its rankings of words


def records(
    model: AttentionModel, batches: Batches, settings: EraseSettings, observer: Observer
) -> Iterator[list[Record]]:
    """The records of each batch in turn."""

    def make(known: Answered) -> list[Record]:
        return _batch_records(model, known, settings, batches.budget)

    return each_batch(model, batches, make, observer, settings.shown)


def _batch_records(
    model: AttentionModel, known: Answered, settings: EraseSettings, budget: int
) -> list[Record]:
    singles = single_weights(model, known, settings.seed)
    fractions = flip_fractions(model, known, settings.optimum_items, settings.seed, budget)
    scores, found = _scores(model, known, settings, budget)
    orders = [
        {
            name: descending(s, generator_for(i.id, settings.seed, STREAM, k))
            for k, (name, s) in enumerate(by_name.items())
            if not np.isnan(s).any()
        }
        for i, by_name in zip(known.instances, scores, strict=True)
    ]
    by_ranking = {name: [order.get(name) for order in orders] for name in settings.rankings}
    deleted = deletions(model, known, by_ranking, budget)
    controls, ratios = all_erased(model, known), residual_ratios(model, known)
    supported = supports(
        model, known, [order.get("attention") for order in orders], settings.seed, budget
    )
    made: list[Record] = []
    for b in range(len(scores)):
        marked = rationale_of(known, b)
        record = known.record(b) | {
            "single": singles[b],
            "fractions": fractions[b],
            "all_erased": controls[b],
            **({} if ratios is None else {"residual_ratio": ratios[b]}),
            **({} if supported[b] is None else {"support": supported[b]}),
            **deleted[b],
            "plausibility": (
                None if marked is None else agreement_with_people(scores[b], orders[b], marked)
            ),
            **(
                {}
                if marked is None or "attention" not in orders[b]
                else {"marked": on_marked(known, b, marked)}
            ),
            **found.told(b),
            **known.shown_record(b),
        }
        if settings.text:
            record["tokens"] = words_of(known, b)
        made.append(record)
    return made


def _scores(
    model: AttentionModel, known: Answered, settings: EraseSettings, budget: int
) -> tuple[list[dict[str, Any]], Importances]:
    """The scores (words,) of each instance by ranking, and the importances among them."""
    target = known.probs.argmax(1)
    found = importances(known.request(model, target, settings.names, settings.seed, budget))
    columns = {"attention": known.weights, **found.scores}
    counts = known.batch.host.word_counts.tolist()
    scores = [
        {name: columns[name][b, :n] for name in settings.rankings} for b, n in enumerate(counts)
    ]
    return scores, found


MAKER = Maker(records, settle=settle, cost=cost)
