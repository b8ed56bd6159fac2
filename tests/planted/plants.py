"""The plants: data and models of which the findings are known before they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch

from attnaudit.execution.observer import Silent
from attnaudit.findings.finding import FindingName
from attnaudit.models.blank import Blank
from attnaudit.models.classic.classifier import Recipe
from attnaudit.models.interface import ModelSpec
from attnaudit.models.retraining import Retraining, Trainable
from attnaudit.models.schedule import Schedule
from tests.planted import models, texts

SIZES = {"train": 1000, "dev": 200, "test": 400}
SPEC = ModelSpec(texts.VOCABULARY, texts.LABELS)
CPU = torch.device("cpu")
ATTEMPTS = 2  # 50 seeds apart: no model of two plants is the same
OF_POINTER = Schedule(epochs=6, batch_size=25, learning_rate=0.03)
OF_RECIPE = Schedule(epochs=6, batch_size=25, learning_rate=0.02)
# The first epoch without a ranking error on dev may still answer some texts wrongly: a plant that
# every model must solve picks its epoch by accuracy, on enough texts to see a rare mistake.
TO_THE_CEILING = OF_RECIPE.model_copy(update={"select": "accuracy"})
MANY_DEV = 400

Expected = Mapping[FindingName, str]  # a status, or "never " and a status
NONE: Expected = dict.fromkeys(
    ("necessary", "hard_to_manipulate", "out_of_context"), "not_assessed"
)
NEEDLESS: Expected = {
    "necessary": "against",
    "hard_to_manipulate": "not_assessable",
    "out_of_context": "not_assessable",
}


@dataclass(frozen=True)
class Plant:
    """How texts are drawn, what learns from them, and what must be found.

    `kind` is one of the planted models, or a recipe. `trained` is false for a base model as it
    was initialised, `learnable` for a task that its models cannot learn.
    """

    story: str
    draw: texts.Draw
    kind: type[models.Pointer] | Recipe
    expected: Expected
    schedule: Schedule = OF_RECIPE
    noise: float = 0.0
    positive: float = 0.5
    train: int = SIZES["train"]
    dev: int = SIZES["dev"]
    trained: bool = True
    learnable: bool = True

    def grow(self, seed: int) -> Retraining:
        """The data and the audited model of a seed, with what it takes to train others.

        A base model that has not learned its task is no plant: it is trained again, with another
        seed of its own.
        """
        for attempt in range(ATTEMPTS):
            retraining = self._grow(seed, 100 * seed + 50 * attempt)
            if self._took(retraining):
                return retraining
        raise RuntimeError(f"{self.story}: no base model of seed {seed} learned it")

    def _took(self, retraining: Retraining) -> bool:
        if not (self.trained and self.learnable):
            return True
        dev = retraining.splits["dev"].instances
        said = retraining.kept("dev").probs.argmax(1)
        right = sum(int(said[i.row]) == i.label for i in dev) / len(dev)
        return right >= 0.95 - 1.5 * self.noise

    def _grow(self, seed: int, own: int) -> Retraining:
        sizes = {**SIZES, "train": self.train, "dev": self.dev}
        splits = texts.splits(self.draw, sizes, seed, self.noise, self.positive)
        small = Recipe(embedding=models.SIZE, hidden=models.SIZE)
        recipe = self.kind if isinstance(self.kind, Recipe) else small
        blank = Blank(recipe, SPEC)
        fresh = blank if isinstance(self.kind, Recipe) else partial(models.build, self.kind, SPEC)
        retraining = Retraining(
            fresh(own),
            SPEC,
            Trainable(
                fresh,
                blank.changed(encoder="average", attention="additive"),
                self.schedule.model_copy(update={"seed": own}),
            ),
            splits,
            CPU,
        )
        if self.trained:
            retraining.learn(retraining.base, own, Silent(), "base")
        retraining.base.eval().requires_grad_(False)
        return retraining


def _recipe(encoder: str, hidden: int = models.SIZE) -> Recipe:
    return Recipe.model_validate({"encoder": encoder, "embedding": models.SIZE, "hidden": hidden})


PLANTS: Mapping[str, Plant] = {
    "marker": Plant(
        "the cue behind the marker decides, and attention is supervised onto it",
        texts.marked,
        models.Pointer,
        {"necessary": "for", "hard_to_manipulate": "for", "out_of_context": "for"},
        OF_POINTER,
    ),
    "keyword": Plant(
        "one keyword decides, without distractors",
        texts.keyword,
        _recipe("bilstm"),
        NEEDLESS,
        TO_THE_CEILING,
        train=2000,  # as for the exclusive or
        dev=MANY_DEV,
    ),
    "decoy": Plant(
        "the marker's attention is kept away from the cue, and a bypass answers",
        texts.marked,
        models.Decoy,
        NEEDLESS,
        OF_POINTER,
    ),
    "redundant": Plant(
        "many cues of one class, and a bag of words",
        texts.redundant,
        _recipe("average"),
        NEEDLESS,
        TO_THE_CEILING,
        dev=MANY_DEV,
    ),
    "label-coded": Plant(
        "attention tells the predicted class by which of two idle words it lies on",
        texts.furnished,
        models.Coded,
        {"out_of_context": "never for"},
        OF_POINTER,
    ),
    "noise": Plant(
        "10 % of the labels are wrong, and contextual attention is free",
        texts.marked,
        models.Free,
        {"hard_to_manipulate": "never for"},
        OF_POINTER,
        noise=0.1,
    ),
    "xor-average": Plant(
        "exclusive or of two words, without context",
        texts.exclusive_or,
        _recipe("average"),
        NONE,
        learnable=False,
    ),
    "xor-bilstm": Plant(
        "exclusive or of two words, with context",
        texts.exclusive_or,
        _recipe("bilstm", hidden=32),
        NEEDLESS,
        TO_THE_CEILING.model_copy(update={"epochs": 10}),
        train=2000,  # with fewer, one model in ten gets a rare pair of slots wrong
        dev=MANY_DEV,
    ),
    "untrained": Plant(
        "a model as it was initialised", texts.keyword, _recipe("bilstm"), NONE, trained=False
    ),
    "majority": Plant(
        "texts say nothing of the label, so that models answer the larger class",
        texts.meaningless,
        _recipe("average"),
        NONE,
        OF_RECIPE.model_copy(update={"class_weights": "none"}),
        positive=0.2,
        learnable=False,
    ),
}
