"""Seeds that grow: what is trained at each look, and where it ends."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from attnaudit.findings.assess import on_probes, on_seeds
from attnaudit.findings.evidence import gather
from attnaudit.findings.rules import Deltas
from attnaudit.questions import find_question
from attnaudit.questions.maker import Trains
from attnaudit.questions.probe import make as probing
from attnaudit.questions.recording import Ledger
from attnaudit.questions.runs import read_runs
from attnaudit.running.deciding import decided_by
from attnaudit.running.rounds import record_rounds
from tests.notebook import Notebook

SIZES = {"dev": 2, "test": 40}
RETRAINING = SimpleNamespace(
    seeds=lambda count, first=0: list(range(first + 1, first + 1 + count)),
    splits={split: SimpleNamespace(instances=range(n)) for split, n in SIZES.items()},
)
CONVERGED = ("learned", "uniform", "peaked")
# How many of 40 texts models with uniform attention get wrong: the first five seeds differ.
ONE, FEW, LATE = [20] * 20, [4, 20, 4, 20, 12] + [20] * 15, [0, 8] * 10


def model(run, wrong):
    """The records of a model that is wrong on the first so many texts of test."""
    for split, count in SIZES.items():
        for row in range(count):
            gold = row % 2
            said = 1 - gold if split == "test" and row // 2 * 2 < wrong else gold
            record = {
                **{"run": {**run, "split": split}, "row": row, "id": str(row), "gold": gold},
                **{"predicted": said, "probs": [0.1, 0.9] if said else [0.9, 0.1]},
                **{"words": 5, "outside": 0.0, "attention": [0.9, 0.1, 0.0, 0.0, 0.0]},
            }
            if run != {"model": "base"}:
                record |= {"jsd": 0.0, "tvd": 0.1}
            if "attention" in run and row == 0:
                record["training"] = {"epochs": 3, "stopped": True, "dev_loss": 0.3}
            if "removed" in run:
                record["words_removed"] = 1
            yield record


class Audit:
    """An audit whose models are as good as `wrong` says, by seed from 1 on."""

    def __init__(self, name, header, wrong, monkeypatch, deltas=None, seeds="auto", lost=()):
        self.question, self.lost = find_question(name), lost
        monkeypatch.setattr(probing, "views", lambda *_: dict.fromkeys(GUIDES))
        self.settings = self.question.settings(seeds=seeds)
        told = self.settings.model_dump(mode="json")
        model = header.model.model_copy(update={"labels": ["bad", "good"]})
        self.header = header.model_copy(update={"audit": name, "settings": told, "model": model})
        self.deltas, self.wrong, self.trained = deltas or Deltas(), wrong, []

    def records(self, retraining, ledger, settings, run, observer):
        self.trained.append(run)
        if (run.get("attention"), run.get("seed")) in self.lost:
            for split in SIZES:
                yield {"run": {**run, "split": split}, "row": 0, "id": "0", "diverged": True}
            return
        worse = "uniform" in run.values() or run.get("removed") == "attended"
        yield from model(run, self.wrong[run["seed"] - 1] if worse else 0)

    def run(self, book, carry_out=None):
        decided = decided_by(self.header, self.deltas)
        ledger = Ledger("test", decided=decided)
        trains = Trains(self.question.maker.trains.rounds, self.records)
        self.trained.clear()
        record_rounds(trains, RETRAINING, ledger, self.settings, book, None, carry_out)
        return book

    def found(self, book):
        evidence = gather([(self.header, read_runs(book.records()))])
        if self.question.name == "probe":
            return [on_probes(evidence, self.deltas)]
        return on_seeds(evidence, self.deltas)


GUIDES = ("uniform", "trained", "base", "shuffled", "untrained", "position")


@pytest.fixture(params=["seed-baseline", "probe"])
def audit(request, header, monkeypatch):
    def make(wrong, **more):
        return Audit(request.param, header, wrong, monkeypatch, **more)

    return make


@pytest.fixture
def of_seeds(header, monkeypatch):
    return lambda wrong, **more: Audit("seed-baseline", header, wrong, monkeypatch, **more)


# How a run goes on is the same code for both, and those of a probe take longer.
GOING_ON = pytest.mark.parametrize(
    "audit", ["seed-baseline", pytest.param("probe", marks=pytest.mark.whole)], indirect=True
)


def seeds_of(runs):
    return sorted({run["seed"] for run in runs if "seed" in run})


@pytest.mark.parametrize(("wrong", "size"), [(ONE, 5), (FEW, 8), (LATE, 20)])
def test_seeds_grow_until_every_finding_has_its_answer(audit, wrong, size):
    asked = audit(wrong)
    book = asked.run(Notebook())
    assert seeds_of(asked.trained) == list(range(1, size + 1))
    kinds = 4 if asked.question.name == "seed-baseline" else len(GUIDES) + 2
    assert len(asked.trained) == 1 + kinds * size
    assert len({str(run) for run in asked.trained}) == len(asked.trained)
    undecided = [finding.status for finding in asked.found(book) if finding.status != "for"]
    assert undecided == (["inconclusive"] if wrong is LATE else [])
    assert max(finding.look.seeds for finding in asked.found(book)) == size


def test_a_number_of_seeds_asks_nobody(audit):
    asked = audit(LATE, seeds=3)
    book = asked.run(Notebook())
    assert seeds_of(asked.trained) == [1, 2, 3]
    assert [finding.look for finding in asked.found(book)] in ([None], [None, None])


@GOING_ON
def test_a_run_that_is_whole_trains_nothing_and_says_the_same(audit):
    asked = audit(FEW)
    book = asked.run(Notebook())
    before = asked.found(book)
    assert asked.found(asked.run(book)) == before
    assert asked.trained == []


@GOING_ON
def test_a_resumed_run_comes_to_the_same_models_though_later_ones_stand_there(audit):
    """As where workers have begun the next list, or the number of looks was larger before."""
    asked = audit(FEW)
    whole = asked.run(Notebook())
    longer = audit(FEW, deltas=Deltas(necessary=0.19, out_of_context=0.19))
    book = longer.run(Notebook())
    assert seeds_of(longer.trained)[-1] > 8
    asked.run(book)
    assert asked.trained == []
    assert asked.found(book) == asked.found(whole)


@GOING_ON
@pytest.mark.parametrize("kept", [3, 30, 45])
def test_a_run_that_was_interrupted_goes_on(audit, kept):
    asked = audit(FEW)
    whole = asked.run(Notebook())
    every = list(asked.trained)
    book, done = Notebook(), every[:kept]
    wanted = {str({**run, "split": split}) for run in done for split in SIZES}
    book.write(r for r in whole.records() if str(r["run"]) in wanted)
    asked.run(book)
    assert asked.trained == every[kept:]
    assert asked.found(book) == asked.found(whole)


@GOING_ON
def test_the_order_in_which_workers_are_done_changes_nothing(audit):
    asked = audit(FEW)
    whole = asked.run(Notebook())
    lists = []

    def carry_out(runs):
        lists.append(len(runs))
        shuffled = random.Random(0).sample(list(runs), len(runs))
        return (list(asked.records(None, None, None, run, None)) for run in shuffled)

    book = asked.run(Notebook(), carry_out)
    kinds = 4 if asked.question.name == "seed-baseline" else len(GUIDES) + 2
    assert lists == [1 + 5 * kinds, 3 * kinds]
    assert asked.found(book) == asked.found(whole)


def test_deltas_decide(of_seeds):
    """A gap of .4 is no answer to whether it exceeds .4."""
    asked = of_seeds(ONE, deltas=Deltas(necessary=0.4))
    asked.run(Notebook())
    assert len(seeds_of(asked.trained)) == 20


def test_what_cannot_be_assessed_stops_the_seeds(of_seeds, monkeypatch):
    asked = of_seeds(LATE, lost=[("learned", seed) for seed in range(1, 21)])
    book = asked.run(Notebook())
    assert seeds_of(asked.trained) == [1, 2, 3, 4, 5]
    assert [finding.status for finding in asked.found(book)] == ["not_assessed", "for"]


def test_a_seed_that_diverged_is_not_replaced_by_one_of_a_later_look(of_seeds):
    """The file of a resumed run holds later seeds, and the look at five still sees four."""
    asked = of_seeds(FEW, lost=[("learned", 2)])
    whole = asked.run(Notebook())
    size = len(seeds_of(asked.trained))
    assert size > 5
    longer = of_seeds(FEW, lost=[("learned", 2)], deltas=Deltas(necessary=0.3))
    book = longer.run(Notebook())
    assert len(seeds_of(longer.trained)) == 20
    asked.run(book)
    assert asked.trained == []
    assert [f.status for f in asked.found(book)] == [f.status for f in asked.found(whole)]
    assert asked.found(book) == asked.found(whole)


def test_nobody_decides_on_other_audits(header):
    adversary = header.model_copy(update={"audit": "model-adversary"})
    assert decided_by(adversary, Deltas()) is None
