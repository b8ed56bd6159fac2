"""Evidence by hand, of which F1, label flips, TVD and JSD are known without computing them."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from attnaudit.findings.evidence import Evidence
from attnaudit.questions.runs import BASE, LEARNED, SEED, UNIFORM, Columns, Kind, Runs, kind_of

N = 200
WORDS = 4


@dataclass(frozen=True)
class Model:
    """A model that is wrong on `wrong` texts from number `start` on.

    With classes in turn and even numbers its F1 is 1 - wrong / N, and two models flip as many
    labels as there are texts on which one of them alone is wrong. `jsd` and `tvd`: to the audited
    model, on every text the same, or an array of N. On the last `moved` texts another word has the
    largest weight than in models that move none. `attention` is (texts, WORDS); by default each
    model attends to the same word of a text.
    """

    wrong: int = 20
    start: int = 0
    jsd: float | np.ndarray = 0.05
    tvd: float | np.ndarray = 0.03
    moved: int = 0
    attention: np.ndarray | None = None

    def columns(self, gold: np.ndarray, classes: int) -> Columns:
        said = gold.copy()
        missed = slice(self.start, self.start + self.wrong)
        said[missed] = (gold[missed] + 1) % classes
        probs = 0.1 / classes + 0.9 * np.eye(classes)[said]
        columns = [np.broadcast_to(values, gold.shape).tolist() for values in (self.jsd, self.tvd)]
        shown = attend(np.arange(len(gold))) if self.attention is None else self.attention
        weights = array("f", shown.ravel().tolist())
        top = shown.argmax(1) + (np.arange(len(gold)) >= len(gold) - self.moved)
        return Columns(probs.tolist(), *columns, array("l", (top % WORDS).tolist()), weights)


def attend(tops: np.ndarray, words: int = WORDS, most: float = 0.7) -> np.ndarray:
    """Attention (texts, words) with the weight `most` on word `top % words` of each text."""
    rest = (1 - most) / (words - 1)
    return rest + (most - rest) * np.eye(words)[tops % words]


def models(*wrong: int, **facts: float) -> list[Model]:
    """Models that are wrong on so many texts each, and alike in all else."""
    return [Model(number, **facts) for number in wrong]


@dataclass
class Bench:
    """All that is trained; as it stands, it speaks for attention in all three respects.

    `dev` has the same models on another split; `dev_tvd` gives the seeds another TVD there.
    `controls` are those of every text. Of the adversaries of each lambda the first half begins from
    scratch, and the second is warm-started; on dev they are the same, or `dev_adversaries`. `arms` are the models of the leak control, which removes no
    word from the last `whole` texts.
    """

    base: Model = field(default_factory=Model)
    seeds: Sequence[Model] = field(default_factory=lambda: models(16, 18, 20, 22, 24))
    learned: Sequence[Model] = field(default_factory=lambda: models(16, 18, 20, 22, 24))
    uniform: Sequence[Model] = field(default_factory=lambda: models(76, 78, 80, 82, 84))
    improving: Sequence[tuple[Kind, int]] = ()  # the models that had not stopped, by kind and seed
    adversaries: Mapping[float, Sequence[Model]] = field(
        default_factory=lambda: {
            0.0: models(*[20] * 6, jsd=0.05, tvd=0.01),
            0.002: models(*[20] * 6, jsd=0.06, tvd=0.02),
            0.08: models(*[60] * 6, jsd=0.5, tvd=0.5),
        }
    )
    probes: Mapping[str, Sequence[Model]] = field(
        default_factory=lambda: {
            "base": models(20, 20, 20, 20, 20),
            "uniform": models(80, 80, 80, 80, 80),
        }
    )
    arms: Mapping[str, Sequence[Model]] = field(
        default_factory=lambda: {
            "attended": models(70, 70, 70, 70, 70),
            "other": models(20, 20, 20, 20, 20),
        }
    )
    whole: int = 0
    gold: np.ndarray = field(default_factory=lambda: np.arange(N) % 2)
    groups: Sequence[str | None] | None = None
    labels: Sequence[str] = ("no", "yes")
    partial: bool = False
    dev_tvd: float | None = None
    dev_adversaries: Mapping[float, Sequence[Model]] | None = None
    controls: Mapping[str, Any] = field(default_factory=dict)
    supervised: bool = False

    def runs(self, kinds: Mapping[Kind, Sequence[Model]]) -> Runs:
        """The audited model and others, whose seeds count from 1."""
        found = {
            kind: {seed: self._columns(model) for seed, model in enumerate(several, 1)}
            for kind, several in kinds.items()
        }
        found[BASE] = {0: self._columns(self.base)}
        names, count = [f"text {row}" for row in range(len(self.gold))], len(self.gold)
        groups = list(self.groups) if self.groups else [None] * count
        controls, words = [self.controls] * count, [WORDS] * count
        return Runs(names, self.gold.tolist(), groups, found, controls, words)

    def of_seeds(self) -> Runs:
        """The runs of seed-baseline."""
        runs = self.runs({SEED: self.seeds, LEARNED: self.learned, UNIFORM: self.uniform})
        for kind in (LEARNED, UNIFORM):
            for seed, columns in runs.models[kind].items():
                stopped = (kind, seed) not in self.improving
                columns.facts = {"epochs": 9, "stopped": stopped, "dev_loss": 0.3}
        return runs

    def of_adversaries(self, on_dev: bool = False) -> Runs:
        """The runs of adversary."""
        given = (self.dev_adversaries if on_dev else None) or self.adversaries
        halves = {
            (strength, start): several[: len(several) // 2]
            if k == 0
            else several[len(several) // 2 :]
            for strength, several in given.items()
            for k, start in enumerate(("scratch", "warm"))
        }
        return self.runs({kind_of(**{"lambda": x}, start=s): m for (x, s), m in halves.items()})

    def of_probes(self) -> Runs:
        """The runs of probe."""
        arms = {kind_of(removed=name): m for name, m in self.arms.items()}
        probes = {kind_of(guide=name): m for name, m in self.probes.items()}
        runs = self.runs(probes | arms)
        texts = len(self.gold)
        for kind in arms:
            for columns in runs.models[kind].values():
                counts = [1] * (texts - self.whole) + [0] * self.whole
                columns.words_removed.extend(counts)
        return runs

    def evidence(self, *without: str) -> Evidence:
        """The evidence, but for the audits named."""
        seeds = self.of_seeds()
        dev = seeds if self.dev_tvd is None else self._moved(self.dev_tvd)
        runs = {
            "seed-baseline": {"test": seeds, "dev": dev},
            "model-adversary": {
                "test": self.of_adversaries(),
                "dev": self.of_adversaries(on_dev=True),
            },
            "probe": {"test": self.of_probes()},
        }
        left = {audit: splits for audit, splits in runs.items() if audit not in without}
        asked = {"model-adversary": {"seeds": 6}}
        return Evidence(
            self.labels,
            "test",
            self.partial,
            "a bench",
            left,
            settings=asked,
            supervised=self.supervised,
        )

    def _moved(self, tvd: float) -> Runs:
        moved = [Model(m.wrong, m.start, m.jsd, tvd) for m in self.seeds]
        return self.runs({kind_of(model="seed"): moved})

    def _columns(self, model: Model) -> Columns:
        return model.columns(self.gold, len(self.labels))


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture(name="models", scope="session")
def models_fixture():
    return models


@pytest.fixture(name="attend", scope="session")
def attend_fixture():
    return attend
