from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from attnaudit.data.settings import ReadingSettings
from attnaudit.errors import OutputError
from attnaudit.execution.files import sha256_file
from attnaudit.execution.observer import Silent
from attnaudit.models.checkpoint import Checkpoint
from attnaudit.models.retraining import Retraining
from attnaudit.models.schedule import Schedule
from attnaudit.models.training import DivergedError
from attnaudit.models.untrained import load_trained
from attnaudit.questions import recording
from attnaudit.questions.seed_baseline import QUESTION
from attnaudit.questions.seed_baseline.make import together
from attnaudit.questions.seed_baseline.settings import SeedBaselineSettings
from attnaudit.questions.seed_baseline.summarise import summarise
from attnaudit.records.reading import read_records
from attnaudit.report.combine import combine
from attnaudit.report.registry import all_specs, find
from attnaudit.running.job import Job
from attnaudit.running.run import run_questions
from tests.sealed import body

LABELS = ("bad", "good")
TWO = SeedBaselineSettings(seeds=2)
GOLD = (0, 0, 1, 1)


def of_run(run, predicted, jsd=None, tvd=None, split="test", largest=0.4, **more):
    """The records of one model: probability .9 for what it predicts."""
    made = []
    for row, (gold, said) in enumerate(zip(GOLD, predicted, strict=True)):
        record = {
            "run": {**run, "split": split},
            "row": row,
            "id": f"{split} {row}",
            "gold": gold,
            "predicted": said,
            "probs": [0.1, 0.9] if said else [0.9, 0.1],
            "words": 4,
            "outside": 0.0,
            "attention": [largest, 0.5 - largest / 2, 0.5 - largest / 2, 0.0],
            **more,
        }
        if jsd is not None:
            record |= {"jsd": jsd[row], "tvd": tvd[row]}
        made.append(record)
    return made


def model(kind, seed, *args, **kwargs):
    return of_run({"model": kind, "seed": seed}, *args, **kwargs)


def converged(attention, seed, *args, stopped=True, split="test", **kwargs):
    run = {"model": "converged", "attention": attention, "seed": seed}
    made = of_run(run, *args, split=split, **kwargs)
    made[0]["training"] = {"epochs": 7 + seed, "stopped": stopped, "dev_loss": seed / 10}
    return made


def known(**more):
    """Two seeds, one as good as the audited model and one not; uniform attention is as good."""
    none = (0.0,) * 4
    return [
        *of_run({"model": "base"}, GOLD, **more),
        *model("seed", 1, GOLD, (0.1, 0.2, 0.3, 0.4), (0.0, 0.0, 0.2, 0.2), **more),
        *converged("learned", 1, GOLD, none, none, **more),
        *converged("uniform", 1, GOLD, (0.5,) * 4, (0.1,) * 4, **more),
        *converged("peaked", 1, (0, 1, 1, 0), none, none, **more),
        *model("seed", 2, (0, 1, 1, 0), (0.3, 0.0, 0.1, 0.6), (0.4, 0.8, 0.0, 0.8), **more),
        *converged("learned", 2, (0, 1, 1, 0), none, none, **more),
        *converged("uniform", 2, (0, 1, 1, 1), (0.7,) * 4, (0.1,) * 4, **more),
        *converged("peaked", 2, (1, 1, 0, 0), none, none, **more),
    ]


def older(**more):
    """What the version before made: uniform attention as long as the recipe says."""
    return [
        *of_run({"model": "base"}, GOLD, **more),
        *model("seed", 1, GOLD, (0.1, 0.2, 0.3, 0.4), (0.0, 0.0, 0.2, 0.2), **more),
        *model("uniform", 1, GOLD, (0.5,) * 4, (0.1,) * 4, **more),
        *model("seed", 2, (0, 1, 1, 0), (0.3, 0.0, 0.1, 0.6), (0.4, 0.8, 0.0, 0.8), **more),
        *model("uniform", 2, (0, 1, 1, 1), (0.7,) * 4, (0.1,) * 4, **more),
    ]


def values(records, settings=TWO):
    summary = summarise(records, settings, LABELS)
    return {name: m.value for name, m in summary.metrics.items()}


