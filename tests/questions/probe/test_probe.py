from __future__ import annotations

import numpy as np
import pytest
import torch
from attnaudit.models.probes import attended

from attnaudit.data.dataset import load_dataset
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.files import sha256_file
from attnaudit.execution.observer import Silent
from attnaudit.measures.limits import unseen
from attnaudit.models.checkpoint import Checkpoint, load_checkpoint
from attnaudit.models.classic.classifier import build_classic
from attnaudit.models.load import find_model
from attnaudit.questions.probe import QUESTION
from attnaudit.questions.probe.guides import GuideFile, read_guides
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.probe.summarise import summarise
from attnaudit.questions.probe.views import views
from attnaudit.readings.heads import MEAN
from attnaudit.records.reading import read_records
from attnaudit.report.combine import combine
from attnaudit.report.registry import find
from attnaudit.running.job import Job
from attnaudit.running.preparation import prepare
from attnaudit.running.run import run_questions

LABELS = ("bad", "good")
GOLD = (0, 0, 1, 1)
GOOD, HALF, NONE = GOLD, (0, 1, 1, 0), (1, 1, 0, 0)  # F1 1, .5 and 0
BUILT_IN = ["uniform", "trained", "base", "leak"]


def of_run(run, predicted):
    return [
        {
            "run": {**run, "split": "test"},
            "row": row,
            "id": str(row),
            "gold": gold,
            "predicted": said,
            "probs": [0.1, 0.9] if said else [0.9, 0.1],
            "words": 2,
            "outside": 0.0,
            "attention": [0.5, 0.5],
            "jsd": 0.0,
            "tvd": 0.0,
        }
        for row, (gold, said) in enumerate(zip(GOLD, predicted, strict=True))
    ]


def known(**guides):
    records = of_run({"model": "base"}, GOOD)
    for guide, said in guides.items():
        for seed, predicted in enumerate(said, start=1):
            records += of_run({"guide": guide, "seed": seed}, predicted)
    return records


def guide(name):
    return GuideFile(name=name, path=f"{name}.pt", sha256="ab" * 32)


SAID = {
    "uniform": (HALF, NONE),
    "trained": (HALF, HALF),
    "base": (GOOD, GOOD),
    "leak": (NONE, NONE),
    "adversary": (NONE, HALF),
}
SETTINGS = ProbeSettings(seeds=2, guides=(guide("adversary"),))


def test_summary_of_known_records():
    summary = summarise(known(**SAID), SETTINGS, LABELS)
    found = {name: m.value for name, m in summary.metrics.items() if name.startswith("probe.")}
    assert found == {
        "probe.uniform.f1": 0.25,
        "probe.trained.f1": 0.5,
        "probe.base.f1": 1.0,
        "probe.adversary.f1": 0.25,
        "probe.leak.f1": 0.0,
        "probe.base-uniform.f1_gap": 0.75,
        "probe.base-leak.f1_gap": 1.0,
        "probe.base-trained.f1_gap": 0.5,
        "probe.trained-uniform.f1_gap": 0.25,
        "probe.adversary-uniform.f1_gap": 0.0,
        "probe.base-adversary.f1_gap": 0.75,
    }
    order = [row[0] for row in summary.tables["probe.guides"].rows]
    assert order == ["uniform", "trained", "base", "adversary", "leak"]
    assert [row[0] for row in summary.tables["probe.gaps"].rows][:2] == [
        "base less uniform",
        "base less leak",
    ]
    assert len(summary.tables["probe.runs"].rows) == 1 + 5 * 2


def test_gaps_are_paired_by_seed():
    """Two guides that go up and down together differ by a constant, whatever the seeds do."""
    records = known(
        uniform=(GOOD, NONE), trained=(GOOD, NONE), base=(GOOD, NONE), leak=(NONE, GOOD)
    )
    metrics = summarise(records, ProbeSettings(seeds=2), LABELS).metrics
    together = metrics["probe.base-uniform.f1_gap"]
    assert together.value == 0
    missed = unseen(together.n)  # other texts may tell the two apart
    assert (together.ci_low, together.ci_high) == pytest.approx((-missed, missed))
    apart = metrics["probe.base-leak.f1_gap"]
    assert apart.value == 0
    assert apart.ci_high > 0.5


def test_every_metric_is_registered():
    assert all(find(name) for name in summarise(known(**SAID), SETTINGS, LABELS).metrics)
    directions = {
        name: find(f"probe.{name}").direction
        for name in (
            "base-uniform.f1_gap",
            "base-leak.f1_gap",
            "adversary-uniform.f1_gap",
            "leak.f1",
        )
    }
    assert list(directions.values()) == ["higher", "higher", "neutral", "neutral"]


def test_missing_records_are_noticed():
    for name in BUILT_IN:
        some = {k: v for k, v in SAID.items() if k != name}
        with pytest.raises(ValueError, match="not of the same seeds"):
            summarise(known(**some), SETTINGS, LABELS)
    with pytest.raises(ValueError, match="not of the same seeds"):
        summarise(known(**{**SAID, "leak": (NONE,)}), SETTINGS, LABELS)


