"""The records of models that an audit has trained, as columns, for the split that is audited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.divergences import max_jsd
from attnaudit.measures.scores import accuracy, auroc, f1
from attnaudit.measures.summary import Cell
from attnaudit.questions.basics import Basics
from attnaudit.questions.runs import BASE_RUN, Kind, Runs, audited_split, read_runs
from attnaudit.questions.score_of_seeds import ScoreOfSeeds
from attnaudit.questions.scored import ScoreName

Array = NDArray[np.float64]


@dataclass
class Audited:
    """The audited model's records on one split, and what its attention allows.

    `largest` (n,): the largest weight of a word; `caps` (n,): the largest JSD that any attention
    attains against it, in nats.
    """

    basics: Basics = field(default_factory=Basics)
    largest: list[float] = field(default_factory=list)
    caps: list[float] = field(default_factory=list)

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in one record."""
        self.basics.add(record)
        self.largest.append(max(record["attention"]))
        self.caps.append(float(max_jsd(record["attention"])))


@dataclass(frozen=True)
class TrainedModels:
    """All models by split, and those on the audited split."""

    audited: Audited
    splits: Mapping[str, Runs]
    runs: Runs
    classes: int

    def scorer(self, name: ScoreName) -> ScoreOfSeeds:
        """What gives the score of this name of the models."""
        return ScoreOfSeeds.of(self.runs, self.classes, name)

    def flips(self, kind: Kind, seeds: Sequence[int]) -> Array:
        """(S, n) 1 where a model predicts another class than the audited model."""
        moved = self.runs.predicted(kind, seeds) != self.audited.basics.predicted
        flipped: Array = moved.astype(np.float64)
        return flipped

    def scores(self, kind: Kind, seed: int) -> list[Cell]:
        """F1, accuracy and AUROC of one model."""
        (probs,), gold = self.runs.probs(kind, [seed]), np.array(self.audited.basics.gold)
        return [score(gold, probs) for score in (f1, accuracy, auroc)]


def read_trained_models(
    records: Iterable[Mapping[str, Any]], classes: int, seed: int
) -> TrainedModels:
    """The models on the split that is audited; raises ValueError where records are missing.

    `seed` is that of all resampling.
    """
    base: dict[str, Audited] = {}
    splits = read_runs(_watched(records, base), seed)
    if not base:
        raise ValueError("there is no record of the audited model")
    split = audited_split(base)
    audited, runs = base[split], splits[split]
    n = len(audited.basics.ids)
    for kind, models in runs.models.items():
        for number, columns in models.items():
            if len(columns.probs) != n:
                raise ValueError(f"records are missing: {dict(kind)}, seed {number}")
    return TrainedModels(audited, splits, runs, classes)


def _watched(
    records: Iterable[Mapping[str, Any]], base: dict[str, Audited]
) -> Iterator[Mapping[str, Any]]:
    """The same records; those of the audited model are taken into `base`, by split, in passing."""
    for record in records:
        run = record["run"]
        if run.get("model") == BASE_RUN["model"]:
            base.setdefault(run["split"], Audited()).add(record)
        yield record