def test_summary_of_known_records():
    found = values(known())
    assert found["seed_baseline.jsd.mean_over_seeds"] == pytest.approx(2.0 / 8)
    assert found["seed_baseline.jsd.median_over_seeds"] == pytest.approx(2.0 / 8)
    assert found["seed_baseline.jsd.max_over_seeds"] == pytest.approx((0.3 + 0.2 + 0.3 + 0.6) / 4)
    assert found["seed_baseline.tvd.mean"] == pytest.approx(2.4 / 8)
    assert found["seed_baseline.flips"] == pytest.approx(2 / 8)
    # F1 of class 1: seed 1 gets 1, seed 2 has one right of two said and two due.
    assert found["seed_baseline.f1.mean"] == pytest.approx(0.75)
    assert found["seed_baseline.f1.std"] == pytest.approx(math.sqrt(2) / 4)
    assert found["seed_baseline.uniform_jsd.mean"] == pytest.approx(0.6)
    assert found["model.accuracy"] == 1
    # Macro-F1: three right of four give class 0 2/3 and class 1 4/5.
    three = (2 / 3 + 4 / 5) / 2
    assert found["seed_baseline.score.mean"] == pytest.approx(0.75)
    assert found["seed_baseline.score.std"] == pytest.approx(math.sqrt(2) / 4)
    assert found["necessity.learned_score.mean"] == pytest.approx((1 + 0.5) / 2)
    assert found["necessity.uniform_score.mean"] == pytest.approx((1 + three) / 2)
    assert found["necessity.peaked_score.mean"] == pytest.approx((0.5 + 0) / 2)
    assert found["necessity.score_gap"] == pytest.approx((0 + 0.5 - three) / 2)
    assert found["necessity.peaked_gap"] == pytest.approx(0.5)
    assert "seed_baseline.permuted_jsd.mean" not in found


def test_another_score_on_request():
    found = values(known(), SeedBaselineSettings(seeds=2, score="f1"))
    assert found["necessity.score_gap"] == pytest.approx((0 + 0.5 - 0.8) / 2)
    assert found["seed_baseline.f1.mean"] == values(known())["seed_baseline.f1.mean"]
    table = summarise(known(), SeedBaselineSettings(seeds=2, score="f1"), LABELS).tables
    assert table["seed_baseline.scores"].columns[1] == "F1"


def test_models_on_shuffled_labels_stand_beside_the_seeds():
    more = [
        *model("permuted", 1, (1, 1, 1, 1), (0.2,) * 4, (0.5,) * 4),
        *model("permuted", 2, (0, 0, 0, 0), (0.6,) * 4, (0.5,) * 4),
    ]
    summary = summarise([*known(), *more], TWO, LABELS)
    assert summary.metrics["seed_baseline.permuted_jsd.mean"].value == pytest.approx(0.4)
    rows = {row[0]: row[1] for row in summary.tables["seed_baseline.distances"].rows}
    assert rows["JSD of models trained on shuffled labels"] == pytest.approx(0.4)
    named = [row[0] for row in summary.tables["seed_baseline.runs"].rows]
    assert named[-2:] == ["permuted 1", "permuted 2"]


def test_how_long_models_were_trained():
    records = [
        *known(),
        *converged("uniform", 3, GOLD, (0.7,) * 4, (0.1,) * 4, stopped=False),
    ]
    table = summarise(records, TWO, LABELS).tables["seed_baseline.trainings"]
    assert table.rows == [
        ["learned", 2, 8, 9, pytest.approx(0.15), 2],
        ["uniform", 3, 8, 10, pytest.approx(0.2), 2],
        ["peaked", 2, 8, 9, pytest.approx(0.15), 2],
    ]


def test_older_records_give_what_they_gave():
    summary, now = summarise(older(), TWO, LABELS), values(known())
    kept = [name for name in now if name.startswith(("seed_baseline.", "model."))]
    assert len(kept) > 10
    for name in kept:
        assert summary.metrics[name].value == pytest.approx(now[name]), name
    without = {name: m for name, m in summary.metrics.items() if name.startswith("necessity.")}
    assert len(without) == 5
    for metric in without.values():
        assert (metric.value, metric.undefined) == (None, 4)
        assert "an older version made these records" in metric.reason
        assert "run seed-baseline again" in metric.reason
    assert "seed_baseline.trainings" not in summary.tables
    scores = summary.tables["seed_baseline.scores"]
    assert [row[0] for row in scores.rows] == [
        "audited model",
        "other seeds, trained as long as the recipe says",
    ]
    assert "an older version" in scores.notes[0]
    named = [row[0] for row in summary.tables["seed_baseline.runs"].rows]
    assert named == ["audited", "seed 1", "seed 2", "uniform 1", "uniform 2"]


