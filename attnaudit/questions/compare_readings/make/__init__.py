"""Which reading of the attention, or which importance, finds the words that decide the answer?

Every ranking of the words of a text gets the same scores. Besides what every record holds (see
`questions.answers`):

* `erased`: by operator, `comprehensiveness` and `sufficiency` by ranking, a figure for each share
  of words; feeds `compare_readings.OPERATOR.comprehensiveness.*`, `.sufficiency.*` and `.gain.*`;
* `path`: what follows when words go one by one, by the `operator` that the settings name.
  `flip_fraction` by ranking, null for never; `aopc` by ranking; the `least` and the `greatest` that
  a ranking can have, and whether these are `exact`, null in texts that are too long. It feeds
  `compare_readings.OPERATOR.flip_fraction.*`, `.naopc.*` and `.range`;
* `soft`: the same where parts of words are erased, see `make.soft`: `comprehensiveness` and
  `sufficiency` by ranking, in two ways, and what follows where `nothing` is kept; null where it was
  not asked for. It feeds `compare_readings.soft.*` and `compare_readings.even.*`;
* `tau`: by ranking, with leave-one-out, null where it is undefined; feeds `compare_readings.tau.*`;
* `plausibility`: by ranking, agreement with the human rationale, null where there is none; feeds
  `compare_readings.token_f1.*` and `.auprc.*`;
* `scores` and `signs`: by ranking, one number a word, as shares of their sum, and for rankings with
  a direction 1 for words that speak for the predicted class, -1 for words against it; heatmaps show
  them;
* `undefined`: by ranking that this text has none of, the reason: a text with that;
* `attention`: one number per word, the mean over heads; with `tokens`, the words, only where text
  is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.errors import InputError
from attnaudit.execution.observer import Observer
from attnaudit.importance import IMPORTANCES
from attnaudit.importance.choice import choose
from attnaudit.measures.rank import kendall_matrix
from attnaudit.models.interface import AttentionModel
from attnaudit.models.predict import Batches
from attnaudit.questions.answers import Answered, each_batch, words_of
from attnaudit.questions.compare_readings.cost import choose_readings, cost
from attnaudit.questions.compare_readings.make.erasing import Erasing
from attnaudit.questions.compare_readings.make.rankings import REFERENCE, Rankings, rankings
from attnaudit.questions.compare_readings.make.soft import soft_falls
from attnaudit.questions.compare_readings.names import FLOOR
from attnaudit.questions.compare_readings.settings import CompareReadingsSettings
from attnaudit.questions.maker import Maker, Record
from attnaudit.questions.people import rationale_of
from attnaudit.questions.plausibility import agreement_with_people
from attnaudit.questions.settling import cannot_read
from attnaudit.readings import find_reading
from attnaudit.records.rounding import compact

USUAL_MEASURES = ("random", "leave_one_out", "gradient")


def settle(settings: CompareReadingsSettings, model: AttentionModel) -> CompareReadingsSettings:
    """The settings with the readings, importances and operators that `model` gets.

    Raises InputError for any of them that is asked for by name and that the model cannot give.
    """
    operators = settings.operators or ("delete", "weight" if model.mask_token is None else "mask")
    if "mask" in (*operators, settings.path) and model.mask_token is None:
        option = "--path" if settings.path == "mask" else "--operator"
        raise InputError(f"{option} mask: the model has no mask token", hint="use delete or weight")
    measures = settings.measures or USUAL_MEASURES
    if set(measures) == set(IMPORTANCES):  # all that the model can give
        measures = tuple(name for name in measures if not IMPORTANCES[name].needs(model))
    choice = choose((*measures, FLOOR), model)
    readings, not_read = choose_readings(
        settings.readings, model, lambda name: cannot_read(find_reading(name), model)
    )
    return settings.model_copy(
        update={
            "readings": readings,
            "not_read": not_read or settings.not_read,
            "measures": choice.measures,
            "operators": tuple(dict.fromkeys(operators)),
        }
    )


def records(
    model: AttentionModel,
    batches: Batches,
    settings: CompareReadingsSettings,
    observer: Observer,
) -> Iterator[list[Record]]:
    """The records of each batch in turn."""

    def make(known: Answered) -> list[Record]:
        return _batch_records(model, known, settings, batches.budget)

    return each_batch(model, batches, make, observer)


def _batch_records(
    model: AttentionModel, known: Answered, settings: CompareReadingsSettings, budget: int
) -> list[Record]:
    ranked = rankings(model, known, settings, budget)
    tops = {
        operator: Erasing(model, known, operator, budget).tops(ranked)
        for operator in settings.operators or ()
    }
    path = Erasing(model, known, settings.path, budget)
    paths = path.paths(ranked, settings.longest, settings.beam)
    soft: Sequence[Any] = [None] * len(ranked)
    if settings.draws:
        soft = soft_falls(model, known, ranked, settings.draws, settings.seed, budget)
    made: list[Record] = []
    for b, one in enumerate(ranked):
        marked = rationale_of(known, b)
        record = known.record(b) | {
            "erased": {operator: by_text[b] for operator, by_text in tops.items()},
            "path": paths[b],
            "soft": soft[b],
            "tau": _taus(one),
            "plausibility": (
                None if marked is None else agreement_with_people(one.scores, one.orders, marked)
            ),
            "scores": {name: _shares(scores) for name, scores in one.scores.items()},
            "signs": {name: signs.tolist() for name, signs in one.signs.items()},
            "undefined": one.undefined,
            **known.shown_record(b),
        }
        if settings.text:
            record["tokens"] = words_of(known, b)
        made.append(record)
    return made


def _taus(one: Rankings) -> dict[str, float | None]:
    """Tau-b of each ranking with leave-one-out, but for leave-one-out itself."""
    names = [name for name in one.scores if name != REFERENCE]
    if not names:
        return {}
    tau = kendall_matrix([one.reference, *(one.scores[name] for name in names)])[0][0, 1:]
    return dict(zip(names, compact(tau), strict=True))


def _shares(scores: NDArray[np.float64]) -> list[float | None]:
    """Scores as shares of their sum; all 0 where that is 0."""
    total = float(scores.sum())
    return compact(scores / total if total > 0 else scores)


MAKER = Maker(records, settle=settle, cost=cost)
