from __future__ import annotations

import copy
import json
from types import SimpleNamespace

import pytest
import torch

from attnaudit.data.instance import Instance
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.errors import InputError, OutputError
from attnaudit.execution.files import sha256_file
from attnaudit.execution.observer import Silent
from attnaudit.measures.summary import Summary
from attnaudit.models.blank import Blank
from attnaudit.models.checkpoint import load_checkpoint
from attnaudit.models.classic.classifier import Recipe
from attnaudit.models.guided import keep
from attnaudit.models.imitation import Imitation, distances
from attnaudit.models.interface import ModelSpec
from attnaudit.models.retraining import Retraining, Trainable
from attnaudit.models.schedule import Schedule
from attnaudit.models.training import DivergedError, TrainingData, train
from attnaudit.questions import find_question
from attnaudit.questions.instance_adversary.settings import InstanceSettings
from attnaudit.questions.model_adversary import QUESTION
from attnaudit.questions.model_adversary import make as model_adversary
from attnaudit.questions.model_adversary.choice import Unit
from attnaudit.questions.model_adversary.make import dev_points
from attnaudit.questions.model_adversary.seeds_budget import SeedsBudget, read_seeds_budget
from attnaudit.questions.model_adversary.settings import ModelSettings
from attnaudit.questions.recording import Ledger
from attnaudit.records.reading import read_records
from attnaudit.records.writing import RecordsWriter
from attnaudit.report.combine import combine
from attnaudit.running.job import Job
from attnaudit.running.rounds import record_rounds
from attnaudit.running.run import run_questions
from tests.notebook import Notebook
from tests.sealed import body, contents, version_1


class Listener(Silent):
    def __init__(self):
        self.said, self.trained = [], []

    def task(self, title, total, done=0):
        if title.startswith("lambda"):
            self.trained.append(title)
        return super().task(title, total, done)

    def say(self, remark):
        self.said.append(remark)


@pytest.fixture
def audit(tiny, tmp_path, monkeypatch):
    """Run the model-consistent adversary on the tiny model; returns report and listener.

    Only with `summary` are the figures worked out, which takes longer than such trainings. After
    two epochs no imitator is as good as the audited model; `stuck` names the units that got stuck.
    """

    def run(observer=None, summary=False, **given):
        job = {"models": tmp_path / "kept", "records": tmp_path / "records.jsonl"}
        job |= {key: given.pop(key) for key in ("models", "records", "resume") if key in given}
        stuck = given.pop("stuck", ())
        settings = {"lambdas": (0.01,), "seeds": 2, "epochs": 2}
        settings = ModelSettings(**(settings | given))
        listener = observer or Listener()
        job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml", **job)
        with monkeypatch.context() as patch:
            patch.setattr(
                model_adversary, "stuck", lambda records, units, _: [u for u in units if u in stuck]
            )
            if not summary:
                patch.setattr(f"{QUESTION.module}.summarise.summarise", lambda *_: Summary())
            return run_questions([(QUESTION, settings)], job, None, listener), listener

    return run


UNITS = (Unit("scratch", 8), Unit("warm", 1))


def records_in(path):
    return list(read_records(path)[1])


def test_a_model_for_each_lambda_and_seed_on_both_splits(audit, tmp_path):
    report, listener = audit(summary=True)
    assert listener.trained == [
        "lambda 0.0, from scratch, seed 8",  # the seeds before are for warm starts
        "lambda 0.0, warm start, seed 1",  # the tiny model was trained with seed 0
        "lambda 0.01, from scratch, seed 8",
        "lambda 0.01, warm start, seed 1",
    ]
    counts = {}
    for record in records_in(tmp_path / "records.jsonl"):
        key = json.dumps(record["run"], sort_keys=True)
        counts[key] = counts.get(key, 0) + 1
    expected = {}
    for split, n in (("dev", 20), ("test", 30)):
        runs = [{"model": "base"}]
        runs += [{"lambda": s, "start": a, "seed": k} for s in (0.0, 0.01) for a, k in UNITS]
        expected |= {json.dumps({**r, "split": split}, sort_keys=True): n for r in runs}
    assert counts == expected
    assert report.metrics["adversary.model[lambda=0.01].jsd.mean"].n == 30
    assert "adversary.instance.jsd.mean" not in report.metrics
    assert {p.name for p in (tmp_path / "kept").iterdir()} == {
        f"lambda{s}-{start}-seed{k}.pt" for s in ("0.0", "0.01") for start, k in UNITS
    }
    assert combine([tmp_path / "records.jsonl"]).report == report


