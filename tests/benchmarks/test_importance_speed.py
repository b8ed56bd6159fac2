from __future__ import annotations

import random
import time
from collections import defaultdict

import numpy as np
import pytest
import scipy.stats
import torch

from attnaudit.audits import correlate
from attnaudit.audits.agreement import Agreement
from attnaudit.audits.correlate import CorrelateSettings, summarise
from attnaudit.data.batch import collate
from attnaudit.data.dataset import Instance
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.observer import Silent
from attnaudit.importance import compute
from attnaudit.importance.leave_one_out import leave_one_out
from attnaudit.measures.intervals import Bootstrap
from attnaudit.measures.rank import kendall_matrix
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.models.predict import BATCH_TOKENS, Batches

pytestmark = pytest.mark.benchmark

WORDS = [f"w{i}" for i in range(500)]


@pytest.fixture(scope="module")
def instances():
    """Texts as long as movie sentences, many of each length."""
    chance = random.Random(0)
    return [
        Instance(
            id=str(row),
            row=row,
            line=row + 1,
            tokens=tuple(chance.choices(WORDS, k=n)),
            words=tuple(range(n)),
            label=row % 2,
            query=None,
            rationale=None,
            group=None,
            truncated=False,
        )
        for row, n in enumerate(chance.choices(range(8, 28), k=200))
    ]


@pytest.fixture(scope="module")
def build():
    def make(encoder):
        spec = ModelSpec(Vocabulary(WORDS), ("negative", "positive"))
        recipe = Recipe(encoder=encoder)
        return build_classic(recipe, spec, seed=0).eval().requires_grad_(False)

    return make


@torch.no_grad()
def in_a_loop(model, instances, vocabulary):
    """What a first attempt would do: one shortened sentence after another."""
    for instance in instances:
        batch = collate([instance], vocabulary, boundaries=True)
        whole = model(batch).softmax(-1)
        for word in range(len(instance.tokens)):
            shorter = batch.keep(batch.words != word)
            (model(shorter).softmax(-1) - whole).abs().sum() / 2


@pytest.mark.parametrize("encoder", ["bilstm", "cnn", "average"])
def test_leave_one_out(build, instances, seconds, figure, encoder):
    model, vocabulary, some = build(encoder), Vocabulary(WORDS), instances[:20]
    batch = collate(instances, vocabulary, boundaries=True)
    with torch.no_grad():
        probs = model(batch).softmax(-1)
    shared = seconds(lambda: leave_one_out(model, batch, probs, BATCH_TOKENS))
    model.encode_deletions = None
    batched = seconds(lambda: leave_one_out(model, batch, probs, BATCH_TOKENS))
    loop = seconds(lambda: in_a_loop(model, some, vocabulary), times=1)
    loop *= sum(len(i.tokens) for i in instances) / sum(len(i.tokens) for i in some)
    figure(
        f"leave-one-out, {encoder}: shared 1.0, every deletion in batches {batched / shared:.1f},"
        f" a loop of single sentences {loop / shared:.1f}"
    )


def test_stages_of_correlate(build, instances, figure, monkeypatch):
    """Each stage's share of the CPU time of records and summary."""
    spent = defaultdict(float)

    def watch(module, name, stage):
        function = getattr(module, name)

        def timed(*args, **kwargs):
            start = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent[stage] += time.process_time() - start

        monkeypatch.setattr(module, name, timed)

    for name in ("gradients", "own_logit", "leave_one_out", "integrated_gradients"):
        watch(compute, name, name)
    watch(Agreement, "add", "rank correlations")
    for method in ("means", "statistic"):
        watch(Bootstrap, method, "bootstrap")
    model = build("bilstm")
    settings = correlate.settle(CorrelateSettings(), model)
    batches = Batches(instances, Vocabulary(WORDS), True, torch.device("cpu"))
    start = time.process_time()
    made = [r for part in correlate.records(model, batches, settings, Silent()) for r in part]
    summarise(made, settings, ("negative", "positive"))
    whole = time.process_time() - start
    spent["the rest"] = whole - sum(spent.values())
    shares = sorted(((s / whole, stage) for stage, s in spent.items()), reverse=True)
    figure("correlate: " + ", ".join(f"{stage} {share:.0%}" for share, stage in shares))


@pytest.mark.parametrize("words", [10, 30, 100])
def test_kendall(seconds, figure, words):
    scores = np.random.default_rng(0).random((9, words))

    def pairs():
        for i in range(9):
            for j in range(i):
                scipy.stats.kendalltau(scores[i], scores[j])

    ours, theirs = seconds(lambda: kendall_matrix(scores), times=20), seconds(pairs)
    figure(
        f"Kendall's tau of 9 measures of {words} words: together 1.0,"
        f" scipy pair by pair {theirs / ours:.0f}"
    )
