from __future__ import annotations

import pytest
import torch

from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.files import sha256_file
from attnaudit.execution.observer import Silent
from attnaudit.measures.summary import Summary
from attnaudit.models.checkpoint import Checkpoint, load_checkpoint
from attnaudit.models.classic.classifier import build_classic
from attnaudit.models.guided import Guided, keep, shuffled
from attnaudit.models.load import find_model
from attnaudit.models.placed import by_place
from attnaudit.models.removal import Shortened
from attnaudit.questions.probe import QUESTION
from attnaudit.questions.probe.figures import figures
from attnaudit.questions.probe.guides import CONTROLS, GUIDES, RESERVED, GuideFile, read_guides
from attnaudit.questions.probe.names import guide_words
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.probe.summarise import summarise
from attnaudit.questions.probe.tables import MEANINGS
from attnaudit.questions.probe.views import arms, views, without
from attnaudit.readings.heads import MEAN
from attnaudit.records.fields import check
from attnaudit.records.reading import read_records
from attnaudit.report.combine import combine
from attnaudit.report.registry import find
from attnaudit.running.job import Job
from attnaudit.running.preparation import prepare
from attnaudit.running.run import run_questions

LABELS = ("bad", "good")
GOLD = (0, 0, 1, 1)
GOOD, HALF, NONE = GOLD, (0, 1, 1, 0), (1, 1, 0, 0)  # macro-F1 1, .5 and 0


def of_run(run, predicted):
    counts = (1, 1, 0, 1)
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
            **({"words_removed": counts[row]} if "removed" in run else {}),
        }
        for row, (gold, said) in enumerate(zip(GOLD, predicted, strict=True))
    ]


def known(**guides):
    records = of_run({"model": "base"}, GOOD)
    for guide, said in guides.items():
        prefix, _, arm = guide.partition("removed_")
        kind = {"guide": prefix} if prefix else {"removed": arm}
        for seed, predicted in enumerate(said, start=1):
            records += of_run({**kind, "seed": seed}, predicted)
    return records


def guide(name):
    return GuideFile(name=name, path=f"{name}.pt", sha256="ab" * 32)


SAID = {
    "uniform": (HALF, NONE),
    "trained": (HALF, HALF),
    "base": (GOOD, GOOD),
    "adversary": (NONE, HALF),
    "shuffled": (HALF, HALF),
    "untrained": (NONE, NONE),
    "position": (GOOD, NONE),
    "removed_attended": (HALF, HALF),
    "removed_other": (GOOD, HALF),
}
SETTINGS = ProbeSettings(seeds=2, guides=(guide("adversary"),))


@pytest.mark.parametrize(
    ("score", "columns"),
    [("macro_f1", ["macro-F1", "accuracy", "AUROC"]), ("accuracy", ["accuracy", "AUROC"])],
)
def test_each_model_has_each_score_once(score, columns):
    settings = SETTINGS.model_copy(update={"score": score})
    table = summarise(known(**SAID), settings, LABELS).tables["probe.runs"]
    assert table.columns == ["guide", "seed", *columns]
    assert table.rows[0] == ["audited model", None, *[1.0] * len(columns)]


