from __future__ import annotations

import pytest
import torch

from attnaudit.audits.audit import find_audit
from attnaudit.audits.correlate import CorrelateSettings
from attnaudit.audits.job import Job
from attnaudit.audits.run import run_audit
from attnaudit.data.dataset import Instance
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.models.predict import Batches

TEXTS = (
    (("a", "good", "film"), (0, 1, 2)),
    (("un", "bear", "able", "from", "start"), (0, 0, 0, 1, 2)),
    (("bad",) * 4 + ("but", "short", "at", "least"), tuple(range(8))),
    (("good", "fun"), (0, 1)),
)


@pytest.fixture
def instances():
    return [
        Instance(
            id=f"text {row}",
            row=row,
            line=row + 1,
            tokens=tokens,
            words=words,
            label=row % 2,
            query=None,
            rationale=None,
            group="g" if row == 2 else None,
            truncated=False,
        )
        for row, (tokens, words) in enumerate(TEXTS)
    ]


@pytest.fixture
def vocabulary(instances):
    return Vocabulary.count(i.tokens for i in instances)


@pytest.fixture
def batches(instances, vocabulary):
    def make(budget=16, **kwargs):
        return Batches(instances, vocabulary, True, torch.device("cpu"), budget, **kwargs)

    return make


@pytest.fixture
def model(vocabulary):
    recipe = Recipe(encoder="bilstm", embedding=6, hidden=8)
    spec = ModelSpec(vocabulary, ("negative", "positive"))
    return build_classic(recipe, spec, seed=0).eval().requires_grad_(False)


@pytest.fixture
def run():
    """Run `correlate` as the command line does."""

    def audit(model, data, policy=None, observer=None, settings=None, **job):
        settings = settings or CorrelateSettings(seed=job.get("seed", 0))
        return run_audit(
            find_audit("correlate"),
            settings,
            Job(model=str(model), data=data, **job),
            policy,
            observer or Silent(),
        )

    return audit
