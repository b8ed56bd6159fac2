from __future__ import annotations

import itertools
import json
from collections import Counter
from types import SimpleNamespace

import pytest
import torch

from attnaudit.execution.observer import Silent
from attnaudit.execution.units import Here
from attnaudit.importance.attributed import read_attributions
from attnaudit.measures.summary import Summary
from attnaudit.questions import find_question
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.questions.permute.settings import PermuteSettings
from attnaudit.running.job import Job
from attnaudit.running.planning import estimate
from attnaudit.running.planning.dry_run import plan_part
from attnaudit.running.planning.estimate import pilot_records, summary_seconds
from attnaudit.running.planning.extrapolate import Extrapolated, Tried, extrapolate
from attnaudit.running.planning.forecast import Memory
from attnaudit.running.planning.plan import Span
from attnaudit.running.work import load_work, load_works

NAMES = ("permute", "instance-adversary")


@pytest.fixture
def work(tiny):
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml", batch_tokens=150)
    return load_work(find_question("permute"), PermuteSettings(), job, None, Silent())


class Clock:
    """Shows what it is set to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def summed(work, monkeypatch):
    """Seconds that summaries take of which one of n records takes what `cost(n)` says."""

    def of(cost, records, instances):
        clock = Clock()
        monkeypatch.setattr(estimate, "perf_counter", clock)

        def summarise(records, settings, labels):
            clock.now += cost(Counter(str(r.get("run")) for r in records))
            return Summary()

        question = SimpleNamespace(summarise=summarise)
        fake = SimpleNamespace(
            question=question, settings=work.settings, header=work.header, data=work.data
        )
        return summary_seconds(fake, records, instances)

    return of


def test_a_summary_takes_what_it_takes_of_few_and_of_more_records_on_a_line(summed):
    some = [{"row": row, "id": str(row)} for row in range(3)]
    found = summed(lambda counts: 0.5 + 0.001 * counts["None"], some, 100_000)
    assert found == pytest.approx(100.5)
    assert summed(lambda counts: 0.001 * counts["None"], some, 20) == pytest.approx(0.02)


def test_each_run_has_as_many_records(summed):
    runs = [None, {"seed": 1, "split": "dev"}, {"seed": 1, "split": "test"}]
    some = [
        {"row": row, "id": str(row), **({"run": run} if run else {})}
        for run, row in itertools.product(runs, range(2))
    ]

    def cost(counts):
        assert len(counts) == 3
        assert len(set(counts.values())) == 1
        return float(sum(counts.values()))

    assert summed(cost, some, 1000) == pytest.approx(3000)


def test_the_pilot_is_the_audit_on_neighbours_of_one_batch(work, monkeypatch):
    tried = []

    def watch(batches, lengths, attempt, seconds):
        def noted(places):
            found = attempt(places)
            tried.append(places)
            assert isinstance(found, Tried)
            assert found.seconds > 0
            assert found.work[0] > 0
            return found

        return extrapolate(batches, lengths, noted, seconds)

    monkeypatch.setattr(estimate, "extrapolate", watch)
    monkeypatch.setattr(estimate, "SECONDS", 0.2)
    before = {name: w.clone() for name, w in work.loaded.model.state_dict().items()}
    found = pilot_records([work])
    batches = [set(group.tolist()) for group in work.batches.groups]
    assert len(batches) > 3
    assert all(any(set(places) <= batch for batch in batches) for places in tried)
    made = found.records[work.question.name]
    rows = [record["row"] for record in made]
    assert sorted(rows) == sorted({row for places in tried for row in places})
    assert all("tvd" in record for record in made)
    after = work.loaded.model.state_dict()
    assert all(torch.equal(after[name], w) for name, w in before.items())


def test_questions_that_share_a_pass_are_tried_together(tiny, monkeypatch):
    """The model answers once for both, as in a run; each has its share of the time."""
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml", batch_tokens=150)
    asked = [(find_question(name), find_question(name).settings()) for name in NAMES]
    works = load_works(asked, job, None, Silent())

    def two(batches, lengths, attempt, seconds):
        works = [attempt(batch.tolist()).work for batch in batches[:2]]
        assert all(seconds > 0 for work in works for seconds in work)
        shares = {1: (1.0,), 2: (0.75, 0.25)}[len(works[0])]
        return Extrapolated(Span(low=1, likely=8, high=9), shares, None, None, False)

    monkeypatch.setattr(estimate, "extrapolate", two)
    model, encoded = works[0].loaded.model, []
    encode = type(model).encode
    monkeypatch.setattr(type(model), "encode", lambda *a: encoded.append(1) or encode(*a))
    found = pilot_records(works)
    assert len(encoded) == 2
    rows = {name: {record["row"] for record in found.records[name]} for name in NAMES}
    assert rows["permute"] == rows["instance-adversary"]
    assert [found.share(name) for name in NAMES] == [0.75, 0.25]
    planned = [plan_part(work, Here(), 1.0, Memory(work.device), found) for work in works]
    assert [part.stages[0].seconds.likely for part in planned] == [6, 2]
    encoded.clear()
    for work in works:
        assert pilot_records([work]).share(work.question.name) == 1
    assert len(encoded) == 4


def test_each_question_is_tried_with_the_scores_that_it_was_given(tiny, tmp_path, monkeypatch):
    """Scores of another tool that only the second of two questions reads."""
    rows = [json.loads(line) for line in (tiny / "test.jsonl").read_text().splitlines()]
    scored = [{"id": row["id"], "scores": [0.5] * len(row["text"].split())} for row in rows]
    path = tmp_path / "other.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in scored))
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml", batch_tokens=150)
    read = CorrelateSettings(measures=("random",), attributions=read_attributions([str(path)]))
    asked = [(find_question("permute"), PermuteSettings()), (find_question("correlate"), read)]
    monkeypatch.setattr(estimate, "SECONDS", 0.1)
    found = pilot_records(load_works(asked, job, None, Silent()))
    made = found.records["correlate"]
    assert made
    assert all("other" in record["importance"] for record in made)
