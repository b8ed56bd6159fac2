from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from attnaudit.execution import choosing
from attnaudit.execution.choosing import Choosing
from attnaudit.execution.observer import Silent
from attnaudit.execution.units import Here
from attnaudit.questions import find_question
from attnaudit.running.job import Job
from attnaudit.running.load import engine_for, load_of, to_time
from attnaudit.running.planning.dry_run import plan_questions
from attnaudit.running.work import load_work


@pytest.fixture(scope="module")
def work_of(tiny):
    def make(name):
        job = Job(str(tiny / "model.pt"), tiny / "data.yaml", workers=None, batch_tokens=200)
        question = find_question(name)
        return load_work(question, question.settings(), job, None, Silent())

    return make


def test_the_load_grows_with_the_work(work_of):
    permute, seeds = work_of("permute"), work_of("seed-baseline")
    assert load_of(permute, range(4)).seconds == pytest.approx(2 * load_of(permute, [0, 1]).seconds)
    runs = [{"model": "seed", "seed": seed} for seed in (1, 2, 3)]
    three, one = load_of(seeds, runs), load_of(seeds, runs[:1])
    assert (three.units, one.units) == (3, 1)
    assert three.seconds == pytest.approx(3 * one.seconds)
    assert one.seconds > load_of(permute, range(4)).seconds > 0
    assert load_of(seeds, []).units == 1  # nothing is left to do


def test_processes_do_not_share_a_gpu(work_of):
    there = replace(work_of("permute"), device=torch.device("cuda"))
    assert (load_of(there, range(100)).units, load_of(there, range(100)).seconds) == (1, 0)


def test_a_number_that_is_given_is_kept(work_of):
    here = Here()
    assert engine_for(here, [work_of("permute")], range(10**6)) is here


def test_a_dry_run_shows_the_choice(work_of, tiny, monkeypatch):
    monkeypatch.setattr(choosing, "cores", lambda: 2)
    work = work_of("permute")
    for least, count in ((1e9, 1), (1e-9, 2)):
        monkeypatch.setattr(choosing, "LEAST", least)
        plan = plan_questions([(work.question, work.settings)], work.job, None, Silent())
        real = engine_for(Choosing(Silent()), [work], range(len(work.batches)))
        assert plan.workers == real.size == count


def test_a_batch_is_timed_before_processes_are_chosen(work_of, monkeypatch):
    monkeypatch.setattr(choosing, "cores", lambda: 2)
    work, engine = work_of("permute"), Choosing(Silent())
    assert to_time(engine, [work], range(9)) == []  # the count says that it is short
    assert to_time(Here(), [work], range(9)) == []
    monkeypatch.setattr(choosing, "LEAST", 1e-9)
    assert to_time(engine, [work], range(9)) == [4]
    assert to_time(engine, [work], []) == []
    assert to_time(engine, [work_of("seed-baseline")], [{"model": "seed", "seed": 1}] * 9) == []
    assert engine_for(engine, [work], range(9), seconds=1e-9).size == 1
    assert engine_for(engine, [work], range(9), seconds=1.0).size == 2
    assert to_time(engine, [work], range(9)) == []  # the processes are there
