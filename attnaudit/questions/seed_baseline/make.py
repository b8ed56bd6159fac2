"""How far do attention and answers vary between seeds, and does the task need attention at all?

Wiegreffe & Pinter 2019, sections 3.3 and 3.2: models of the same recipe with other seeds, and, for
each of these seeds, a model whose attention is frozen to the uniform one. For the records see
`runs`; the runs are `{"model": "base"}`, `{"model": "seed", "seed": k}` and `{"model": "uniform",
"seed": k}`. Only those on the audited split feed the report:

* `probs` feed every `f1`, `seed_baseline.flips` and `necessity.f1_gap`;
* `jsd` and `tvd` feed the metrics of that name;
* `attention` of the audited model feeds the bins and the largest JSD that is attainable;
* `controls` of the audited model feeds `seed_baseline.control.*` (see `controls`).

The bins take the audited model's largest weight. (The authors' script takes the median of the
seeds' largest weights; the caption of their Fig. 3 speaks of the maximum over seeds of the JSD, the
script takes the median: both are given.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from attnaudit.execution.observer import Observer
from attnaudit.models.guided import uniform
from attnaudit.models.retraining import Retraining, as_it_is, guided
from attnaudit.questions.maker import Maker, Record, Trains
from attnaudit.questions.recording import Ledger, Trained, run_records
from attnaudit.questions.seed_baseline.asked import controls
from attnaudit.questions.seed_baseline.cost import asked_cost
from attnaudit.questions.seed_baseline.settings import SeedBaselineSettings
from attnaudit.questions.settling import settle_reading
from attnaudit.records.schema import Run

Array = NDArray[np.float64]


def rounds(
    retraining: Retraining,
    ledger: Ledger,
    settings: SeedBaselineSettings,
    made: Callable[[], Iterator[Record]],
    observer: Observer,
) -> Iterator[list[Run]]:
    """All models in one list: seed by seed the learned attention, then the uniform."""
    yield [
        {"model": kind, "seed": seed}
        for seed in retraining.seeds(settings.seeds, settings.seed)
        for kind in ("seed", "uniform")
    ]


def records(
    retraining: Retraining,
    ledger: Ledger,
    settings: SeedBaselineSettings,
    run: Run,
    observer: Observer,
) -> list[Record]:
    """The records of one model."""

    def make() -> Trained:
        kind, seed = run["model"], int(run["seed"])
        guides = dict.fromkeys(("train", *ledger.splits), uniform)
        view = guided(guides) if kind == "uniform" else as_it_is
        model = retraining.fresh(seed)
        retraining.learn(model, seed, observer, f"{kind} {seed}", view)
        return model, view

    return run_records(
        run, make, retraining, ledger, observer, settings.shown, settings.text, controls
    )


MAKER = Maker(trains=Trains(rounds, records), settle=settle_reading, asked=asked_cost)
