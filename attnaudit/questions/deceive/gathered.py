"""The records of `deceive` as columns: every model, and what it does with impermissible words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.sample import Sample
from attnaudit.questions.deceive.records import PROBS
from attnaudit.questions.deceive.settings import DeceiveSettings
from attnaudit.questions.runs import BASE, Kind, audited_split, kind_of
from attnaudit.questions.score_of_seeds import ScoreOfSeeds
from attnaudit.questions.trained_models import TrainedModels, read_trained_models

Array = NDArray[np.float64]
FLOOR = kind_of(removed="impermissible")
NORMS = ("places", "embedding", "value")
LISTS = ("left_out", "other_left_out")


def deceivers(coefficient: float) -> Kind:
    """The kind of the models that were trained with a coefficient."""
    return kind_of(model="deceiver", coefficient=coefficient)


@dataclass
class Used:
    """One model on the texts of a split: numbers are NaN where a text has no impermissible word.

    `probs` holds the answers in each of `PROBS`, the model's own where nothing was taken away.
    """

    figures: dict[str, list[float]] = field(default_factory=dict)
    probs: dict[str, list[list[float]]] = field(default_factory=dict)

    def add(self, record: Mapping[str, Any], heads: str) -> None:
        """Take in the record of a text."""
        found, own = record.get("impermissible"), record["probs"]
        figures: dict[str, float] = {}
        for name in PROBS:
            probs = own if found is None else found[name]
            self.probs.setdefault(name, []).append(probs)
            figures[name] = np.nan if found is None else tvd(own, probs)
        if found is None:
            figures |= dict.fromkeys(("mass", "use", *LISTS, *NORMS), np.nan)
        else:
            summed = np.mean if heads == "mean" else np.max
            figures["mass"] = float(summed(found["mass"]))
            figures["use"] = figures["deleted"] - figures["other_deleted"]
            figures |= {name: float(np.mean(found[name])) for name in LISTS}
            figures |= {name: found["norms"].get(name, np.nan) for name in NORMS}
        for name, value in figures.items():
            self.figures.setdefault(name, []).append(value)


def tvd(ours: list[float], theirs: list[float]) -> float:
    """The total variation distance of two answers, in [0, 1]."""
    return sum(abs(a - b) for a, b in zip(ours, theirs, strict=True)) / 2


class Gathered:
    """All models on the audited split; raises ValueError where records are missing."""

    def __init__(
        self, records: Iterable[Mapping[str, Any]], settings: DeceiveSettings, classes: int
    ) -> None:
        self._used: dict[str, dict[tuple[Kind, int], Used]] = {}
        self.settings = settings
        self.models: TrainedModels = read_trained_models(
            self._watched(records), classes, settings.seed
        )
        self.runs = self.models.runs
        self._here = self._used[audited_split(self._used)]

    def _watched(self, records: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The records, without what tells how an epoch was chosen; what they hold is taken in."""
        for record in records:
            run = {key: x for key, x in record["run"].items() if key != "least_accuracy"}
            if "removed" not in run and "diverged" not in record:
                kind = kind_of(**{k: x for k, x in run.items() if k not in ("split", "seed")})
                models = self._used.setdefault(run["split"], {})
                used = models.setdefault((kind, run.get("seed", 0)), Used())
                used.add(record, self.settings.heads)
            yield {**record, "run": run}

    @cached_property
    def having(self) -> NDArray[np.bool_]:
        """(n,) which texts have impermissible words."""
        known: NDArray[np.bool_] = np.isfinite(self.figure(BASE, "mass")[0])
        return known

    @cached_property
    def sample(self) -> Sample:
        """The texts that have impermissible words."""
        return self.runs.sample().part(self.having)

    @cached_property
    def scorer(self) -> ScoreOfSeeds:
        """What scores models on all texts."""
        return self.models.scorer(self.settings.score)

    def seeds(self, kind: Kind) -> list[int]:
        """The seeds of the models of a kind, in order."""
        return sorted(self.runs.models.get(kind, {}))

    def diverged(self, kind: Kind) -> int:
        """How many trainings of a kind diverged."""
        return len(self.runs.diverged.get(kind, ()))

    @property
    def coefficients(self) -> list[float]:
        """The coefficients that models were to be trained with, ascending."""
        return list(self.settings.all_coefficients)

    def figure(self, kind: Kind, name: str) -> Array:
        """(S, n) a figure of each model of a kind on each text; NaN where there is no such word."""
        return np.array([self._here[kind, seed].figures[name] for seed in self.seeds(kind)])

    def on_having(self, kind: Kind, name: str) -> Array:
        """(S, n) the same of the texts that have such words."""
        return self.figure(kind, name)[:, self.having]

    def probs(self, kind: Kind, name: str | None = None) -> Array:
        """(S, n, classes) what the models of a kind answer, or would without what `name` says."""
        seeds = self.seeds(kind)
        if name is None:
            return self.runs.probs(kind, seeds)
        return np.array([self._here[kind, seed].probs[name] for seed in seeds])