def test_a_training_that_diverged_leaves_the_others_as_they_are():
    run = {"model": "converged", "attention": "uniform", "seed": 3, "split": "test"}
    gave_up = [{"run": run, "row": 0, "id": "test 0", "diverged": True}]
    summary = summarise([*known(), *gave_up], TWO, LABELS)
    assert {n: m.value for n, m in summary.metrics.items()} == values(known())
    assert "These trainings diverged and gave no model: uniform 3." in (
        summary.tables["seed_baseline.runs"].notes
    )


def test_without_a_model_of_the_recipe_there_are_still_the_others():
    records = [r for r in known() if r["run"]["model"] != "seed"]
    for seed in (1, 2):
        run = {"model": "seed", "seed": seed, "split": "test"}
        records.append({"run": run, "row": 0, "id": "test 0", "diverged": True})
    summary = summarise(records, TWO, LABELS)
    whole = values(known())
    for name, metric in summary.metrics.items():
        if name.startswith(("necessity.", "model.", "texts.", "seed_baseline.uniform")):
            assert metric.value == whole[name]
        else:
            assert (metric.value, metric.undefined) == (None, 4), name
            pairs = name.startswith("stability.")
            why = (
                "there is only one model"
                if pairs
                else ("no model of this kind was trained to its end")
            )
            assert metric.reason == why
    assert "seed_baseline.bins" not in summary.tables


def test_converged_models_that_are_missing_are_named():
    records = [r for r in known() if r["run"].get("attention") != "peaked"]
    metrics = summarise(records, TWO, LABELS).metrics
    assert metrics["necessity.peaked_gap"].reason == (
        "there are no models with learned and peaked attention that were trained until they "
        "stopped improving"
    )
    assert metrics["necessity.score_gap"].value == values(known())["necessity.score_gap"]


def test_three_seeds_have_another_median_than_mean():
    found = values([*known(), *model("seed", 3, GOLD, (0.0,) * 4, (0.0,) * 4)])
    assert found["seed_baseline.jsd.median_over_seeds"] == pytest.approx((0.1 + 0 + 0.1 + 0.4) / 4)
    assert found["seed_baseline.jsd.mean_over_seeds"] == pytest.approx(2.0 / 12)


def test_the_order_of_the_runs_does_not_matter():
    records = known()
    turned = [r for k in range(8, -1, -1) for r in records[4 * k : 4 * k + 4]]
    assert values(turned) == pytest.approx(values(records))


def test_only_the_audited_split_counts():
    dev = [
        *of_run({"model": "base"}, (1, 1, 0, 0), split="dev"),
        *model("seed", 1, (1, 1, 0, 0), (0.6,) * 4, (0.9,) * 4, split="dev"),
        *converged("learned", 1, (1, 1, 0, 0), (0.6,) * 4, (0.9,) * 4, split="dev"),
        *converged("uniform", 1, (1, 1, 0, 0), (0.6,) * 4, (0.9,) * 4, split="dev"),
    ]
    assert values([*dev, *known()]) == values(known())
    alone = values(dev, SeedBaselineSettings(seeds=1))
    assert alone["seed_baseline.jsd.mean_over_seeds"] == pytest.approx(0.6)
    assert alone["model.accuracy"] == 0


def test_one_seed_gives_figures_without_the_intervals_of_seeds():
    summary = summarise(known()[:20], SeedBaselineSettings(seeds=1), LABELS)
    gap = summary.metrics["necessity.score_gap"]
    assert (gap.value, gap.ci_low) == (0, None)
    assert "one seed" in gap.reason
    spread = summary.metrics["seed_baseline.f1.std"]
    assert (spread.value, spread.undefined) == (None, 4)
    assert "one seed" in spread.reason