def test_summary_of_known_records():
    summary = summarise(known(**SAID), SETTINGS, LABELS)
    found = {name: m.value for name, m in summary.metrics.items() if name.startswith("probe.")}
    assert found == pytest.approx(
        {
            "probe.uniform.score": 0.25,
            "probe.trained.score": 0.5,
            "probe.base.score": 1.0,
            "probe.adversary.score": 0.25,
            "probe.shuffled.score": 0.5,
            "probe.untrained.score": 0.0,
            "probe.position.score": 0.5,
            "probe.removed_attended.score": 0.5,
            "probe.removed_other.score": 0.75,
            "probe.base-uniform.score_gap": 0.75,
            "probe.base-adversary.score_gap": 0.75,
            "probe.base-trained.score_gap": 0.5,
            "probe.trained-uniform.score_gap": 0.25,
            "probe.adversary-uniform.score_gap": 0.0,
            "probe.base-shuffled.score_gap": 0.5,
            "probe.base-untrained.score_gap": 1.0,
            "probe.base-position.score_gap": 0.5,
            "probe.leak.score_gap": 0.25,
            "probe.leak.whole": 0.25,
        }
    )
    order = [row[0] for row in summary.tables["probe.guides"].rows]
    guides = ("uniform", "trained", "base", "adversary", *CONTROLS)
    assert order == [guide_words(name) for name in guides]
    assert order[2] == "the audited model's weights"
    gaps = summary.tables["probe.gaps"].rows
    assert [row[0] for row in gaps][:2] == [
        "the audited model's weights minus uniform weights",
        "the audited model's weights minus the adversary's weights",
    ]
    assert len(gaps) == 8
    leak = summary.tables["probe.leak"]
    assert [row[1] for row in leak.rows] == pytest.approx([0.75, 0.5, 0.25])
    assert leak.notes[-1] == (
        "25 % of the texts have fewer than five words. Nothing is removed from them."
    )
    assert len(summary.tables["probe.runs"].rows) == 1 + 9 * 2


def test_each_control_has_a_line_that_says_what_it_would_mean():
    assert MEANINGS.keys() == set(CONTROLS)
    notes = summarise(known(**SAID), SETTINGS, LABELS).tables["probe.guides"].notes
    for name, meaning in MEANINGS.items():
        assert f"If the probe does as well under {guide_words(name)}, {meaning}" in notes


def test_another_score_is_named():
    settings = SETTINGS.model_copy(update={"score": "auroc"})
    summary = summarise(known(**SAID), settings, LABELS)
    assert summary.tables["probe.guides"].columns[1] == "AUROC"
    runs = summary.tables["probe.runs"]
    assert runs.columns == ["guide", "seed", "AUROC", "accuracy"]
    assert runs.rows[0][2] == summary.metrics["model.auroc"].value
    gaps, drawn = figures({"probe": summary}, LABELS)
    assert gaps.numbers.columns[1] == "gain in AUROC"
    assert drawn.numbers.columns[1] == "mean AUROC"


def test_the_figure_shows_every_kind_of_model():
    summary = summarise(known(**SAID), SETTINGS, LABELS)
    gaps, drawn = figures({"probe": summary}, LABELS)
    assert drawn.title == "macro-F1 of the probe, by the source of its weights"
    assert [row[0] for row in drawn.numbers.rows] == [
        "audited model",
        *(guide_words(g) for g in (*GUIDES, "adversary", *CONTROLS)),
        "without the attended words",
        "without the same number of other words",
    ]
    others = ("uniform", "adversary", "trained", *CONTROLS)
    assert [row[0] for row in gaps.numbers.rows] == [f"than {guide_words(g)}" for g in others]
    uniform = summary.metrics["probe.base-uniform.score_gap"]
    assert gaps.numbers.rows[0][1:] == [uniform.value, uniform.ci_low, uniform.ci_high]
    assert figures({"probe": Summary()}, LABELS) == []


def test_gaps_are_paired_by_seed():
    """Two guides that go up and down together differ by a constant, whatever the seeds do."""
    records = known(
        **{**SAID, "uniform": (GOOD, NONE), "base": (GOOD, NONE), "trained": (NONE, GOOD)}
    )
    metrics = summarise(records, SETTINGS, LABELS).metrics
    together = metrics["probe.base-uniform.score_gap"]
    assert together.value == 0
    assert together.ci_high < 1  # other texts may tell the two apart
    apart = metrics["probe.base-trained.score_gap"]
    assert apart.value == 0
    assert apart.ci_high > 0.99


def test_every_metric_is_registered():
    assert all(find(name) for name in summarise(known(**SAID), SETTINGS, LABELS).metrics)
    directions = {
        name: find(f"probe.{name}").direction
        for name in (
            "base-uniform.score_gap",
            "leak.score_gap",
            "base-shuffled.score_gap",
            "adversary-uniform.score_gap",
            "removed_other.score",
        )
    }
    assert list(directions.values()) == ["higher", "higher", "higher", "neutral", "neutral"]