def test_both_kinds_in_one_report(audit, tiny, tmp_path):
    """Asked together, the two questions load once, and leave a file of records each."""
    alone, _ = audit(seeds=1, epochs=1, summary=True, records=tmp_path / "alone.jsonl")
    job = Job(
        model=str(tiny / "model.pt"), data=tiny / "data.yaml", records=tmp_path / "both.jsonl"
    )
    settings = ModelSettings(lambdas=(0.01,), seeds=1, epochs=1)
    asked = [(find_question("instance-adversary"), InstanceSettings()), (QUESTION, settings)]
    report = run_questions(asked, job, None, Silent())
    assert report.audit == "adversary"
    assert report.metrics["adversary.instance.jsd.mean"].n == 30
    assert report.metrics["adversary.model[lambda=0.01].jsd.mean"].n == 30
    paths = [tmp_path / f"both.{question.name}.jsonl" for question, _ in asked]
    assert [read_records(path)[0].audit for path in paths] == [q.name for q, _ in asked]
    assert combine(paths).report == report
    same = report.metrics.keys() & alone.metrics.keys()
    assert "model.f1" in same
    assert all(report.metrics[name] == alone.metrics[name] for name in same)


def test_records_of_an_older_version_held_both(audit, tiny, tmp_path):
    """What version 0.1 wrote into one file is read as two questions."""
    job = Job(
        model=str(tiny / "model.pt"), data=tiny / "data.yaml", records=tmp_path / "both.jsonl"
    )
    settings = ModelSettings(lambdas=(0.01,), seeds=1, epochs=1)
    asked = [(find_question("instance-adversary"), InstanceSettings()), (QUESTION, settings)]
    report = run_questions(asked, job, None, Silent())
    paths = [tmp_path / f"both.{question.name}.jsonl" for question, _ in asked]
    parts = [contents(path) for path in paths]
    header = parts[0][0]
    header["audit"] = "adversary"
    header["settings"] |= {**parts[1][0]["settings"], "per_instance": True}
    older = tmp_path / "older.jsonl"
    older.write_bytes(version_1(header, [line for part in parts for line in part[1:-1]]))
    assert combine([older]).report.metrics == report.metrics
    assert combine([older]).report.tables == report.tables


def test_checkpoints_are_the_models_of_the_records(audit, tiny, tmp_path):
    audit(seeds=1)
    path = tmp_path / "kept" / "lambda0.01-scratch-seed7.pt"
    checkpoint = load_checkpoint(path)
    assert checkpoint.training["lambda"] == 0.01
    assert checkpoint.training["start"] == "scratch"
    assert checkpoint.training["seed"] == 7
    assert checkpoint.training["epochs"] == 2
    assert checkpoint.training["base_sha256"] == sha256_file(tiny / "model.pt")
    job = Job(model=str(path), data=tiny / "data.yaml", records=tmp_path / "own.jsonl")
    asked = [(find_question("instance-adversary"), InstanceSettings())]
    run_questions(asked, job, None, Silent())
    own = {r["row"]: r for r in records_in(tmp_path / "own.jsonl")}
    theirs = [
        r
        for r in records_in(tmp_path / "records.jsonl")
        if r["run"] == {"lambda": 0.01, "start": "scratch", "seed": 7, "split": "test"}
    ]
    assert len(theirs) == 30
    for record in theirs:
        assert record["probs"] == own[record["row"]]["probs"]
        assert record["attention"] == own[record["row"]]["attention"]


class StopError(KeyboardInterrupt):
    pass


class Stopping(Listener):
    """Interrupts the run when the training called `title` begins."""

    def __init__(self, title):
        super().__init__()
        self.title = title

    def task(self, title, total, done=0):
        if title == self.title:
            raise StopError
        return super().task(title, total, done)