def test_intervals_hold_their_value_and_groups_widen_them():
    summary = summarise(known(), TWO, LABELS)
    for name in ("necessity.score_gap", "seed_baseline.tvd.mean", "seed_baseline.flips"):
        figure = summary.metrics[name]
        assert figure.ci_low < figure.value < figure.ci_high
        assert figure.n == 4
    spec = {name: find(name).range for name in summary.metrics}
    for name, figure in summary.metrics.items():  # even where two seeds tell next to nothing
        if figure.ci_low is not None:
            low, high = spec[name]
            assert low <= figure.ci_low <= figure.ci_high <= high, name
    together = summarise(known(group="g"), TWO, LABELS).metrics["necessity.score_gap"]
    assert together.ci_low is None


def test_the_authors_tvd_is_half_of_ours():
    tables = summarise(known(), TWO, LABELS).tables
    rows = {row[0]: row[1] for row in tables["seed_baseline.distances"].rows}
    assert rows["TVD as Wiegreffe & Pinter print it"] == pytest.approx(rows["TVD of answers"] / 2)
    each = tables["seed_baseline.runs"]
    column = each.columns.index("TVD")
    assert each.columns[column + 1] == "W&P TVD"
    for row in each.rows[1:]:
        assert row[column + 1] == pytest.approx(row[column] / 2)
    assert each.rows[0][5:] == [None] * 4  # of the audited model to itself
    assert [row[0] for row in each.rows] == [
        "audited",
        "seed 1",
        "seed 2",
        *(f"{name} {seed}" for name in ("learned", "uniform", "peaked") for seed in (1, 2)),
    ]
    assert each.rows[2][1:5] == pytest.approx([0.5, 0.5, 0.5, 0.5])


def test_three_classes_have_macro_f1_and_no_halves():
    records = known()
    for record in records:
        record["probs"] = [*record["probs"], 0.0]
    summary = summarise(records, TWO, ("a", "b", "c"))
    # Seed 2: classes 0 and 1 each have one right of two said and two due; class 2 is not met.
    assert summary.metrics["seed_baseline.f1.mean"].value == pytest.approx(0.75)
    assert "W&P TVD" not in summary.tables["seed_baseline.runs"].columns
    shown = [row[0] for row in summary.tables["seed_baseline.distances"].rows]
    assert not any("Wiegreffe" in name for name in shown)
    assert all(len(r) == 8 for r in summary.tables["seed_baseline.runs"].rows)


def test_bins_are_by_class_and_largest_weight_of_the_audited_model():
    records = known()
    for record, largest in zip(records[:4], (0.25, 0.9, 0.74, 1.0), strict=True):
        record["attention"] = [largest, *[(1 - largest) / 4] * 4]
    for record in records[4:]:  # of the same five words
        record["attention"] = [0.2] * 5
    rows = summarise(records, TWO, LABELS).tables["seed_baseline.bins"].rows
    assert [[row[0], row[1], row[4]] for row in rows] == [
        ["bad", "0.25 to 0.5", 1],
        ["bad", "0.75 to 1", 1],
        ["good", "0.5 to 0.75", 1],
        ["good", "0.75 to 1", 1],
    ]
    assert [row[2:4] for row in rows] == [
        pytest.approx(x) for x in ([0.2, 0.3], [0.1, 0.2], [0.2, 0.3], [0.5, 0.6])
    ]


@pytest.mark.parametrize("cut", [slice(0, 4), slice(4, 36), slice(0, 35), slice(0, 0)])
def test_missing_records_are_noticed(cut):
    with pytest.raises(ValueError, match=r"missing|no record"):
        summarise(known()[cut], TWO, LABELS)


def test_columns_have_the_metrics_as_their_means():
    summary = summarise(known(), TWO, LABELS)
    for name, column in summary.columns.values.items():
        assert float(np.mean(column)) == pytest.approx(summary.metrics[name].value), name


def controlled():
    """The known records and all that is made on request, with controls in the audited model's."""
    asked = [*model("permuted", 1, GOLD, (0.2,) * 4, (0.5,) * 4)]
    for attention in ("random", "reordered"):
        asked += converged(attention, 1, GOLD, (0.2,) * 4, (0.5,) * 4)
    records = [*known(), *asked]
    for record, tvd in zip(records[:4], (0.1, 0.2, 0.3, 0.6), strict=True):
        layers = {"tvd": 2 * tvd / 3, "flips": False}
        record["controls"] = {
            "bypassed": True,
            "erased": {"tvd": tvd, "flips": tvd > 0.5},
            "uniform_layers": layers,
        }
    return records