def test_guides_are_read_with_their_digest(tiny):
    path = tiny / "model.pt"
    (found,) = read_guides([f"adversary_1={path}"])
    assert (found.name, found.path, found.sha256) == ("adversary_1", str(path), sha256_file(path))
    assert read_guides([]) == ()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["model.pt"], "NAME=FILE"),
        (["a="], "NAME=FILE"),
        (["=model.pt"], "the name '' does not do"),
        (["A=model.pt"], "the name 'A' does not do"),
        (["a-b=model.pt"], "the name 'a-b' does not do"),
        *(([f"{name}=model.pt"], f"'{name}' is a guide already") for name in BUILT_IN),
        (["a=gone.pt"], "gone.pt: cannot be read"),
    ],
)
def test_guides_that_cannot_be_are_refused(given, says):
    with pytest.raises(InputError) as caught:
        read_guides(given)
    assert says in str(caught.value)


def test_a_name_is_given_once(tiny):
    path = tiny / "model.pt"
    with pytest.raises(InputError, match="'a' is given twice"):
        read_guides([f"a={path}", f"a={path}"])


@pytest.fixture(scope="module")
def audited(tiny, tmp_path_factory):
    """A whole run on the tiny model, guided also by its own checkpoint, and its records."""
    path = tmp_path_factory.mktemp("probe") / "r.jsonl"
    settings = ProbeSettings(seeds=2, guides=read_guides([f"again={tiny / 'model.pt'}"]))
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml", records=path)
    return run_questions([(QUESTION, settings)], job, None, Silent()), path


def test_the_report_can_be_made_again_from_its_records(audited):
    report, path = audited
    again = combine([path]).report
    assert again.metrics == report.metrics
    assert again.tables == report.tables
    assert report.settings["guides"][0]["name"] == "again"


def by_guide(path, guide):
    found = [r for r in read_records(path)[1] if r["run"].get("guide") == guide]
    return [{k: v for k, v in r.items() if k != "run"} for r in found]


def test_runs_stand_guide_by_guide(audited):
    _, path = audited
    runs = list(dict.fromkeys(tuple(r["run"].items()) for r in read_records(path)[1]))
    kinds = [{"model": "base"}]
    guides = ("uniform", "trained", "base", "again", "leak")
    kinds += [{"guide": g, "seed": s} for g in guides for s in (1, 2)]
    assert [dict(run) for run in runs] == [
        {**kind, "split": split} for kind in kinds for split in ("dev", "test")
    ]


def test_a_checkpoint_of_the_audited_model_guides_as_the_model_does(audited):
    _, path = audited
    for one, other in zip(by_guide(path, "base"), by_guide(path, "again"), strict=True):
        assert one["probs"] == pytest.approx(other["probs"], abs=1e-5)


def test_probes_attend_as_they_are_guided(audited):
    _, path = audited
    for record in by_guide(path, "uniform"):
        assert record["attention"] == pytest.approx([1 / record["words"]] * record["words"])
    assert max(r["jsd"] for r in by_guide(path, "base")) < 1e-6
    for name in ("trained", "leak"):
        assert max(r["jsd"] for r in by_guide(path, name)) > 1e-4


def test_the_leak_control_is_not_the_probe_that_sees_words(audited):
    _, path = audited
    base, leak = (np.array([r["probs"][1] for r in by_guide(path, g)]) for g in ("base", "leak"))
    assert abs(base - leak).mean() > 0.01


def test_the_leak_control_alone_sees_no_attended_word(tiny):
    source, data = find_model(str(tiny / "model.pt"), 0), tiny / "data.yaml"
    spec = load_spec(data, source.reading)
    split = load_dataset(spec, "test", labels=source.labels, min_words=2)
    loaded = source.load(split, None, torch.device("cpu"), torch.float32)
    job = Job(model=source.name, data=data)
    retraining = prepare(loaded, spec, split, job, torch.device("cpu"), Silent())
    batch = next(iter(retraining.batches("test")))
    other = batch.replace(attended(retraining.kept("test")(batch)), 5)
    for name, view in views(retraining, (), MEAN).items():
        probe = view(retraining.probe(0), "test")
        assert torch.equal(probe(batch), probe(other)) == (name == "leak")


def test_a_guide_of_other_words_or_labels_is_refused(tiny, tmp_path):
    whole = load_checkpoint(tiny / "model.pt")
    spec = whole.model.spec
    for other, says in (
        ({"labels": ("no", "yes")}, "other labels"),
        ({"labels": ("negative", "neutral", "positive")}, "other labels"),
        ({"paired": True}, "other kinds of texts"),
        ({"vocabulary": type(spec.vocabulary)(spec.vocabulary.words[1:])}, "other words"),
    ):
        model = build_classic(whole.model.recipe, type(spec)(**{**vars(spec), **other}), 0)
        path = tmp_path / "other.pt"
        Checkpoint(model, whole.reading, whole.config, {}).save(path)
        settings = ProbeSettings(seeds=1, guides=read_guides([f"other={path}"]))
        job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml")
        with pytest.raises(InputError, match=f"other.pt: is a guide .* {says};") as caught:
            run_questions([(QUESTION, settings)], job, None, Silent())
        assert str(caught.value).startswith(str(path))


def test_a_guide_that_is_no_checkpoint_is_refused(tiny):
    settings = ProbeSettings(seeds=1, guides=read_guides([f"data={tiny / 'data.yaml'}"]))
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml")
    with pytest.raises(ModelError, match="is not a torch archive"):
        run_questions([(QUESTION, settings)], job, None, Silent())
