"""What must hold before anything is found: a model that works, and a recipe that reproduces it.

Macro-F1 and AUROC decide whether a model works. This does not depend on the score by which the
findings compare models, nor on the order of the classes. What guessing reaches:

* Macro-F1 of the best constant answer: if class c has a share p of the texts, the F1 of c is
  2p / (1 + p) and that of the other classes 0, so that the mean over C classes is the largest of
  2p / (1 + p) / C.
* Macro-F1 of random guessing at the class frequencies: a class of share p is guessed in a share p
  of the texts, and in p of those it is right. Its F1 is 2 p p / (p + p) = p, and the mean over the
  classes is 1/C, whatever the frequencies. This is the limit for many texts.
* AUROC of any guess that does not look at the text: 1/2. More than two classes: the mean of one
  class against the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit  # type: ignore[import-untyped]

from attnaudit.findings.evidence import Evidence
from attnaudit.findings.rules import LEAST_RARE, LEAST_SEEDS
from attnaudit.measures.summary import Estimate
from attnaudit.questions.runs import BASE, SEED, Floats, Runs
from attnaudit.questions.score_of_seeds import ScoreOfSeeds

CHANCE_AUROC = 0.5
SAME = 1e-6  # TVD, and JSD in nats: no further apart on any text are but two copies of a model


def barrier(evidence: Evidence, runs: Runs) -> str | None:
    """Why no finding can rest on this model, recipe and data; None if one can.

    `runs` are those of seed-baseline on the audited split.
    """
    return unusable(evidence, runs) or useless(evidence, runs) or not_reproduced(evidence, runs)


def unusable(evidence: Evidence, runs: Runs) -> str | None:
    """Why the instances say too little; None if they do not."""
    if evidence.partial:
        return "Some rows were not audited, because of --limit."
    counts = np.bincount(runs.gold, minlength=len(evidence.labels))
    rarest = int(counts.argmin())
    if counts[rarest] < LEAST_RARE:
        return (
            f"The class {evidence.labels[rarest]} has only {counts[rarest]} texts. Every class "
            f"needs {LEAST_RARE}."
        )
    if runs.sample().units < 2:
        return "All texts belong to one group, so nothing shows how groups differ."
    return None


def useless(evidence: Evidence, runs: Runs) -> str | None:
    """Why the audited model is not shown to be better than guessing; None if it is.

    One model as it is, not one of many: there is no level of seeds.
    """
    guess = Guessing.of(evidence, runs)
    f1, ranked = (score.values(runs.probs(BASE, [0]))[0] for score in (guess.f1, guess.auroc))
    worse = guess.beats(
        guess.f1.difference(f1, guess.constant), guess.f1.of_one(f1), guess.auroc.of_one(ranked)
    )
    return worse and f"The model is not shown to be better than {worse}."


def not_reproduced(evidence: Evidence, runs: Runs) -> str | None:
    """Why the retrained seeds say nothing of this model; None if they do.

    Seeds are other models than the audited one, and better than guessing. Its macro-F1 must lie
    where one more training of the recipe would: the seeds' mean, give or take their own spread
    (t-based prediction interval) and the sampling of the instances.
    """
    seeds = runs.seeds(model="seed")
    count = len(seeds)
    if count < LEAST_SEEDS:
        said = f"{count} models of the recipe were trained with other seeds,"
        return f"{said} but {LEAST_SEEDS} are needed.{_lost(runs)}"
    if same := _repeating(runs):
        return (
            f"The audited model itself is among the models of other seeds: {_named(same)} "
            "repeats it. Run seed-baseline with the recipe and the seed with which the model "
            "was trained."
        )
    guess, probs = Guessing.of(evidence, runs), runs.probs(SEED, seeds)
    f1, ranked = guess.f1.values(probs), guess.auroc.values(probs)
    worse = guess.beats(
        guess.f1.gap(f1, guess.constant[None]), guess.f1.mean(f1), guess.auroc.mean(ranked)
    )
    if worse:
        return (
            f"The recipe does not reproduce this model: {count} other seeds are not shown to be"
            f" better than {worse}."
        )
    base = guess.f1.values(runs.probs(BASE, [0]))[0]
    apart = (base - f1.mean(0))[None]
    sampling = float(guess.f1.sample.covariance(apart)[0, 0]) ** 0.5
    spread = float(f1.mean(1).std(ddof=1)) * (1 + 1 / count) ** 0.5
    room = float(stdtrit(count - 1, 0.975)) * spread + 1.96 * sampling
    if abs(base.mean() - f1.mean()) > room + 1e-12:
        return (
            f"The recipe does not reproduce this model: its {guess.f1.words} is "
            f"{base.mean():.3f}, but {count} other seeds reach {f1.mean():.3f} on average."
        )
    return None


def _lost(runs: Runs) -> str:
    """Which trainings diverged, as a sentence after a space; empty if none did."""
    lost = sorted(runs.diverged.get(SEED, ()))
    return f" The training of {_named(lost)} diverged." if lost else ""


def _repeating(runs: Runs) -> list[int]:
    """The seeds whose models answer and attend on every text just as the audited model does."""
    return [
        seed
        for seed in runs.seeds(model="seed")
        if max(runs.values(SEED, [seed], what).max() for what in ("tvd", "jsd")) < SAME
    ]


def _named(seeds: list[int]) -> str:
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"


@dataclass(frozen=True)
class Guessing:
    """What guessing reaches: `constant` (n,) is the best constant answer's macro-F1, as a mean."""

    f1: ScoreOfSeeds
    auroc: ScoreOfSeeds
    constant: Floats

    @classmethod
    def of(cls, evidence: Evidence, runs: Runs) -> Guessing:
        """What it reaches on the instances of some runs."""
        classes = len(evidence.labels)
        f1 = ScoreOfSeeds.of(runs, classes)
        return cls(f1, ScoreOfSeeds.of(runs, classes, "auroc"), f1.constant())

    def beats(self, over_constant: Estimate, f1: Estimate, auroc: Estimate) -> str | None:
        """The guess that models are not shown to be better than, with both scores; None if none.

        They have macro-F1 `f1`, which is `over_constant` more than that of the best constant
        answer, and AUROC `auroc`. What counts is the lower end of the interval.
        """
        random = 1 / self.f1.classes
        for low, least, guess, score, reached in (
            (over_constant.ci_low, 0.0, "always answering one class", f1, self.constant.mean()),
            (f1.ci_low, random, "guessing at random", f1, random),
            (auroc.ci_low, CHANCE_AUROC, "ranking at random", auroc, CHANCE_AUROC),
        ):
            if low is None or low <= least:
                name = self.f1.words if score is f1 else self.auroc.words
                return f"{guess}, by {name} ({_shown(score)}; {guess}: {reached:.3f})"
        return None


def _shown(score: Estimate) -> str:
    if score.value is None or score.ci_low is None or score.ci_high is None:
        return score.reason or "no interval"
    return f"{score.value:.3f}, 95 % interval {score.ci_low:.3f} to {score.ci_high:.3f}"