def test_a_resumed_run_trains_only_what_is_missing(audit, tmp_path):
    audit(records=tmp_path / "whole.jsonl", models=tmp_path / "others")
    with pytest.raises(StopError):
        audit(Stopping("lambda 0.01, from scratch, seed 8"))
    _, listener = audit(resume=True)
    assert listener.trained == [
        "lambda 0.01, from scratch, seed 8",
        "lambda 0.01, warm start, seed 1",
    ]
    assert body(tmp_path / "records.jsonl") == body(tmp_path / "whole.jsonl")


def interrupted_writing(audit, monkeypatch, tmp_path, **given):
    """Stop after the first checkpoint of lambda .01 stands, before its records do."""
    write = RecordsWriter.write

    def until(self, batch):
        batch = list(batch)
        if batch and batch[0].get("run", {}).get("lambda") == 0.01:
            raise StopError
        write(self, batch)

    monkeypatch.setattr(RecordsWriter, "write", until)
    with pytest.raises(StopError):
        audit(**given)
    monkeypatch.undo()
    assert (tmp_path / "kept" / "lambda0.01-scratch-seed8.pt").exists()


def test_a_checkpoint_stands_in_for_a_training(audit, monkeypatch, tmp_path):
    audit(records=tmp_path / "whole.jsonl", models=tmp_path / "others")
    interrupted_writing(audit, monkeypatch, tmp_path)
    _, listener = audit(resume=True)
    assert listener.trained == ["lambda 0.01, warm start, seed 1"]
    assert body(tmp_path / "records.jsonl") == body(tmp_path / "whole.jsonl")


def test_a_checkpoint_of_other_settings_does_not(audit, monkeypatch, tmp_path):
    interrupted_writing(audit, monkeypatch, tmp_path)
    _, listener = audit(resume=True, records=tmp_path / "new.jsonl", epochs=3)
    assert len(listener.trained) == 4


def test_without_resume_all_is_trained_again(audit):
    audit()
    _, listener = audit()
    assert len(listener.trained) == 4


def diverging(monkeypatch, *titles):
    imitate = Retraining.imitate

    def fail(self, model, seed, strength, epochs, patience, observer, title, *show):
        if title in titles:
            with observer.task(title, 1):
                raise DivergedError("training diverged: the loss is not finite after epoch 1")
        return imitate(self, model, seed, strength, epochs, patience, observer, title, *show)

    monkeypatch.setattr(Retraining, "imitate", fail)


def test_a_diverged_training_is_told_and_not_repeated(audit, monkeypatch, tmp_path):
    diverging(monkeypatch, "lambda 0.01, from scratch, seed 8")
    with pytest.raises(StopError):
        audit(Stopping("lambda 0.01, warm start, seed 1"))
    report, listener = audit(resume=True, summary=True)
    assert listener.trained == ["lambda 0.01, warm start, seed 1"]
    metric = report.metrics["adversary.model[lambda=0.01].jsd.mean"]
    assert metric.value is None
    assert metric.reason == "the training diverged with 1 of 2 models"
    assert report.metrics["adversary.model[lambda=0.0].jsd.mean"].value is not None
    gone = [r for r in records_in(tmp_path / "records.jsonl") if "diverged" in r]
    assert [r["run"]["split"] for r in gone] == ["dev", "test"]
    assert not (tmp_path / "kept" / "lambda0.01-scratch-seed8.pt").exists()
    assert combine([tmp_path / "records.jsonl"]).report == report


def test_divergence_is_said_once_it_happens(audit, monkeypatch):
    diverging(monkeypatch, "lambda 0.01, from scratch, seed 8")
    _, listener = audit()
    assert listener.said == [
        "--start was not given, so 1 model to start from is trained first, by the recipe",
        "lambda 0.01, from scratch, seed 8: the training diverged",
    ]


