"""Training, against the loop that comes first to mind.

The same recipe, data, initial weights and number of epochs. The rivals have a bidirectional LSTM
over packed sequences and Adam as a loop over tensors; the gradient of their embedding is dense. One
has batches of texts of about the same length, in random order, as Jain & Wallace's code has them;
the other has random batches. All keep the epoch with the best dev AUROC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from attnaudit.data.instance import Instance
from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import DatasetSpec
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.observer import Silent
from attnaudit.measures.scores import auroc
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.models.schedule import Schedule
from attnaudit.models.training import TrainingData, train
from tests.benchmarks.case import Benchmark, Build, Case, DisagreementError, Rival, Side, Target
from tests.benchmarks.researcher import BATCH, Plain, padded
from tests.benchmarks.subjects import CPU, shared, texts

SORTED = "J&W: sorted, dense, unfused"
LOOP = "dense, unfused, unsorted"
TOLERANCE = 0.02  # of dev scores: runs differ in the order of their batches


@dataclass(frozen=True)
class Task:
    """What is learned, and how."""

    learn: Sequence[Instance]
    dev: Sequence[Instance]
    vocabulary: Vocabulary
    recipe: Recipe
    schedule: Schedule

    @classmethod
    def sst(cls) -> Task:
        """Jain & Wallace's SST and recipe."""
        folder = shared("data", "sst2_jw")
        spec = DatasetSpec(
            train=folder / "train.jsonl",
            dev=folder / "dev.jsonl",
            labels=("negative", "positive"),
            min_length=6,
        )
        learn, dev = (load_dataset(spec, split) for split in ("train", "dev"))
        return cls(
            learn.instances, dev.instances, Vocabulary.count(learn.texts()), Recipe(), Schedule()
        )

    @classmethod
    def toy(cls) -> Task:
        """Whether a text holds one word or the other."""
        made = []
        for instance in texts([4 + n % 3 for n in range(90)], [f"w{i}" for i in range(5)]):
            word = ("no", "yes")[instance.label]
            made.append(_with(instance, (*instance.tokens, word)))
        vocabulary = Vocabulary.count(i.tokens for i in made)
        schedule = Schedule(epochs=8, learning_rate=0.03, batch_size=16)
        return cls(made[:60], made[60:], vocabulary, Recipe(embedding=6, hidden=4), schedule)

    def of_epochs(self, epochs: int) -> Task:
        """The same for fewer epochs."""
        schedule = self.schedule.model_copy(update={"epochs": epochs})
        return Task(self.learn, self.dev, self.vocabulary, self.recipe, schedule)

    def ours(self) -> float:
        """The best dev score."""
        model = build_classic(self.recipe, ModelSpec(self.vocabulary, ("no", "yes")), seed=0)
        data = TrainingData(self.learn, self.dev, self.vocabulary, 2, CPU)
        progress = train(model, data, self.schedule, Silent())
        return max(epoch["auroc"] for epoch in progress.epochs)

    def theirs(self, sort: bool = True) -> float:
        """The best dev score of the obvious loop; `sort`: in batches of like lengths."""
        how = self.schedule
        spec = ModelSpec(self.vocabulary, ("no", "yes"))
        model = Plain.like(build_classic(self.recipe, spec, seed=0))
        named = dict(model.named_parameters())
        attention = [p for name, p in named.items() if name.startswith("attention")]
        rest = [p for name, p in named.items() if not name.startswith("attention")]
        groups = [{"params": rest, "weight_decay": how.weight_decay}, {"params": attention}]
        optimiser = torch.optim.Adam(
            groups, lr=how.learning_rate, amsgrad=True, foreach=False, fused=False
        )
        positive = sum(i.label for i in self.learn)
        weight = torch.tensor([1.0, (len(self.learn) - positive) / positive])
        random = np.random.default_rng(0)
        by_length = np.argsort([len(i.tokens) for i in self.learn], kind="stable")
        starts = range(0, len(self.learn), how.batch_size)
        best = 0.0
        for _ in range(how.epochs):
            model.train()
            order = by_length if sort else random.permutation(len(self.learn))
            for start in random.permutation(starts) if sort else starts:
                some = [self.learn[i] for i in order[start : start + how.batch_size]]
                labels = torch.tensor([i.label for i in some])
                p = model(*padded(some, self.vocabulary))
                losses = nn.functional.binary_cross_entropy(p, labels.float(), reduction="none")
                optimiser.zero_grad()
                (losses * weight[labels]).mean().backward()
                optimiser.step()
            best = max(best, self._score(model))
        return best

    @torch.no_grad()
    def _score(self, model: Plain) -> float:
        model.eval()
        size = BATCH
        dev = sorted(self.dev, key=lambda i: len(i.tokens))
        parts = [dev[i : i + size] for i in range(0, len(dev), size)]
        p = torch.cat([model(*padded(some, self.vocabulary)) for some in parts]).double().numpy()
        score = auroc(np.array([i.label for i in dev]), np.stack([1 - p, p], axis=1))
        assert score is not None
        return score


def _with(instance: Instance, tokens: tuple[str, ...]) -> Instance:
    from dataclasses import replace

    return replace(instance, tokens=tokens, words=tuple(range(len(tokens))))


def _agree(ours: float, theirs: float) -> None:
    if abs(ours - theirs) > TOLERANCE:
        raise DisagreementError(f"dev scores {ours:.3f} and {theirs:.3f}")


def _case(task: Task) -> Case:
    short, epochs = task.of_epochs(1), task.schedule.epochs
    return Case(
        size={"instances": len(task.learn)},
        unit="epoch",
        ours=Side(task.ours, epochs, brief=short.ours),
        rivals={
            SORTED: Rival(task.theirs, epochs, brief=short.theirs, agree=_agree),
            LOOP: Rival(
                lambda: task.theirs(False),
                epochs,
                brief=lambda: short.theirs(False),
                agree=_agree,
            ),
        },
        targets=(Target(f"ratio: {SORTED}", 2.0),),
        figures=lambda found: {"best dev AUROC": found},
        rounds=0,
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """SST, 8 epochs."""
    if toy:
        return {"toy": lambda: _case(Task.toy())}
    return {"sst2_jw, 8 epochs": lambda: _case(Task.sst())}


TRAINING = Benchmark("training", "training of a BiLSTM with selection on dev", cases)
