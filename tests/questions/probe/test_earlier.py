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

SEEDS = (0.08, 0.09, 0.1, 0.11, 0.12)  # their TVD on dev, which leaves a budget near .13


@pytest.fixture
def chosen(tmp_path, header):
    """Which of the adversaries {(lambda, start, seed): (jsd, tvd on dev)} guides a probe."""

    def choose(adversaries, kept=None, seeds=SEEDS, score="macro_f1"):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        names = {
            name: (tmp_path / folder / f"{name}.jsonl")
            for name in ("model-adversary", "seed-baseline")
        }
        rows = of_runs({"model": "base"})
        for (strength, start, seed), (jsd, tvd) in adversaries.items():
            run = {"lambda": strength, "start": start, "seed": seed}
            rows += of_runs(run, jsd=jsd, tvd=tvd)
            if kept is None or (strength, start, seed) in kept:
                (folder / f"lambda{strength!r}-{start}-seed{seed}.pt").touch()
        write(names["model-adversary"], header, rows)
        rows = of_runs({"model": "base"})
        for seed, tvd in enumerate(seeds, 1):
            rows += of_runs({"model": "seed", "seed": seed}, jsd=0.1, tvd=tvd)
        write(names["seed-baseline"], header.model_copy(update={"audit": "seed-baseline"}), rows)
        found = build_on(ProbeSettings(score=score), Earlier(names, folder, ".pt"))
        return found.guides[0].path.rpartition("/")[2] if found.guides else None

    return choose


def write(path, header, rows):
    with RecordsWriter(path, header) as writer:
        writer.write(rows)
        writer.finish()


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


def of_runs(run, **moved):
    """Records of a model that answers all of 40 texts rightly, on dev and on test."""
    made = []
    for split in ("dev", "test"):
        for row in range(40):
            probs = [0.9, 0.1] if row % 2 == 0 else [0.1, 0.9]
            # On test the least is the most.
            there = {k: v if split == "dev" else 0.6 - v / 2 for k, v in moved.items()}
            made.append(
                {
                    **{"run": {**run, "split": split}, "row": row, "id": str(row)},
                    **{"gold": row % 2, "predicted": row % 2, "probs": probs},
                    **{"words": 2, "outside": 0.0, "attention": [0.5, 0.5], **there},
                }
            )
    return made


IMITATORS = {(0.0, "scratch", 8): (0.65, 0.01), (0.0, "warm", 1): (0.65, 0.01)}


def test_the_one_that_the_finding_chooses_guides(chosen):
    adversaries = {
        **IMITATORS,  # no adversaries
        (0.001, "scratch", 8): (0.3, 0.05),
        (0.01, "warm", 1): (0.5, 0.12),
        (0.01, "scratch", 8): (0.4, 0.1),
        (0.1, "scratch", 8): (0.6, 0.2),  # beyond the budget
    }
    assert chosen(adversaries) == "lambda0.01-warm-seed1.pt"


def test_those_of_stuck_imitators_do_not(chosen):
    adversaries = {
        **IMITATORS,
        (0.0, "warm", 1): (0.65, 0.3),
        (0.01, "warm", 1): (0.5, 0.12),
        (0.01, "scratch", 8): (0.2, 0.1),
    }
    assert chosen(adversaries) == "lambda0.01-scratch-seed8.pt"


def test_none_within_the_budget_no_guide(chosen):
    assert chosen({}) is None
    assert chosen(IMITATORS) is None
    assert chosen({**IMITATORS, (0.1, "warm", 1): (0.6, 0.2)}) is None


def test_one_that_was_not_kept_cannot_guide(chosen):
    adversaries = {**IMITATORS, (0.01, "warm", 1): (0.5, 0.1), (0.001, "warm", 1): (0.4, 0.1)}
    assert chosen(adversaries, kept={(0.001, "warm", 1)}) is None


def test_four_seeds_set_no_budget(chosen):
    adversaries = {**IMITATORS, (0.01, "warm", 1): (0.5, 0.1)}
    assert chosen(adversaries) == "lambda0.01-warm-seed1.pt"
    assert chosen(adversaries, seeds=SEEDS[:4]) is None


def test_without_the_seeds_there_is_no_guide(tmp_path):
    assert build_on(ProbeSettings(), Earlier({}, tmp_path, ".pt")) == ProbeSettings()
