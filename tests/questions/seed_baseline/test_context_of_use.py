"""Planted tasks: one that needs attention, and one that does not (Vashishth et al. 2019)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attnaudit.calibration.plants import PLANTS
from attnaudit.execution.observer import Silent
from attnaudit.measures.scores import accuracy
from attnaudit.questions.recording import Ledger
from attnaudit.questions.seed_baseline.make import records
from attnaudit.questions.seed_baseline.settings import SeedBaselineSettings

SEED = 1001  # not one of those that judge


@pytest.fixture(scope="module", params=["marker", "redundant"])
def scores(request):
    """The name of a plant, and the accuracy of a model of it with each kind of attention."""
    plant = replace(PLANTS[request.param], sizes={"train": 400, "dev": 200, "test": 300})
    retraining = plant.grow(SEED)
    ledger = Ledger("test", model_sha256="0" * 64, data_sha256="0" * 64)
    settings = SeedBaselineSettings(seeds=1, random_attention=True)
    found = {}
    for attention in ("learned", "random", "reordered"):
        run = {"model": "converged", "attention": attention, "seed": SEED}
        made = records(retraining, ledger, settings, run, Silent())
        tested = [record for record in made if record["run"]["split"] == "test"]
        gold, probs = ([r[name] for r in tested] for name in ("gold", "probs"))
        found[attention] = accuracy(gold, probs)
    return request.param, found


def test_learned_attention_beats_random_attention_only_where_the_task_needs_it(scores):
    name, found = scores
    gap = {other: found["learned"] - found[other] for other in ("random", "reordered")}
    if name == "marker":  # the cue behind the marker decides, and others look the same
        assert found["learned"] > 0.9
        assert min(gap.values()) > 0.15
    else:  # many words of one class: any attention finds some
        assert found["learned"] > 0.9
        assert max(map(abs, gap.values())) < 0.05