def test_a_sweep_refines_on_dev_and_a_resumed_one_alike(audit, monkeypatch, tmp_path):
    asked = []
    answers = iter([0.003, 0.005, None, 0.003, 0.005, 0.003, 0.005])

    def chosen(points, bound):
        asked.append((points, bound))
        return next(answers)

    monkeypatch.setattr(model_adversary, "next_strength", chosen)
    audit(refine=3, seeds=1, records=tmp_path / "whole.jsonl", models=tmp_path / "others")
    assert [sorted(p.strength for p in points) for points, _ in asked] == [
        [0.0, 0.01],
        [0.0, 0.003, 0.01],
        [0.0, 0.003, 0.005, 0.01],
    ]
    records = records_in(tmp_path / "whole.jsonl")
    run = {"lambda": 0.01, "start": "scratch", "seed": 7, "split": "dev"}
    dev = [r for r in records if r["run"] == run]
    (imitators, strong), bound = asked[0]  # the order in which they were trained
    assert strong.jsd == pytest.approx(sum(r["jsd"] for r in dev) / 20)
    assert strong.tvd == pytest.approx(sum(r["tvd"] for r in dev) / 20)
    assert bound == pytest.approx(imitators.tvd + 0.02)
    first = asked[:2]
    asked.clear()
    with pytest.raises(StopError):
        audit(Stopping("lambda 0.005, from scratch, seed 7"), refine=2, seeds=1)
    asked.clear()
    audit(refine=2, seeds=1, resume=True)
    assert [(sorted(p), b) for p, b in asked] == [(sorted(p), b) for p, b in first]


def budget(tiny, **given):
    facts = {
        "model_sha256": sha256_file(tiny / "model.pt"),
        "data_sha256": sha256_file(tiny / "test.jsonl"),
    }
    return SeedsBudget(**{"tvd": 0.9, "flips": 1.0, "loss": 1.0, **facts, **given})


def test_the_seeds_set_the_bound(audit, tiny, monkeypatch):
    asked = []
    monkeypatch.setattr(model_adversary, "next_strength", lambda p, bound: asked.append(bound))
    audit(refine=1, seeds=1, budget=budget(tiny))
    assert asked == [0.9]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"model_sha256": "ab" * 32}, "seeds of another model"),
        ({"data_sha256": "ab" * 32}, "seeds of another data set"),
        ({"score": "auroc"}, "compares models by AUROC, but this audit compares them by macro-F1"),
    ],
)
def test_a_budget_of_something_else_is_refused(audit, tiny, other, said):
    with pytest.raises(InputError, match=said):
        audit(budget=budget(tiny, **other))


def test_stuck_imitators_are_replaced_and_have_no_adversaries(audit, tmp_path):
    stuck = (Unit("scratch", 8), Unit("scratch", 9), Unit("warm", 1))
    _, listener = audit(stuck=stuck, epochs=1)
    assert listener.trained == [
        "lambda 0.0, from scratch, seed 8",
        "lambda 0.0, warm start, seed 1",
        "lambda 0.0, from scratch, seed 9",
        "lambda 0.0, warm start, seed 2",
        "lambda 0.0, from scratch, seed 10",
        "lambda 0.01, warm start, seed 2",
        "lambda 0.01, from scratch, seed 10",
    ]
    assert listener.said[1:] == [
        "imitators that got stuck are replaced: from scratch, seed 9; warm start, seed 2",
        "imitators that got stuck are replaced: from scratch, seed 10",
        "2 imitators of 5 are usable",
    ]


def test_a_start_from_which_six_got_stuck_is_given_up(audit):
    stuck = [Unit("scratch", seed) for seed in range(50)]
    _, listener = audit(stuck=stuck, seeds=1, epochs=1)
    assert len(listener.trained) == 6 + 1  # the adversary of the first one describes
    assert listener.trained[-1] == "lambda 0.01, from scratch, seed 7"
    assert listener.said[-2:] == [
        "0 imitators of 6 are usable",
        "the adversaries that belong to stuck imitators are shown, but no finding uses them",
    ]


