"""What the findings rest on: the records of trained models, as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.intervals import Bootstrap
from attnaudit.records.schema import Header

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = tuple[tuple[str, Any], ...]  # a run without its split and seed: (("lambda", 0.01),)
RETRAINING = ("seed-baseline", "adversary", "probe")  # the audits whose records hold runs


def kind_of(**fields: Any) -> Kind:
    """The kind of run that these fields name: `kind_of(model="seed")`."""
    return tuple(sorted(fields.items()))


@dataclass
class Columns:
    """One trained model on one split; `jsd` and `tvd` are to the audited model."""

    probs: list[list[float]] = field(default_factory=list)
    jsd: list[float] = field(default_factory=list)
    tvd: list[float] = field(default_factory=list)


@dataclass
class Runs:
    """All models that an audit trained, on one split, by kind and seed.

    `controls`: what the records of the audited model say of them (see `findings.controls`), empty
    for a record that says nothing.
    """

    ids: list[str] = field(default_factory=list)
    gold: list[int] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    models: dict[Kind, dict[int, Columns]] = field(default_factory=dict)
    controls: list[Mapping[str, Any]] = field(default_factory=list)

    def seeds(self, **kind: Any) -> list[int]:
        """The seeds of one kind, in order."""
        return sorted(self.models.get(kind_of(**kind), {}))

    def shared_seeds(self, kinds: Iterable[Kind]) -> list[int]:
        """The seeds that models of every one of these kinds were trained with, in order."""
        return sorted(set.intersection(*(set(self.models.get(kind, {})) for kind in kinds)))

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

    def bootstrap(self, seed: int = 0) -> Bootstrap:
        """Resampling of the instances, by group where the data has groups."""
        return Bootstrap.by_group(self.groups, seed)


# The audited model; others of its recipe; and others of its recipe with uniform attention.
BASE, SEED, UNIFORM = (kind_of(model=name) for name in ("base", "seed", "uniform"))


def read_runs(records: Iterable[Mapping[str, Any]]) -> dict[str, Runs]:
    """The trained models of one audit by split; records without a run are of no concern here.

    Every run holds the instances in the same order, because records are sorted by row.
    """
    splits: dict[str, Runs] = {}
    for record in records:
        run = record.get("run")
        if run is None or record.get("diverged"):
            continue
        runs = splits.setdefault(run["split"], Runs())
        kind = kind_of(**{k: v for k, v in run.items() if k not in ("split", "seed")})
        columns = runs.models.setdefault(kind, {}).setdefault(run.get("seed", 0), Columns())
        columns.probs.append(record["probs"])
        if kind == BASE:
            runs.ids.append(record["id"])
            runs.gold.append(record["gold"])
            runs.groups.append(record.get("group"))
            runs.controls.append(record.get("controls", {}))
        else:
            columns.jsd.append(record["jsd"])
            columns.tvd.append(record["tvd"])
    return splits


@dataclass(frozen=True)
class Evidence:
    """The trained models of each audit, by audit and split, and what they are of.

    `pretrained` says that models of the recipe begin from pretrained weights, as probes do not.
    """

    labels: Sequence[str]
    audited: str
    partial: bool
    scope: str
    runs: Mapping[str, Mapping[str, Runs]]
    pretrained: bool = False

    def of(self, audit: str, split: str | None = None) -> Runs | None:
        """The models of an audit on a split, by default the audited one; None if not run."""
        return self.runs.get(audit, {}).get(self.audited if split is None else split)


def gather(files: Sequence[tuple[Header, Iterable[Mapping[str, Any]]]]) -> Evidence | None:
    """The evidence in records files of one model and data set; None where there are no files."""
    if not files:
        return None
    first = files[0][0]
    facts = first.model.model_dump()
    runs = {
        header.audit: read_runs(records) for header, records in files if header.audit in RETRAINING
    }
    return Evidence(
        labels=facts["labels"],
        audited=first.dataset.split,
        partial=any(header.dataset.partial for header, _ in files),
        scope=_scope(first, facts),
        runs={audit: splits for audit, splits in runs.items() if splits},
        pretrained=facts.get("kind") == "transformer",
    )


def _scope(header: Header, facts: Mapping[str, Any]) -> str:
    data = header.dataset
    return (
        f"{header.model.name} ({_what(facts)}) on {data.name}, split {data.split},"
        f" {data.instances:,} instances{_reserve(facts)}"
    )


def _what(facts: Mapping[str, Any]) -> str:
    """Which recipe it is, or which of a transformer's many rows of attention is audited."""
    if _is_transformer(facts):
        row, layers, heads = (facts[key] for key in ("row", "layers", "heads"))
        return (
            f"{facts['architecture']}, last-layer {row} row, one of {layers} layers x {heads} heads"
            " x tokens"
        )
    recipe = facts.get("recipe")
    return f"{recipe['encoder']} with {recipe['attention']} attention" if recipe else "this recipe"


def _reserve(facts: Mapping[str, Any]) -> str:
    """What every finding on such a model is to be read with."""
    if not _is_transformer(facts):
        return ""
    return (
        "; its seeds share their pretrained weights, so that their agreement is an upper bound on"
        " that of models trained from scratch"
    )


def _is_transformer(facts: Mapping[str, Any]) -> bool:
    return facts.get("kind") == "transformer"
