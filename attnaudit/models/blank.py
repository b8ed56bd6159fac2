"""Untrained models of one recipe: the same words and vectors, another seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from attnaudit.data.vectors import read_vectors
from attnaudit.execution.observer import Observer
from attnaudit.models.classic.classifier import ClassicModel, PairClassifier, Recipe, build_classic
from attnaudit.models.interface import AttentionModel, ModelSpec
from attnaudit.models.recipe import TrainConfig


@dataclass(frozen=True)
class Blank:
    """Makes untrained classic models, with pretrained vectors where the recipe names some.

    `vectors` (vocabulary, size) holds NaN where a word has none; `tune` says whether training
    changes them.
    """

    recipe: Recipe
    spec: ModelSpec
    vectors: NDArray[np.float32] | None = None
    tune: bool = True

    def __call__(self, seed: int) -> ClassicModel:
        """A model whose weights depend on the recipe and the seed alone."""
        model = build_classic(self.recipe, self.spec, seed)
        if self.vectors is not None:
            _place(model, self.vectors, self.tune)
        return model

    def changed(self, **fields: Any) -> Blank:
        """The same, with other fields of the recipe (`encoder="average"`)."""
        return replace(self, recipe=self.recipe.model_copy(update=fields))


Fresh = Callable[[int], AttentionModel]  # from a seed to an untrained model


def read_blank(config: TrainConfig, spec: ModelSpec, observer: Observer) -> Blank:
    """The blank of a configuration; raises InputError for vectors that cannot be read."""
    if config.vectors is None:
        return Blank(config.model, spec)
    words = spec.vocabulary.words
    found, size = read_vectors(config.vectors.file, frozenset(words))
    table = np.full((len(spec.vocabulary), size), np.nan, dtype=np.float32)
    for i, word in zip(spec.vocabulary.ids(words), words, strict=True):
        if word in found:
            table[i] = found[word]
    observer.say(f"{config.vectors.file}: vectors for {len(found)} of {len(words)} words")
    recipe = config.model.model_copy(update={"embedding": size})
    return Blank(recipe, spec, table, config.vectors.tune)


def _place(model: ClassicModel, vectors: NDArray[np.float32], tune: bool) -> None:
    """Put the vectors in; words without one keep a random vector of the same spread."""
    known = torch.from_numpy(~np.isnan(vectors[:, 0]))
    values = torch.from_numpy(vectors)
    spread = float(values[known].std())
    tables = [model.embedding]
    if isinstance(model, PairClassifier):
        tables.append(model.query_embedding)
    with torch.no_grad():
        for embedding in tables:
            embedding.weight.mul_(spread)
            embedding.weight[known] = values[known]
    for embedding in tables:
        embedding.weight.requires_grad_(tune)