def imitator(unit, wrong, tvd=0.1, n=40):
    """Records on dev of an imitator that answers so many of the texts wrongly."""
    run = {"lambda": 0.0, "start": unit.start, "seed": unit.seed, "split": "dev"}
    return [
        {
            **{"run": run, "row": row, "id": str(row), "gold": row % 2, "attention": [1.0]},
            **{"probs": [0.9, 0.1] if (row % 2 == 0) != (row < wrong) else [0.1, 0.9]},
            **{"tvd": tvd, "jsd": 0.0},
        }
        for row in range(n)
    ]


def test_who_is_stuck():
    base = [{**r, "run": {"model": "base", "split": "dev"}} for r in imitator(Unit("", 0), 0)]
    good, far, bad, gone = (Unit("warm", seed) for seed in range(4))
    rows = [
        *base,
        *imitator(good, 4),
        *imitator(far, 4, tvd=0.3),
        *imitator(bad, 30),
        {"run": {"lambda": 0.0, "start": "warm", "seed": 3, "split": "dev"}, "diverged": True},
        # An adversary far beyond the budget is not stuck.
        *({**r, "run": {**r["run"], "lambda": 5.0}} for r in imitator(good, 20, tvd=0.9)),
    ]
    units = [good, far, bad, gone]
    assert model_adversary.stuck(rows, units, ModelSettings()) == [bad, gone]
    facts = {"model_sha256": None, "data_sha256": None}
    limits = SeedsBudget(tvd=0.2, flips=0.2, loss=0.2, **facts)
    assert model_adversary.stuck(rows, units, ModelSettings(budget=limits)) == [far, bad, gone]
    assert model_adversary.stuck([], units, ModelSettings()) == units