def test_missing_records_are_named():
    for name in SAID:
        some = {k: v for k, v in SAID.items() if k != name}
        arm = name.removeprefix("removed_")
        what = f"the model without {arm} words" if arm != name else f"under the guide {name}"
        with pytest.raises(ValueError, match=f"^models are missing: [^;]*{what}, seed 1, 2$"):
            summarise(known(**some), SETTINGS, LABELS)
    fewer = {**SAID, "base": (GOOD,), "shuffled": (GOOD,)}
    with pytest.raises(ValueError, match=r"guide base, seed 2; .*guide shuffled, seed 2$"):
        summarise(known(**fewer), SETTINGS, LABELS)
    with pytest.raises(ValueError, match="there are no probes"):
        summarise(known(), SETTINGS, LABELS)


def test_older_records_give_their_guides_and_no_leak_control():
    older = {name: SAID[name] for name in ("uniform", "trained", "base", "adversary")}
    summary = summarise(known(**older, leak=(NONE, NONE)), SETTINGS, LABELS)
    found = {name: m for name, m in summary.metrics.items() if name.startswith("probe.")}
    assert found["probe.base-uniform.score_gap"].value == 0.75
    assert found["probe.base-adversary.score_gap"].value == 0.75
    assert "probe.leak.score" not in found
    assert "probe.base-shuffled.score_gap" not in found
    unknown = {name for name, m in found.items() if m.value is None}
    assert unknown == {
        *("probe.leak.score_gap", "probe.leak.whole"),
        *("probe.removed_attended.score", "probe.removed_other.score"),
    }
    assert all(found[name].reason.endswith("run probe again") for name in unknown)
    assert "probe.leak" not in summary.tables
    missing = {**older, "base": (GOOD,)}
    with pytest.raises(ValueError, match=r"guide base, seed 2$"):
        summarise(known(**missing, leak=(NONE, NONE)), SETTINGS, LABELS)


@pytest.mark.parametrize(
    ("run", "more", "says"),
    [
        ({"removed": "attended", "seed": 1}, {}, "words_removed"),
        ({"removed": "attended", "seed": 1}, {"words_removed": -1}, "words_removed"),
        ({"removed": "some", "seed": 1}, {"words_removed": 1}, "run.removed"),
        ({"guide": "base", "seed": 1}, {"words_removed": 1}, "words_removed"),
    ],
)
def test_records_that_are_none_are_refused(run, more, says):
    (good, *_) = of_run({"removed": "other", "seed": 1}, GOLD)
    check(good, QUESTION.kind, None, None)
    record = {k: v for k, v in good.items() if k != "words_removed"}
    record = {**record, **more, "run": {**run, "split": "test"}}
    with pytest.raises(InputError, match=says):
        check(record, QUESTION.kind, None, None)


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
        (["=model.pt"], "'' cannot be a name here"),
        (["A=model.pt"], "'A' cannot be a name here"),
        (["a-b=model.pt"], "'a-b' cannot be a name here"),
        *(([f"{name}=model.pt"], f"'{name}' has a meaning already") for name in RESERVED),
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
    kinds += [{"guide": g, "seed": s} for g in (*GUIDES, "again", *CONTROLS) for s in (1, 2)]
    kinds += [{"removed": a, "seed": s} for a in ("attended", "other") for s in (1, 2)]
    assert [dict(run) for run in runs] == [
        {**kind, "split": split} for kind in kinds for split in ("dev", "test")
    ]


def test_a_checkpoint_of_the_audited_model_guides_as_the_model_does(audited):
    _, path = audited
    for one, other in zip(by_guide(path, "base"), by_guide(path, "again"), strict=True):
        assert one["probs"] == pytest.approx(other["probs"], abs=1e-5)