def test_controls_are_summed_up():
    summary = summarise(controlled(), TWO, LABELS)
    found = {name: m.value for name, m in summary.metrics.items() if ".control." in name}
    assert found == pytest.approx(
        {
            "seed_baseline.control.erased.tvd.mean": 0.3,
            "seed_baseline.control.erased.flips": 0.25,
            "seed_baseline.control.uniform_layers.tvd.mean": 0.2,
            "seed_baseline.control.uniform_layers.flips": 0,
        }
    )
    table = summary.tables["seed_baseline.controls"]
    low, high = table.rows[0][2:4]
    assert low < 0.3 < high
    assert [[*row[:2], row[4]] for row in table.rows] == [
        ["all weights on words set to 0 at the audited row", pytest.approx(0.3), 0.25],
        ["uniform attention in all layers", pytest.approx(0.2), 0],
    ]
    for name in found:
        assert float(np.mean(summary.columns.values[name])) == pytest.approx(found[name])


def test_a_model_without_other_layers_has_one_control():
    records = controlled()
    for record in records[:4]:
        del record["controls"]["uniform_layers"]
    summary = summarise(records, TWO, LABELS)
    assert len(summary.tables["seed_baseline.controls"].rows) == 1
    assert sum(".control." in name for name in summary.metrics) == 2


def test_records_without_controls_are_read_as_ever():
    summary = summarise(known(), TWO, LABELS)
    assert not any(".control." in name for name in summary.metrics)
    assert "seed_baseline.controls" not in summary.tables
    some = controlled()
    del some[1]["controls"]  # as a run of an older version left it
    erased = summarise(some, TWO, LABELS).metrics["seed_baseline.control.erased.tvd.mean"]
    assert (erased.value, erased.n, erased.undefined) == (pytest.approx(1 / 3), 3, 1)


def test_every_registered_metric_is_measured():
    registered = {n for s in all_specs() for n in s.names()}
    wanted = {n for n in registered if n.startswith(("seed_baseline.", "necessity.", "stability."))}
    found = summarise(controlled(), TWO, LABELS).metrics
    assert wanted == {n for n in found if not n.startswith(("model.", "texts."))}


def test_the_figure_of_scores_shows_each_kind_of_model_by_the_score():
    drawn = QUESTION.figures({"seed-baseline": summarise(known(), TWO, LABELS)}, LABELS)
    (scores,) = [one for one in drawn if one.title == "macro-F1 of the recipe, trained again"]
    named = {str(cell) for row in scores.numbers.rows for cell in row}
    assert named >= {"audited model", "trained with other seeds"}
    assert named >= {"learned weights *", "uniform weights *", "uneven random weights *"}
    assert scores.numbers.columns[1] == "mean macro-F1"
    assert QUESTION.figures({"seed-baseline": summarise(older(), TWO, LABELS)}, LABELS)


@pytest.fixture(scope="module")
def audited(tiny, tmp_path_factory):
    """A whole run on the tiny model, and its records."""
    path = tmp_path_factory.mktemp("seeds") / "r.jsonl"
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml", records=path)
    return run_questions([(QUESTION, TWO)], job, None, Silent()), path


def test_the_report_can_be_made_again_from_its_records(audited):
    report, path = audited
    again = combine([path]).report
    assert again.metrics == report.metrics
    assert again.tables == report.tables
    assert report.metrics["necessity.score_gap"].n == 30


BOTH = "seed 1 and learned 1"  # one training
TRAINED = (BOTH, "uniform 1", "peaked 1")
CONVERGED = ("learned", "uniform", "peaked")


def of_model(path, **run):
    return [r for r in read_records(path)[1] if run.items() <= r["run"].items()]


def test_runs_are_told_apart_and_cover_both_splits(audited):
    _, path = audited
    runs = list(dict.fromkeys(tuple(r["run"].items()) for r in read_records(path)[1]))
    kinds = [{"model": "base"}]
    for seed in (1, 2):
        kinds.append({"model": "seed", "seed": seed})
        kinds += [{"model": "converged", "attention": a, "seed": seed} for a in CONVERGED]
    assert [dict(run) for run in runs] == [
        {**kind, "split": split} for kind in kinds for split in ("dev", "test")
    ]


