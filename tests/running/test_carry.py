"""Work shared out: the same bits whoever does it, and nothing lost of what went well."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext

import pytest

from attnaudit.execution import choosing
from attnaudit.execution.observer import Silent
from attnaudit.execution.processes import Processes
from attnaudit.execution.units import ATTEMPTS, UnfinishedError
from attnaudit.measures.bootstrap import Bootstrap
from attnaudit.questions import find_question
from attnaudit.running import load
from attnaudit.running import run as run_module
from attnaudit.running.job import Job
from attnaudit.running.run import run_questions
from attnaudit.running.work import Work
from tests.sealed import body

SETTINGS = {
    "permute": {"permutations": 5},
    "correlate": {"measures": ("gradient", "random")},
    "seed-baseline": {"seeds": 1},
    "model-adversary": {"lambdas": (0.01,), "seeds": 1, "epochs": 1, "patience": 1, "refine": 1},
    "probe": {"seeds": 1},
}


class Listener(Silent):
    def __init__(self):
        self.said = []

    def say(self, remark):
        self.said.append(remark)


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    monkeypatch.setattr(Bootstrap.__init__, "__defaults__", (0, 40))


@pytest.fixture(scope="module")
def two():
    engine = Processes(2)
    yield engine
    engine.close()


@pytest.fixture
def audit(tiny, tmp_path, two, monkeypatch):
    """Run an audit of the tiny model; the workers stay from one to the next, to save time."""
    opened = run_module.open_engine

    def open_engine(workers, cluster, observer):
        return nullcontext(two) if workers == 2 else opened(workers, cluster, observer)

    monkeypatch.setattr(run_module, "open_engine", open_engine)

    def run(name, records="r.jsonl", observer=None, **job):
        kind = find_question(name)
        given = {
            "model": str(tiny / "model.pt"),
            "data": tiny / "data.yaml",
            "records": tmp_path / records,
            "batch_tokens": 200,
        }
        settings = kind.settings(**SETTINGS[name])
        report = run_questions([(kind, settings)], Job(**given | job), None, observer or Silent())
        return report, body(tmp_path / records)

    return run


@pytest.mark.parametrize("name", list(SETTINGS))
def test_records_are_the_same_bits_with_two_workers(audit, name):
    alone, one = audit(name)
    shared, two = audit(name, "two.jsonl", workers=2)
    assert one == two
    assert shared.metrics == alone.metrics


@pytest.mark.parametrize("name", ["permute", "seed-baseline"])
def test_records_are_the_same_bits_where_the_number_of_workers_is_chosen(
    audit, name, two, monkeypatch, tmp_path
):
    """Also where a run that one process has begun is gone on with by two."""
    _, one = audit(name)
    monkeypatch.setattr(choosing, "Processes", lambda size: two)
    monkeypatch.setattr(two, "close", lambda: None)  # the next test goes on with them
    monkeypatch.setattr(choosing, "cores", lambda: 2)
    monkeypatch.setattr(choosing, "LEAST", 1e9)
    _, short = audit(name, "short.jsonl", workers=None)
    path = tmp_path / "short.jsonl"
    whole = path.read_bytes().splitlines(keepends=True)
    path.with_name("short.jsonl.partial").write_bytes(b"".join(whole[: len(whole) // 3]))
    path.unlink()
    monkeypatch.setattr(choosing, "LEAST", 1e-9)
    told = Listener()
    _, long = audit(name, "short.jsonl", told, workers=None, resume=True)
    assert one == short == long
    assert any("2 processes share the work" in remark for remark in told.said)


def test_what_a_batch_takes_decides_and_not_the_count(audit, monkeypatch):
    monkeypatch.setattr(choosing, "cores", lambda: 2)
    monkeypatch.setattr(load, "RATE", 1e-3)  # by the count, the work takes years
    told = Listener()
    audit("permute", observer=told, workers=None)
    assert not any("processes" in remark for remark in told.said)


def test_questions_that_are_asked_at_once_are_the_same_bits_with_two_workers(
    audit, two, tiny, tmp_path
):
    names = ("correlate", "permute")
    alone = [audit(name, f"{name}.jsonl")[1] for name in names]
    asked = [
        (find_question(name), find_question(name).settings(**SETTINGS[name])) for name in names
    ]
    path = tmp_path / "both.jsonl"
    job = Job(str(tiny / "model.pt"), tiny / "data.yaml", records=path, batch_tokens=200, workers=2)
    run_questions(asked, job, None, Silent())
    assert [body(job.records_of(name, 2)) for name in names] == alone


def test_kept_models_are_the_same_with_two_workers(audit, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for workers, folder in enumerate(folders, start=1):
        audit("model-adversary", f"{workers}.jsonl", workers=workers, models=folder)
    names = [sorted(p.name for p in folder.iterdir()) for folder in folders]
    assert names[0] == names[1] != []
    for name in names[0]:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


@pytest.fixture
def failing(monkeypatch):
    """Make one batch, or one training, fail so many times."""
    perform = Work.perform

    def fail(task, times, error=ValueError):
        left = [times]

        def instead(self, asked, observer):
            if asked == task and left[0]:
                left[0] -= 1
                raise error("nothing works")
            return perform(self, asked, observer)

        monkeypatch.setattr(Work, "perform", instead)

    return fail


def test_what_fails_at_first_leaves_no_trace(audit, failing):
    _, whole = audit("permute")
    failing(2, ATTEMPTS - 1)
    assert audit("permute", "again.jsonl")[1] == whole


def test_what_fails_for_good_is_told_with_its_texts_and_the_rest_is_kept(audit, failing, tmp_path):
    _, whole = audit("permute", "whole.jsonl")
    failing(2, 99)
    with pytest.raises(UnfinishedError) as caught:
        audit("permute")
    message = str(caught.value)
    partial = tmp_path / "r.jsonl.partial"
    there = {json.loads(line)["id"] for line in body(partial)}
    everyone = {json.loads(line)["id"] for line in whole[:-1]}
    lost = message.partition("not done: ")[2].partition(";")[0].split(", ")
    assert set(lost) == everyone - there
    assert "1 of " in message
    assert "pieces of work failed 3 times (ValueError: nothing works)" in message
    assert message.endswith(
        f"the finished work is kept in {partial}: remove the cause, then continue with --resume"
    )
    assert isinstance(caught.value.__cause__, ValueError)
    failing(2, 0)
    assert audit("permute", resume=True)[1] == whole


def test_without_a_file_of_records_nothing_can_be_kept(failing, tiny):
    failing(0, 99)
    job = Job(str(tiny / "model.pt"), tiny / "data.yaml", batch_tokens=200)
    with pytest.raises(
        UnfinishedError, match="give --records next time, to keep the finished work"
    ):
        run_questions(
            [(find_question("permute"), find_question("permute").settings())], job, None, Silent()
        )


def test_a_model_that_cannot_be_trained_does_not_take_the_others_along(audit, failing, tmp_path):
    failing({"model": "converged", "attention": "uniform", "seed": 1}, 99)
    lost = r'not done: \{"model": "converged", "attention": "uniform", "seed": 1\}'
    with pytest.raises(UnfinishedError, match=lost):
        audit("seed-baseline")
    kept = [json.loads(line)["run"]["model"] for line in body(tmp_path / "r.jsonl.partial")]
    assert kept.count("seed") == kept.count("converged") / 2 > 0


def test_half_a_batch_is_made_again_just_as_it_was(audit, tmp_path):
    """The records of a batch depend on all of it: the rest alone would differ in its last bits."""
    _, whole = audit("correlate", "whole.jsonl")
    header = (tmp_path / "whole.jsonl").read_bytes().splitlines()[0]
    rows = [line for line in whole[:-1] if json.loads(line)["row"] % 3]
    (tmp_path / "r.jsonl.partial").write_bytes(b"\n".join([header, *rows]) + b"\n")
    listener = Listener()
    _, again = audit("correlate", resume=True, observer=listener)
    assert again == whole
    assert listener.said == []


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_is_told_text_by_text_and_model_by_model(audit, workers):
    steps = Steps()
    audit("permute", observer=steps, workers=workers)
    assert steps.seen["permute"] == (30, 30)
    audit("model-adversary", "a.jsonl", observer=steps, workers=workers)
    totals, done = steps.seen["model-adversary: models"]
    assert totals == done >= 3  # the audited model, two adversaries, and perhaps a refinement


class Steps(Silent):
    """Adds up by title how large tasks are, and how far they come."""

    def __init__(self):
        self.seen = {}

    @contextmanager
    def task(self, title, total, done=0):
        before = self.seen.get(title, (0, 0))
        self.seen[title] = (before[0] + total, before[1] + done)
        yield Step(self.seen, title)


class Step(Silent):
    def __init__(self, seen, title):
        self.seen, self.title = seen, title

    def advance(self, steps=1, info=""):
        total, done = self.seen[self.title]
        self.seen[self.title] = (total, done + steps)


def test_remarks_of_workers_are_heard(audit):
    listener = Listener()
    audit("model-adversary", observer=listener, workers=2)
    alone = Listener()
    audit("model-adversary", "alone.jsonl", observer=alone)
    assert sorted(listener.said) == sorted(alone.said)
