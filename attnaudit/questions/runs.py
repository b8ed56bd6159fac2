"""The trained models that records are of: their names, and their records as columns."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.bootstrap import Bootstrap
from attnaudit.measures.sample import Sample
from attnaudit.records.schema import Run

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = tuple[tuple[str, Any], ...]  # a run without its split and seed: (("lambda", 0.01),)


def kind_of(**fields: Any) -> Kind:
    """The kind of run that these fields name: `kind_of(model="seed")`."""
    return tuple(sorted(fields.items()))


@dataclass
class Columns:
    """One trained model on one split; `jsd` and `tvd` are to the audited model.

    `top` is the word of largest weight of each instance, the first of equals. `weights` are the
    attention weights of all words, instance after instance; they are kept of models of the recipe
    alone (kinds BASE and SEED), whose attention is compared pair by pair. `facts` are what the
    records say of the training, empty where they say nothing. `words_removed` counts the words of
    each instance that the model does without, empty for one that sees all.
    """

    probs: list[list[float]] = field(default_factory=list)
    jsd: list[float] = field(default_factory=list)
    tvd: list[float] = field(default_factory=list)
    top: array[int] = field(default_factory=lambda: array("l"))
    weights: array[float] = field(default_factory=lambda: array("f"))
    facts: Mapping[str, Any] = field(default_factory=dict)
    words_removed: array[int] = field(default_factory=lambda: array("l"))


@dataclass
class Runs:
    """All models that an audit trained, on one split, by kind and seed.

    `controls`: what the records of the audited model say of them (see `findings.controls`), empty
    for a record that says nothing. `words` counts the words of each instance. `seed` is that of all
    resampling, so that a figure has the same interval wherever it stands. `diverged` holds the
    seeds of trainings that left no model, by kind.
    """

    ids: list[str] = field(default_factory=list)
    gold: list[int] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    models: dict[Kind, dict[int, Columns]] = field(default_factory=dict)
    controls: list[Mapping[str, Any]] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    seed: int = 0
    diverged: dict[Kind, set[int]] = field(default_factory=dict)

    @property
    def classes(self) -> int:
        """How many classes the audited model knows."""
        return len(self.models[BASE][0].probs[0])

    def seeds(self, **kind: Any) -> list[int]:
        """The seeds of one kind, in order."""
        return sorted(self.models.get(kind_of(**kind), {}))

    def shared_seeds(self, kinds: Iterable[Kind]) -> list[int]:
        """The seeds that models of every one of these kinds were trained with, in order."""
        return sorted(set.intersection(*(set(self.models.get(kind, {})) for kind in kinds)))

    def tried(self, kind: Kind) -> list[int]:
        """The seeds that models of a kind were to have, in order, also those that diverged."""
        return sorted({*self.models.get(kind, {}), *self.diverged.get(kind, ())})

    def first(self, count: int) -> Runs:
        """The audited model, and of each other kind what came of its first `count` seeds."""
        kept = {kind: set(self.tried(kind)[:count]) for kind in (*self.models, *self.diverged)}
        return replace(
            self,
            models={
                kind: {seed: model for seed, model in models.items() if seed in kept[kind]}
                for kind, models in self.models.items()
            },
            diverged={kind: seeds & kept[kind] for kind, seeds in self.diverged.items()},
        )

    def values(self, kind: Kind, seeds: Sequence[int], what: str) -> Floats:
        """(seeds, n) the `jsd` or `tvd` of each instance."""
        return np.array([getattr(self.models[kind][seed], what) for seed in seeds])

    def probs(self, kind: Kind, seeds: Sequence[int]) -> Floats:
        """(seeds, n, classes) what the models answer."""
        return np.array([self.models[kind][seed].probs for seed in seeds])

    def predicted(self, kind: Kind, seeds: Sequence[int]) -> Ints:
        """(seeds, n) the predicted classes."""
        classes: Ints = self.probs(kind, seeds).argmax(-1)
        return classes

    def top(self, kind: Kind, seeds: Sequence[int]) -> Ints:
        """(seeds, n) the word of largest weight of each instance, counted from 0."""
        return np.array([self.models[kind][seed].top for seed in seeds], np.int64)

    def attention(self, kind: Kind, seeds: Sequence[int]) -> NDArray[np.float32]:
        """(seeds, words of all instances) the weights, instance after instance: see `words`.

        Of kinds BASE and SEED alone.
        """
        return np.array([self.models[kind][seed].weights for seed in seeds], np.float32)

    def sample(self) -> Sample:
        """The instances as a sample: of groups where the data has groups."""
        return Sample.by_group(self.groups)

    def bootstrap(self) -> Bootstrap:
        """Resampling of the instances, by group where the data has groups."""
        return Bootstrap(self.sample(), self.seed)


# The audited model, and others that were trained exactly by its recipe.
BASE, SEED = (kind_of(model=name) for name in ("base", "seed"))
# Models of the recipe that were trained until they no longer improve: with learned attention, with
# uniform attention, and with random attention that is as peaked as the audited model's.
LEARNED, UNIFORM, PEAKED = (
    kind_of(model="converged", attention=name) for name in ("learned", "uniform", "peaked")
)
# The same with random weights, and with learned weights in a random order, where asked for.
RANDOM, REORDERED = (kind_of(model="converged", attention=name) for name in ("random", "reordered"))

# Uniform attention that was trained as long as the recipe says, in records of older versions.
OLD_UNIFORM = kind_of(model="uniform")
PERMUTED = kind_of(model="permuted")  # trained by the recipe on shuffled labels


class RunsReader:
    """The trained models of one question by split, gathered record by record in `splits`.

    Records without a run are passed over. Every run holds the instances in the same order, because
    records are sorted by row. `seed` is that of all resampling.
    """

    def __init__(self, seed: int = 0) -> None:
        self.splits: dict[str, Runs] = {}
        self._seed = seed

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in one record."""
        run = record.get("run")
        if run is None:
            return
        runs = self.splits.setdefault(run["split"], Runs(seed=self._seed))
        kind = kind_of(**{k: v for k, v in run.items() if k not in ("split", "seed")})
        if "lambda" in run and "start" not in run:  # older records
            kind = kind_of(start="scratch", **dict(kind))
        if record.get("diverged"):
            runs.diverged.setdefault(kind, set()).add(run.get("seed", 0))
            return
        columns = runs.models.setdefault(kind, {}).setdefault(run.get("seed", 0), Columns())
        columns.probs.append(record["probs"])
        weights = record["attention"]
        columns.top.append(weights.index(max(weights)))
        if kind in (BASE, SEED):
            columns.weights.extend(weights)
        if "words_removed" in record:
            columns.words_removed.append(record["words_removed"])
        if "training" in record:
            columns.facts = record["training"]
        if kind == BASE:
            runs.ids.append(record["id"])
            runs.gold.append(record["gold"])
            runs.groups.append(record.get("group"))
            runs.words.append(len(weights))
            runs.controls.append(record.get("controls", {}))
        else:
            columns.jsd.append(record["jsd"])
            columns.tvd.append(record["tvd"])


def read_runs(records: Iterable[Mapping[str, Any]], seed: int = 0) -> dict[str, Runs]:
    """The trained models in some records, by split; `seed` is that of all resampling."""
    reader = RunsReader(seed)
    for record in records:
        reader.add(record)
    return reader.splits


BASE_RUN: Run = {"model": "base"}


def audited_split(splits: Iterable[str]) -> str:
    """The split that is audited, of those that records are on: dev only where there is no other."""
    return next((split for split in splits if split != "dev"), "dev")