def test_the_audited_model_is_controlled_in_the_records(audited):
    report, path = audited
    for record in read_records(path)[1]:
        base = record["run"]["model"] == "base"
        assert record.get("controls", {}).keys() == ({"bypassed", "erased"} if base else set())
    assert report.metrics["seed_baseline.control.erased.tvd.mean"].n == 30


def test_one_record_of_a_split_says_how_a_converged_model_ended(audited):
    _, path = audited
    for attention in CONVERGED:
        for split in ("dev", "test"):
            found = of_model(path, attention=attention, seed=2, split=split)
            said = [r["training"] for r in found if "training" in r]
            assert said == [found[0]["training"]]
            assert said[0].keys() == {"epochs", "stopped", "dev_loss"}
            assert 1 <= said[0]["epochs"] <= 6  # three times the recipe's
    assert not any("training" in r for r in of_model(path, model="seed"))


def test_imposed_attention_is_in_the_records(audited):
    _, path = audited
    for record in of_model(path, attention="uniform"):
        assert record["attention"] == pytest.approx([1 / record["words"]] * record["words"])
    orders = set()
    for split in ("dev", "test"):
        bases = of_model(path, model="base", split=split)
        for seed in (1, 2):
            peaked = of_model(path, attention="peaked", seed=seed, split=split)
            for base, other in zip(bases, peaked, strict=True):
                assert sorted(other["attention"]) == pytest.approx(sorted(base["attention"]))
            orders.add(tuple(max(r["attention"]) == r["attention"][0] for r in peaked))
    assert len(orders) == 4  # each split and seed has its own


class Stops(Silent):
    """Ctrl-C when the training of this title begins."""

    def __init__(self, title=None):
        self.title, self.titles, self.said = title, [], []

    def say(self, remark):
        self.said.append(remark)

    def task(self, title, total, done=0):
        if title == self.title:
            raise KeyboardInterrupt
        if title != "seed-baseline: models":
            self.titles.append(title)
        return super().task(title, total, done)


def test_an_interrupted_run_goes_on_without_training_again(audited, tiny, tmp_path):
    _, whole = audited
    path = tmp_path / "r.jsonl"
    job = {"model": str(tiny / "model.pt"), "data": tiny / "data.yaml", "records": path}
    with pytest.raises(KeyboardInterrupt):
        run_questions([(QUESTION, TWO)], Job(**job), None, Stops("uniform 2"))
    watched = Stops()
    run_questions([(QUESTION, TWO)], Job(**job, resume=True), None, watched)
    assert watched.titles == ["uniform 2", "peaked 2"]
    assert body(path) == body(whole)


def test_another_number_of_seeds_is_another_run(tiny, tmp_path):
    job = {"model": str(tiny / "model.pt"), "data": tiny / "data.yaml"}
    job["records"] = tmp_path / "r.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_questions([(QUESTION, TWO)], Job(**job), None, Stops(BOTH))
    one = SeedBaselineSettings(seeds=1)
    watched = Stops()
    run_questions([(QUESTION, one)], Job(**job, resume=True), None, watched)
    assert "settings.seeds is 2, but this run's is 1" in watched.said[0]
    assert tuple(watched.titles) == TRAINED


def test_models_of_the_recipe_are_kept_and_taken_again(audited, tiny, tmp_path):
    _, whole = audited
    job = {"model": str(tiny / "model.pt"), "data": tiny / "data.yaml", "models": tmp_path / "k"}
    path = tmp_path / "r.jsonl"
    run_questions([(QUESTION, TWO)], Job(**job, records=path), None, Silent())
    assert body(path) == body(whole)
    names = sorted(p.name for p in (tmp_path / "k").iterdir())
    assert names == ["seed1.pt", "seed2.pt"]
    kept = load_trained(tmp_path / "k" / "seed2.pt")
    base = load_trained(tiny / "model.pt")
    facts = kept.training
    assert (facts["kept"], facts["seed"]) == ("seed-baseline", 2)
    assert facts["base_sha256"] == sha256_file(tiny / "model.pt")
    assert facts["schedule"]["epochs"] == base.config.training.epochs
    assert "seed" not in facts["schedule"]
    assert len(facts["data_sha256"]) == 2
    # The records are those of the kept model, which is not trained again.
    path.unlink()
    watched = Stops()
    job |= {"records": path, "resume": True}
    run_questions([(QUESTION, TWO)], Job(**job), None, watched)
    assert not [title for title in watched.titles if title.startswith("seed")]
    assert sorted(watched.titles) == sorted(f"{a} {k}" for a in CONVERGED for k in (1, 2))
    assert body(path) == body(whole)