def test_an_imitation_is_as_long_as_the_recipe_says(audit, tiny, tmp_path):
    """The tiny model was trained for so many epochs."""
    recipe = load_checkpoint(tiny / "model.pt").config.training.epochs
    audit(seeds=1, epochs=None)
    kept = load_checkpoint(tmp_path / "kept" / "lambda0.01-scratch-seed7.pt").training
    assert kept["schedule"]["epochs"] == 3 * recipe
    assert kept["schedule"]["patience"] == max(2, -(-recipe // 2))
    audit(seeds=1, epochs=1, patience=1)
    kept = load_checkpoint(tmp_path / "kept" / "lambda0.01-scratch-seed7.pt").training
    assert (kept["schedule"]["epochs"], kept["schedule"]["patience"]) == (1, 1)


def test_points_on_dev_leave_out_what_diverged():
    def record(strength, seed, split="dev", **figures):
        return {"run": {"lambda": strength, "seed": seed, "split": split}, **figures}

    rows = [
        {"row": 0},
        {"run": {"model": "base", "split": "dev"}},
        record(0.0, 1, jsd=0.1, tvd=0.2),
        record(0.0, 2, jsd=0.3, tvd=0.4),
        record(0.0, 2, "test", jsd=0.9, tvd=0.9),
        record(0.01, 1, jsd=0.5, tvd=0.5),
        record(0.01, 2, diverged=True),
    ]
    rows += [record(0.0, 3, jsd=0.9, tvd=0.9)]  # stuck
    units = {Unit("scratch", 1), Unit("scratch", 2)}
    (point,) = dev_points(rows, units).values()
    assert point == (0.0, pytest.approx(0.2), pytest.approx(0.3))


def test_the_folder_of_another_models_adversaries_is_left_alone(audit, tiny, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "lambda0.01-seed1.pt").write_bytes((tiny / "model.pt").read_bytes())
    with pytest.raises(OutputError, match="kept: contains models that were trained for another"):
        audit()
    assert (kept / "lambda0.01-seed1.pt").read_bytes() == (tiny / "model.pt").read_bytes()


def test_models_cannot_be_kept_in_a_file(audit, tmp_path):
    (tmp_path / "kept").write_text("")
    with pytest.raises(OutputError, match="kept: is a file, but a folder is needed"):
        audit()


def test_seeds_records_of_another_kind(audit, tmp_path):
    audit(seeds=1, epochs=1)
    with pytest.raises(
        InputError, match="contains records of model-adversary, not of seed-baseline"
    ):
        read_seeds_budget(tmp_path / "records.jsonl")


@pytest.mark.parametrize("lambdas", [(-0.1,), (0.1, 0.1), (float("nan"),), (float("inf"),)])
def test_lambdas_that_mean_nothing(lambdas):
    with pytest.raises(ValueError, match="lambda"):
        ModelSettings(lambdas=lambdas)


# Planted: one of the words decides, and only attention can find it.

FILLERS = [f"filler{i}" for i in range(12)]


def planted(n, seed):
    chance = torch.Generator().manual_seed(seed)

    def draw(k):
        return int(torch.randint(k, (1,), generator=chance))

    made = []
    for row in range(n):
        tokens = [FILLERS[draw(len(FILLERS))] for _ in range(6)]
        label = row % 2
        tokens[draw(6)] = ("bad", "good")[label]
        words = tuple(range(6))
        made.append(
            Instance(str(row), row, row + 1, tuple(tokens), words, label, None, None, None, False)
        )
    return made


@pytest.fixture(scope="module")
def keyword():
    """An average encoder that has learned the planted task, ready to be trained again."""
    splits = {
        name: SimpleNamespace(instances=planted(n, seed), sha256=name)
        for seed, (name, n) in enumerate((("train", 200), ("dev", 60), ("test", 60)))
    }
    spec = ModelSpec(Vocabulary(["bad", "good", *FILLERS]), ("bad", "good"))
    fresh = Blank(Recipe(encoder="average", embedding=8, hidden=8), spec)
    schedule = Schedule(epochs=10, learning_rate=0.05)
    base, cpu = fresh(0), torch.device("cpu")
    data = TrainingData(splits["train"].instances, splits["dev"].instances, spec.vocabulary, 2, cpu)
    train(base, data, schedule, Silent())
    base.eval().requires_grad_(False)
    return Retraining(base, spec, Trainable(fresh, fresh, schedule), splits, cpu)


def planted_runs(retraining, **settings):
    book = Notebook()
    settings = ModelSettings(seeds=1, patience=10, **settings)
    record_rounds(QUESTION.maker.trains, retraining, Ledger("test"), settings, book, Silent())
    return list(book.records())


def test_where_attention_matters_moving_it_costs(keyword):
    records = planted_runs(keyword, lambdas=(0.01, 2.0), epochs=15)
    points = dev_points(records, {Unit("scratch", 7)})
    assert list(points) == [0.0, 0.01, 2.0]
    assert points[0.0].tvd < 0.05
    assert points[2.0].jsd > points[0.0].jsd + 0.2
    assert points[2.0].tvd > points[0.0].tvd + 0.1


def test_an_imitator_that_is_the_base_stays_it(keyword):
    model = keyword.fresh(0)
    model.load_state_dict(keyword.base.state_dict())
    goal = Imitation(0.0, keyword.kept("train"), keyword.kept("dev"), list(keyword.batches("dev")))
    assert goal.score(model) == pytest.approx(0, abs=1e-6)
    assert goal.score(keyword.fresh(1)) < -0.2
    slow = copy.copy(keyword)
    slow.schedule = Schedule(learning_rate=1e-4, weight_decay=0.0)  # rounding makes steps of it
    slow.imitate(model, 1, 0.0, 2, 2, Silent(), "again")
    assert goal.score(model) == pytest.approx(0, abs=1e-3)


def test_the_pull_goes_on_where_the_base_attends_to_nothing(keyword):
    """A little weight on words with none of the base's does not end the gradient."""
    batch = next(iter(keyword.batches("train")))
    kept = keep(keyword.base, keyword.batches("train"))
    peaked = torch.zeros_like(kept.alpha)
    peaked[:, 0] = 1.0  # and exactly 0 elsewhere
    base = type(kept)(kept.probs, peaked, kept.lengths)
    model = keyword.fresh(3)
    _, kl = distances(model, batch, base)
    assert (kl > 5).all()
    assert (kl < 10).all()
    for weight in model.parameters():
        weight.requires_grad_(True)
    _, kl = distances(model, batch, base)
    kl.sum().backward()
    pull = sum(float(w.grad.abs().sum()) for w in model.parameters() if w.grad is not None)
    assert pull > 0.01
