"""Which adversary guides a probe that follows it in a suite."""

from __future__ import annotations

import pytest

from attnaudit.execution.observer import Silent
from attnaudit.questions.probe.earlier import build_on
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.question import Earlier
from attnaudit.records.reading import read_records
from attnaudit.records.schema import Header
from attnaudit.records.writing import RecordsWriter


@pytest.fixture
def strongest(tmp_path, header):
    """Which of the adversaries {(lambda, seed): (jsd, tvd on dev)} guides a probe."""

    def choose(adversaries, kept=None):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        records = [run_record({"model": "base"}, "dev")]
        for (strength, seed), (jsd, tvd) in adversaries.items():
            run = {"lambda": strength, "seed": seed}
            for split, value in (("dev", jsd), ("test", 0.69 - jsd)):
                records.append(run_record(run, split, jsd=value, tvd=tvd))
            if kept is None or (strength, seed) in kept:
                (folder / f"lambda{strength!r}-seed{seed}.pt").touch()
        path = folder / "model-adversary.jsonl"
        with RecordsWriter(path, header) as writer:
            writer.write(records)
            writer.finish()
        found = build_on(ProbeSettings(), Earlier({"model-adversary": path}, folder, ".pt"))
        return found.guides[0].path.rpartition("/")[2] if found.guides else None

    return choose


@pytest.fixture
def header(tiny, tmp_path):
    from attnaudit.questions.permute import QUESTION
    from attnaudit.questions.permute.settings import PermuteSettings
    from attnaudit.running.job import Job
    from attnaudit.running.run import run_questions

    path = tmp_path / "permute.jsonl"
    job = Job(str(tiny / "model.pt"), tiny / "data.yaml", limit=2, records=path)
    run_questions([(QUESTION, PermuteSettings(permutations=1))], job, None, Silent())
    return Header(**{**read_records(path)[0].model_dump(), "audit": "model-adversary"})


def run_record(run, split, **more):
    run = {**run, "split": split}
    record = {"run": run, "row": 0, "id": "a", "gold": 0, "predicted": 0, "probs": [0.5, 0.5]}
    return {**record, "words": 2, "outside": 0.0, "attention": [0.5, 0.5], **more}


def test_of_the_strong_adversaries_the_one_that_costs_least_guides(strongest):
    adversaries = {
        (0.0, 1): (0.65, 0.0),  # an imitator is no adversary
        (0.001, 1): (0.3, 0.01),
        (0.001, 2): (0.5, 0.08),
        (0.01, 1): (0.41, 0.05),
        (0.1, 1): (0.6, 0.2),
    }
    assert strongest(adversaries) == "lambda0.01-seed1.pt"


def test_without_a_strong_adversary_the_strongest_guides(strongest):
    adversaries = {(0.0, 1): (0.39, 0.0), (0.001, 1): (0.1, 0.01), (0.01, 1): (0.3, 0.5)}
    assert strongest(adversaries) == "lambda0.01-seed1.pt"
    assert strongest(adversaries, kept={(0.0, 1), (0.001, 1)}) == "lambda0.001-seed1.pt"


def test_exactly_the_bound_is_not_strong(strongest):
    assert strongest({(0.001, 1): (0.4, 0.0), (0.1, 1): (0.5, 0.9)}) == "lambda0.1-seed1.pt"


def test_no_adversary_no_guide(strongest):
    assert strongest({}) is None
    assert strongest({(0.0, 1): (0.5, 0.0)}) is None
    assert strongest({(0.1, 1): (0.5, 0.0)}, kept=set()) is None
