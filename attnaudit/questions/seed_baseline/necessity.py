"""What learned attention gains: models with learned, uniform and peaked random attention.

On request there are also models with random weights, and with learned weights in a random order.
All of them were trained until they stopped improving, see `models.convergence`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.runs import (
    LEARNED,
    OLD_UNIFORM,
    PEAKED,
    RANDOM,
    REORDERED,
    UNIFORM,
    Kind,
    Runs,
)
from attnaudit.questions.score_of_seeds import ScoreOfSeeds

ATTENTIONS: Mapping[str, Kind] = {"learned": LEARNED, "uniform": UNIFORM, "peaked": PEAKED}
ON_REQUEST: Mapping[str, Kind] = {"random": RANDOM, "reordered": REORDERED}
ALL_ATTENTIONS: Mapping[str, Kind] = {**ATTENTIONS, **ON_REQUEST}
# What stands in place of figures that older records cannot give.
OLD = (
    "an older version made these records. It trained models with uniform attention only as "
    "long as the recipe says, which may be too short; run seed-baseline again"
)


def made_by_older(runs: Runs) -> bool:
    """Whether the records hold no models that were trained until they stopped improving."""
    return bool(runs.models.get(OLD_UNIFORM)) and not runs.models.get(UNIFORM)


def necessity(runs: Runs, scorer: ScoreOfSeeds) -> dict[str, Estimate]:
    """The metrics of `necessity`; undefined, with the reason, where models are missing.

    Those of models that are trained on request are left out where there are none.
    """

    def score(name: str) -> Estimate:
        kind = ALL_ATTENTIONS[name]
        seeds = runs.seeds(**dict(kind))
        if not seeds:
            return _nothing(runs, name)
        return scorer.mean(scorer.values(runs.probs(kind, seeds)))

    def gap(other: str) -> Estimate:
        seeds = runs.shared_seeds([LEARNED, ALL_ATTENTIONS[other]])
        if not seeds:
            return _nothing(runs, f"learned and {other}")
        ours, theirs = (runs.probs(kind, seeds) for kind in (LEARNED, ALL_ATTENTIONS[other]))
        return scorer.gap(scorer.values(ours), scorer.values(theirs))

    asked = [name for name, kind in ON_REQUEST.items() if runs.tried(kind)]
    means = {f"necessity.{name}_score.mean": score(name) for name in (*ATTENTIONS, *asked)}
    return {
        "necessity.score_gap": gap("uniform"),
        **means,
        **{f"necessity.{name}_gap": gap(name) for name in ("peaked", *asked)},
    }


def _nothing(runs: Runs, what: str) -> Estimate:
    reason = (
        OLD
        if made_by_older(runs)
        else (
            f"there are no models with {what} attention that were trained until they stopped "
            "improving"
        )
    )
    return Estimate(None, undefined=len(runs.gold), reason=reason)


@dataclass(frozen=True)
class Ended:
    """How the trainings of the models of one attention ended.

    `epochs` and `losses` are by model: how many epochs, and the least loss on dev, in nats.
    `improving` are the seeds of models that were still improving at the end.
    """

    epochs: tuple[int, ...]
    losses: tuple[float, ...]
    improving: tuple[int, ...]

    @classmethod
    def of(cls, runs: Runs, kind: Kind) -> Ended:
        """The trainings of one kind, as their records have them; those without a word are left."""
        facts = {seed: one.facts for seed, one in sorted(runs.models.get(kind, {}).items())}
        said = {seed: fact for seed, fact in facts.items() if fact}
        return cls(
            tuple(fact["epochs"] for fact in said.values()),
            tuple(fact["dev_loss"] for fact in said.values()),
            tuple(seed for seed, fact in said.items() if not fact["stopped"]),
        )


def trainings(runs: Runs) -> Table | None:
    """How long the models were trained, and whether they had stopped improving."""
    rows: list[list[Cell]] = []
    for name, kind in ALL_ATTENTIONS.items():
        ended = Ended.of(runs, kind)
        if not ended.epochs:
            continue
        count, still = len(ended.epochs), len(ended.improving)
        span = (min(ended.epochs), max(ended.epochs))
        rows.append([name, count, *span, fmean(ended.losses), count - still])
    if not rows:
        return None
    notes = [
        "Training stops when the loss on the dev split no longer falls.",
        "stopped: how many models had stopped. The others were still improving at the end, and"
        " would go on if the recipe allowed more epochs.",
    ]
    columns = ["attention", "models", "fewest epochs", "most epochs", "dev loss", "stopped"]
    return Table("How long the compared models were trained", columns, rows, notes)
