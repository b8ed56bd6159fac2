from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from attnaudit.data.instance import Instance
from attnaudit.execution.observer import Silent
from attnaudit.models.predict import Batches
from attnaudit.questions.heads.make import records, stages
from attnaudit.questions.heads.settings import HeadsSettings


def texts_of(count, words=25, seed=0):
    """Texts of words w0 and so on, of both classes; the first word is said twice in each."""
    generator = np.random.default_rng(seed)
    made = []
    for row in range(count):
        drawn = [f"w{k}" for k in generator.integers(0, words, 3 + row % 4)]
        made.append(
            Instance(
                id=f"text {row}",
                row=row,
                line=row + 1,
                tokens=(*drawn, drawn[0]),
                words=tuple(range(len(drawn) + 1)),
                label=row % 2,
                query=None,
                rationale=None,
                group=None,
                truncated=False,
            )
        )
    return made


@pytest.fixture
def small(tiny_bert):
    """A random BERT of 2 layers of 3 heads in float64, without gradients of its own, with texts."""

    def make(count=6, budget=4096, **changes):
        model, vocabulary = tiny_bert(torch.float64, **changes)
        generator = torch.Generator().manual_seed(1)
        for weights in model.parameters():  # those that begin as 0 or 1, too
            weights += 0.2 * torch.randn(weights.shape, generator=generator)
        return model, Batches(
            texts_of(count), vocabulary, False, torch.device("cpu"), budget=budget
        )

    return make


@pytest.fixture
def make_of():
    """All records of a model as the running makes them, on `dev` and then on the audited texts."""

    def make(model, batches, dev=None, **settings):
        made = []
        asked = HeadsSettings(**{"draws": 2, **settings})
        splits = ["dev"] if dev else []
        for stage in stages(asked, model, splits, partial(iter, made)):
            over = batches if stage.run is None else dev
            parts = records(model, over, stage.settings, Silent())
            more = {} if stage.run is None else {"run": dict(stage.run)}
            found = sorted((r for part in parts for r in part), key=lambda r: r["row"])
            made += [{**more, **record} for record in found]
            last = stage.settings
        return made, last

    return make
