from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from attnaudit.execution.observer import Silent
from attnaudit.models.lengths import padded_tokens
from attnaudit.models.retraining import Retraining
from attnaudit.questions import find_question
from attnaudit.questions.runs import BASE_RUN
from attnaudit.questions.seed_baseline.settings import SeedBaselineSettings
from attnaudit.running.job import Job
from attnaudit.running.planning import trial as trial_module
from attnaudit.running.planning.trial import Trial
from attnaudit.running.work import load_work


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(trial_module, "STEPS", (2, 4))
    monkeypatch.setattr(trial_module, "ANSWERED", (4, 8))


@pytest.fixture
def work(tiny):
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml")
    settings = SeedBaselineSettings(seeds=1)
    return load_work(find_question("seed-baseline"), settings, job, None, Silent())


@pytest.fixture
def trial(work):
    real = work.retraining
    schedule = real.schedule.model_copy(update={"epochs": 7, "batch_size": 8})
    real = Retraining(
        real.base,
        real.spec,
        replace(real.recipe, schedule=schedule),
        real.splits,
        real.device,
        real.budget,
    )
    vars(work)["retraining"] = real  # a property that is worked out once
    return Trial(real)


def test_a_trial_has_a_few_texts_of_each_split_and_of_every_class(trial, work):
    for name, few in trial.splits.items():
        texts, real = few.instances, work.retraining.splits[name].instances
        assert len(texts) < len(real)
        assert [i.row for i in texts] == list(range(len(texts)))
        assert {i.label for i in texts} == {i.label for i in real}
        assert {i.id for i in texts} <= {i.id for i in real}
    assert 2 * 8 <= len(trial.splits["train"].instances) <= 4 * 8 + 1
    lengths = sorted(len(i.tokens) for i in work.retraining.splits["test"].instances)
    tried = [len(i.tokens) for i in trial.splits["test"].instances]
    assert (min(tried), max(tried)) == (lengths[0], lengths[-1])


def test_a_class_of_one_text_is_in_every_trial(work):
    real = work.retraining
    texts = real.splits["train"].instances
    rare = [replace(i, label=0 if k else 1) for k, i in enumerate(texts)]
    real.splits["train"] = replace(real.splits["train"], instances=rare)
    assert {i.label for i in Trial(real).splits["train"].instances} == {0, 1}


def test_steps_that_grow_with_their_tokens_are_found_exactly(trial, work):
    """0.01 s, and 1 ms a token, for all chunks of the whole split; the first step is left out."""
    schedule = work.retraining.schedule
    trial._tokens = [80, 80, 120, 200]
    took = trial._epoch(np.array([9.0, 0.09, 0.13, 0.21]), schedule)
    lengths = np.sort(trial._lengths)
    chunks = np.array_split(lengths, -(-len(lengths) // 8))
    assert took == pytest.approx(sum(0.01 + 0.001 * len(c) * c[-1] for c in chunks))


def test_steps_all_alike_or_faster_for_more_tokens_are_taken_as_they_are(trial, work):
    schedule, chunks = work.retraining.schedule, -(-len(trial._lengths) // 8)
    trial._tokens = [80, 80, 80]
    assert trial._epoch(np.array([9, 0.2, 0.4]), schedule) == pytest.approx(0.3 * chunks)
    trial._tokens = [80, 80, 160]
    assert trial._epoch(np.array([9, 0.4, 0.2]), schedule) == pytest.approx(0.3 * chunks)
    trial._tokens = [80]
    assert trial._epoch(np.array([0.5]), schedule) == pytest.approx(0.5 * chunks)


def test_a_run_is_one_epoch_of_the_audits_own_code_and_says_what_it_would_follow(trial, work):
    base = {name: w.clone() for name, w in work.loaded.model.state_dict().items()}
    trains, ledger = work.maker.trains, replace(work.ledger, models=None)
    run = {"model": "seed", "seed": 1}

    def records(observer):
        return trains.records(trial, ledger, work.settings, run, observer)

    found = trial.time(records, ledger.splits)
    assert found.schedule.epochs == 7
    assert found.fixed > 0
    assert found.epoch > 0
    assert found.records > 0
    assert [split for split, _ in found.kept] == ["dev", "test"]  # the audited model's answers
    assert trial.time(records, ledger.splits).kept == []  # which are known from then on
    tried = sum(len(trial.splits[split].instances) for split in ledger.splits)
    assert len(found.made) == tried
    assert {r["run"]["split"] for r in found.made} == set(ledger.splits)
    after = work.loaded.model.state_dict()
    assert all(torch.equal(after[name], w) for name, w in base.items())


def test_the_audited_models_records_take_no_training(trial, work):
    trains, ledger = work.maker.trains, replace(work.ledger, models=None)

    def records(observer):
        return trains.records(trial, ledger, work.settings, BASE_RUN, observer)

    found = trial.time(records, ledger.splits)
    assert (found.schedule, found.fixed, found.epoch) == (None, 0.0, 0.0)
    assert found.records > 0


def test_what_is_kept_of_the_audited_model_is_counted_apart_and_once(trial, work, monkeypatch):
    ticks = iter(range(10**6))
    monkeypatch.setattr(trial_module, "perf_counter", lambda: float(next(ticks)))

    def records(observer):
        trial.imitate(trial.fresh(3), 3, 0.1, 5, 2, observer, "")
        return []

    found = trial.time(records, ("dev",))
    assert [split for split, _ in found.kept] == ["train", "dev"]
    for split, seconds in found.kept:  # one tick for what the trial has of it
        real, few = (padded_tokens(r.batches(split)) for r in (work.retraining, trial))
        assert seconds == pytest.approx(real / few)
    assert trial.time(records, ("dev",)).kept == []
    assert (found.schedule.epochs, found.schedule.patience) == (5, 2)