def test_kept_models_of_another_training_are_not_taken(tiny, tmp_path):
    job = {"model": str(tiny / "model.pt"), "data": tiny / "data.yaml", "models": tmp_path}
    one = SeedBaselineSettings(seeds=1)
    with pytest.raises(KeyboardInterrupt):
        run_questions([(QUESTION, one)], Job(**job), None, Stops("uniform 1"))
    kept = load_trained(tmp_path / "seed1.pt")
    changed = {**kept.training, "digest": "of another training"}
    Checkpoint(kept.model, ReadingSettings(), kept.config, changed).save(tmp_path / "seed1.pt")
    watched = Stops("uniform 1")
    with pytest.raises(KeyboardInterrupt):
        run_questions([(QUESTION, one)], Job(**job, resume=True), None, watched)
    assert watched.titles == [BOTH]
    # Without --resume a model is trained, whatever stands there.
    watched = Stops("uniform 1")
    with pytest.raises(KeyboardInterrupt):
        run_questions([(QUESTION, one)], Job(**job), None, watched)
    assert watched.titles == [BOTH]


def test_kept_models_of_another_audited_model_are_not_lost(tiny, tmp_path):
    kept = load_trained(tiny / "model.pt")
    place = tmp_path / "seed7.pt"
    Checkpoint(kept.model, ReadingSettings(), kept.config, {"base_sha256": "x"}).save(place)
    job = {"model": str(tiny / "model.pt"), "data": tiny / "data.yaml", "models": tmp_path}
    with pytest.raises(OutputError) as caught:
        run_questions([(QUESTION, TWO)], Job(**job), None, Silent())
    assert caught.value.what == "contains models that were trained for another audited model"
    assert "--keep" in caught.value.hint
    assert place.exists()
    with pytest.raises(KeyboardInterrupt):  # a suite clears its own folder
        run_questions([(QUESTION, TWO)], Job(**job, reuse=True), None, Stops(BOTH))
    assert not place.exists()


def test_models_on_shuffled_labels_on_request(tiny, tmp_path):
    path = tmp_path / "r.jsonl"
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml", records=path)
    asked = SeedBaselineSettings(seeds=1, permuted_labels=True)
    watched = Stops()
    report = run_questions([(QUESTION, asked)], job, None, watched)
    assert tuple(watched.titles) == (*TRAINED, "permuted 1")
    records = of_model(path, model="permuted", split="test")
    mean = np.mean([r["jsd"] for r in records])
    assert report.metrics["seed_baseline.permuted_jsd.mean"].value == pytest.approx(mean)
    assert len(records) == 30


def test_models_with_random_attention_on_request(tiny, tmp_path):
    path = tmp_path / "r.jsonl"
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml", records=path)
    asked = SeedBaselineSettings(seeds=1, random_attention=True)
    watched = Stops()
    report = run_questions([(QUESTION, asked)], job, None, watched)
    assert tuple(watched.titles) == (*TRAINED, "random 1", "reordered 1")
    bases = of_model(path, model="base", split="test")
    drawn = of_model(path, attention="random", split="test")
    moved = of_model(path, attention="reordered", split="test")
    assert len(bases) == len(drawn) == len(moved) == 30
    assert len({tuple(record["attention"]) for record in drawn}) == 30
    assert all(sum(record["attention"]) == pytest.approx(1) for record in drawn + moved)
    for name in ("random", "reordered"):
        score = report.metrics[f"necessity.{name}_score.mean"].value
        learned = report.metrics["necessity.learned_score.mean"].value
        assert report.metrics[f"necessity.{name}_gap"].value == pytest.approx(learned - score)
    assert combine([path]).report.metrics == report.metrics
    shown = [row[0] for row in report.tables["controls"].rows]
    assert shown.index("score with random weights") < shown.index(
        "score with learned weights in a random order"
    )