def test_probes_attend_as_they_are_guided(audited):
    _, path = audited
    base = by_guide(path, "base")
    for record in by_guide(path, "uniform"):
        assert record["attention"] == pytest.approx([1 / record["words"]] * record["words"])
    assert max(r["jsd"] for r in base) < 1e-6
    for name in ("trained", *CONTROLS):
        assert max(r["jsd"] for r in by_guide(path, name)) > 1e-5
    for ours, theirs in zip(by_guide(path, "shuffled"), base, strict=True):
        assert sorted(ours["attention"]) == pytest.approx(sorted(theirs["attention"]))


def test_models_without_words_give_them_no_weight(audited):
    _, path = audited
    records = list(read_records(path)[1])
    base = {
        (r["run"]["split"], r["row"]): r["attention"]
        for r in records
        if r["run"].get("model") == "base"
    }
    arms = {
        arm: {
            (r["run"]["split"], r["row"], r["run"]["seed"]): r
            for r in records
            if r["run"].get("removed") == arm
        }
        for arm in ("attended", "other")
    }
    assert arms["attended"].keys() == arms["other"].keys()
    for key, record in arms["attended"].items():
        weights, other = base[key[:2]], arms["other"][key]
        count, n = record["words_removed"], len(weights)
        assert other["words_removed"] == count
        assert count <= n // 5
        assert (count == 0) == (n < 5)
        assert len(record["attention"]) == len(other["attention"]) == n
        gone, others = (
            {k for k, w in enumerate(r["attention"]) if w == 0} for r in (record, other)
        )
        assert len(gone) == len(others) == count
        assert not gone & others
        if gone:
            assert (
                min(weights[k] for k in gone)
                >= max(w for k, w in enumerate(weights) if k not in gone) - 1e-6
            )


@pytest.fixture(scope="module")
def retraining(tiny):
    source, data = find_model(str(tiny / "model.pt"), 0), tiny / "data.yaml"
    spec = load_spec(data, source.reading)
    split = load_dataset(spec, "test", labels=source.labels, min_words=2)
    loaded = source.load(split, None, torch.device("cpu"), torch.float32)
    job = Job(model=source.name, data=data)
    return prepare(loaded, spec, split, job, torch.device("cpu"), Silent())


def test_what_the_controls_attend_to(retraining):
    found, batch = views(retraining, (), MEAN), next(iter(retraining.batches("test")))

    def imposed(name):
        probe = found[name](retraining.probe(0), "test")
        assert isinstance(probe, Guided)
        return probe.guide(batch)

    kept = retraining.kept("test", MEAN.weigh)
    torch.testing.assert_close(imposed("shuffled"), shuffled(kept, 0)(batch))
    torch.testing.assert_close(
        imposed("position"), by_place(retraining.kept("train", MEAN.weigh))(batch)
    )
    before = retraining.fresh(retraining.schedule.seed).eval()
    expected = keep(before, retraining.batches("test"))(batch)
    torch.testing.assert_close(imposed("untrained"), expected)
    assert not torch.allclose(imposed("untrained"), imposed("base"), atol=1e-4)


def test_only_models_without_the_attended_words_do_not_see_them(retraining):
    batch = next(iter(retraining.batches("test")))
    removed = arms(retraining, MEAN)
    gone, _ = removed["attended"]("test")(batch)
    assert gone.any()
    other = batch.replace(gone, 5)
    inner = retraining.fresh(0).eval()
    for arm, removal in removed.items():
        model = without(removal)(inner, "test")
        assert isinstance(model, Shortened)
        assert torch.equal(model(batch), model(other)) == (arm == "attended")
    assert not torch.equal(inner(batch), inner(other))


def test_the_arms_learn_from_the_splits_that_they_are_told_of(retraining):
    """What is removed depends on the attention on each split, which has other texts."""
    removal = arms(retraining, MEAN)["attended"]
    for split in ("train", "dev", "test"):
        found = removal(split)
        assert len(found.counts) == len(retraining.splits[split].instances)
        assert removal(split) is found


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
