from __future__ import annotations

import math

import numpy as np
import pytest

from attnaudit.execution.observer import Silent
from attnaudit.questions.seed_baseline import QUESTION
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


def known(**more):
    """Two seeds, one as good as the audited model and one not; uniform attention is as good."""
    base = of_run({"model": "base"}, (0, 0, 1, 1), **more)
    return [
        *base,
        *model("seed", 1, (0, 0, 1, 1), (0.1, 0.2, 0.3, 0.4), (0.0, 0.0, 0.2, 0.2), **more),
        *model("uniform", 1, (0, 0, 1, 1), (0.5,) * 4, (0.1,) * 4, **more),
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
    assert found["seed_baseline.uniform_f1.mean"] == pytest.approx((1 + 0.8) / 2)
    assert found["seed_baseline.uniform_jsd.mean"] == pytest.approx(0.6)
    assert found["necessity.f1_gap"] == pytest.approx((0 + 0.5 - 0.8) / 2)
    assert found["model.accuracy"] == 1


def test_three_seeds_have_another_median_than_mean():
    third = [
        *model("seed", 3, GOLD, (0.0,) * 4, (0.0,) * 4),
        *model("uniform", 3, GOLD, (0.0,) * 4, (0.0,) * 4),
    ]
    found = values([*known(), *third])
    assert found["seed_baseline.jsd.median_over_seeds"] == pytest.approx((0.1 + 0 + 0.1 + 0.4) / 4)
    assert found["seed_baseline.jsd.mean_over_seeds"] == pytest.approx(2.0 / 12)


def test_the_order_of_the_runs_does_not_matter():
    records = known()
    turned = [r for k in (4, 3, 2, 1, 0) for r in records[4 * k : 4 * k + 4]]
    assert values(turned) == pytest.approx(values(records))


def test_only_the_audited_split_counts():
    dev = [
        *of_run({"model": "base"}, (1, 1, 0, 0), split="dev"),
        *model("seed", 1, (1, 1, 0, 0), (0.6,) * 4, (0.9,) * 4, split="dev"),
        *model("uniform", 1, (1, 1, 0, 0), (0.6,) * 4, (0.9,) * 4, split="dev"),
    ]
    assert values([*dev, *known()]) == values(known())
    alone = values(dev, SeedBaselineSettings(seeds=1))
    assert alone["seed_baseline.jsd.mean_over_seeds"] == pytest.approx(0.6)
    assert alone["model.accuracy"] == 0


def test_one_seed_gives_figures_without_the_intervals_of_seeds():
    summary = summarise(known()[:12], SeedBaselineSettings(seeds=1), LABELS)
    gap = summary.metrics["necessity.f1_gap"]
    assert (gap.value, gap.ci_low) == (0, None)
    assert "one seed" in gap.reason
    spread = summary.metrics["seed_baseline.f1.std"]
    assert (spread.value, spread.undefined) == (None, 4)
    assert "one seed" in spread.reason


def test_intervals_hold_their_value_and_groups_widen_them():
    summary = summarise(known(), TWO, LABELS)
    for name in ("necessity.f1_gap", "seed_baseline.tvd.mean", "seed_baseline.flips"):
        figure = summary.metrics[name]
        assert figure.ci_low < figure.value < figure.ci_high
        assert figure.n == 4
    spec = {name: find(name).range for name in summary.metrics}
    for name, figure in summary.metrics.items():  # even where two seeds tell next to nothing
        if figure.ci_low is not None:
            low, high = spec[name]
            assert low <= figure.ci_low <= figure.ci_high <= high, name
    together = summarise(known(group="g"), TWO, LABELS).metrics["necessity.f1_gap"]
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
    assert each.rows[0][4:] == [None] * 4  # of the audited model to itself
    assert [row[0] for row in each.rows] == [
        "audited",
        "seed 1",
        "seed 2",
        "uniform 1",
        "uniform 2",
    ]
    assert each.rows[2][1:4] == pytest.approx([0.5, 0.5, 0.5])


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
    assert all(len(r) == 7 for r in summary.tables["seed_baseline.runs"].rows)


def test_bins_are_by_class_and_largest_weight_of_the_audited_model():
    records = known()
    for record, largest in zip(records[:4], (0.25, 0.9, 0.74, 1.0), strict=True):
        record["attention"] = [largest, *[(1 - largest) / 4] * 4]
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


@pytest.mark.parametrize("cut", [slice(0, 8), slice(4, 20), slice(0, 19), slice(0, 0)])
def test_missing_records_are_noticed(cut):
    with pytest.raises(ValueError, match=r"seeds|missing|no record"):
        summarise(known()[cut], TWO, LABELS)


def test_columns_have_the_metrics_as_their_means():
    summary = summarise(known(), TWO, LABELS)
    for name, column in summary.columns.values.items():
        assert float(np.mean(column)) == pytest.approx(summary.metrics[name].value), name


def controlled():
    """The known records, with controls in those of the audited model."""
    records = known()
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
        ["erasing all content at the audited row", pytest.approx(0.3), 0.25],
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
    assert wanted == {n for n in found if not n.startswith("model.")}


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
    assert report.metrics["necessity.f1_gap"].n == 30


def test_runs_are_told_apart_and_cover_both_splits(audited):
    _, path = audited
    runs = list(dict.fromkeys(tuple(r["run"].items()) for r in read_records(path)[1]))
    kinds = [{"model": "base"}]
    kinds += [{"model": m, "seed": s} for s in (1, 2) for m in ("seed", "uniform")]
    assert [dict(run) for run in runs] == [
        {**kind, "split": split} for kind in kinds for split in ("dev", "test")
    ]


def test_the_audited_model_is_controlled_in_the_records(audited):
    report, path = audited
    for record in read_records(path)[1]:
        base = record["run"]["model"] == "base"
        assert record.get("controls", {}).keys() == ({"bypassed", "erased"} if base else set())
    assert report.metrics["seed_baseline.control.erased.tvd.mean"].n == 30


def test_uniform_attention_is_uniform_in_the_records(audited):
    _, path = audited
    uniform = [r for r in read_records(path)[1] if r["run"]["model"] == "uniform"]
    for record in uniform:
        assert record["attention"] == pytest.approx([1 / record["words"]] * record["words"])


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
        run_questions([(QUESTION, TWO)], Job(**job), None, Stops("seed 2"))
    watched = Stops()
    run_questions([(QUESTION, TWO)], Job(**job, resume=True), None, watched)
    assert watched.titles == ["seed 2", "uniform 2"]
    assert body(path) == body(whole)


def test_another_number_of_seeds_is_another_run(tiny, tmp_path):
    job = {"model": str(tiny / "model.pt"), "data": tiny / "data.yaml"}
    job["records"] = tmp_path / "r.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_questions([(QUESTION, TWO)], Job(**job), None, Stops("seed 1"))
    three = SeedBaselineSettings(seeds=3)
    watched = Stops()
    run_questions([(QUESTION, three)], Job(**job, resume=True), None, watched)
    assert "settings.seeds is 2, this run's 3" in watched.said[0]
    assert len(watched.titles) == 6