def test_scores_of_random_attention_stand_beside_uniform_attention():
    none = (0.0,) * 4
    more = [
        *converged("random", 1, (0, 1, 1, 0), none, none),
        *converged("random", 2, GOLD, none, none),
        *converged("reordered", 1, (0, 1, 1, 0), none, none),
    ]
    summary = summarise([*known(), *more], TWO, LABELS)
    found = {name: m.value for name, m in summary.metrics.items()}
    assert found["necessity.random_score.mean"] == pytest.approx((0.5 + 1) / 2)
    assert found["necessity.random_gap"] == pytest.approx((0.5 - 0.5) / 2)
    assert found["necessity.reordered_gap"] == pytest.approx(0.5)  # of the one seed of both
    for shared in set(found) & set(values(known())):
        assert found[shared] == values(known())[shared]  # they move no other figure
    table = summary.tables["seed_baseline.scores"]
    assert "learned minus random order" in [row[0] for row in table.rows]
    assert any("drawn at random" in note for note in table.notes)
    plain = summarise(known(), TWO, LABELS).tables["seed_baseline.scores"]
    assert not any("random order" in str(row[0]) for row in plain.rows)
    assert "random" in [row[0] for row in summary.tables["seed_baseline.trainings"].rows]


def test_where_the_rate_changes_a_seed_and_its_learned_twin_are_trained_apart():
    runs = [{"model": "seed", "seed": 1}]
    runs += [{"model": "converged", "attention": a, "seed": 1} for a in CONVERGED]
    for constant, count in ((True, 3), (False, 4)):
        retraining = SimpleNamespace(schedule=SimpleNamespace(constant=constant))
        assert len(together(retraining, runs)) == count
    alone = [runs[0], *runs[2:]]  # the learned one is there already
    assert together(SimpleNamespace(schedule=Schedule()), alone) == alone


def test_twins_that_diverge_together_are_tried_one_by_one(tiny, tmp_path, monkeypatch):
    def diverges(*args):
        raise DivergedError("training diverged")

    job = {"model": str(tiny / "model.pt"), "data": tiny / "data.yaml"}
    one, watched = SeedBaselineSettings(seeds=1), Stops()
    run_questions([(QUESTION, one)], Job(**job, records=tmp_path / "a.jsonl"), None, Silent())
    monkeypatch.setattr(Retraining, "learn_and_converge", diverges)
    run_questions([(QUESTION, one)], Job(**job, records=tmp_path / "b.jsonl"), None, watched)
    assert watched.titles == ["seed 1", "learned 1", "uniform 1", "peaked 1"]
    assert body(tmp_path / "a.jsonl") == body(tmp_path / "b.jsonl")  # the same bits


def test_the_audited_model_answers_once_for_all_models(tiny, monkeypatch):
    asked, real = [], recording.answer

    def answer(model, batch, *args):
        asked.append(model)
        return real(model, batch, *args)

    monkeypatch.setattr(recording, "answer", answer)
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml")
    run_questions([(QUESTION, TWO)], job, None, Silent())
    base = asked[0]  # whose own records come first
    its = sum(model is base for model in asked)
    trained = len(asked) - its
    assert trained % 8 == 0  # four models of each seed
    assert its == 2 * trained // 8  # once for its own records, once for those of all others


def test_a_training_that_diverges_is_recorded_and_the_others_go_on(tiny, tmp_path, monkeypatch):
    learn = Retraining.converge

    def converge(self, model, seed, observer, title, view):
        if title == "peaked 1":
            raise DivergedError("training diverged")
        return learn(self, model, seed, observer, title, view)

    monkeypatch.setattr(Retraining, "converge", converge)
    path = tmp_path / "r.jsonl"
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml", records=path)
    watched = Stops()
    report = run_questions([(QUESTION, SeedBaselineSettings(seeds=1))], job, None, watched)
    assert watched.said == ["peaked 1: the training diverged"]
    found = of_model(path, attention="peaked")
    assert [(r["run"]["split"], r["diverged"]) for r in found] == [("dev", True), ("test", True)]
    assert report.metrics["necessity.peaked_gap"].value is None
    assert report.metrics["necessity.score_gap"].value is not None
    again = combine([path]).report  # such records are read again
    assert again.metrics == report.metrics
