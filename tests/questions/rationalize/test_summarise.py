"""What records say, worked by hand."""

from __future__ import annotations

import pytest

from attnaudit.errors import InputError
from attnaudit.measures.summary import Summary
from attnaudit.questions.rationalize import QUESTION
from attnaudit.questions.rationalize.figures import figures
from attnaudit.questions.rationalize.settings import RationalizeSettings, read_by
from attnaudit.questions.rationalize.summarise import summarise
from attnaudit.records.fields import check
from attnaudit.report.registry import find

LABELS = ("bad", "good")
GOLD = (0, 0, 1, 1)
GOOD, HALF, NONE = GOLD, (0, 1, 1, 0), (1, 1, 0, 0)  # macro-F1 1, .5 and 0
SETTINGS = RationalizeSettings(by=("mean", "gradient"), seeds=2)
MARKS = {"token_f1": 0.5, "iou_f1": 0.0, "auprc": 0.4, "auprc_trapezoidal": 0.3}
SAID = {
    ("text", None): (GOOD, GOOD),
    ("random", None): (NONE, HALF),
    ("rationale", "mean"): (GOOD, HALF),
    ("positions", "mean"): (HALF, HALF),
    ("rationale", "gradient"): (HALF, NONE),
    ("positions", "gradient"): (NONE, NONE),
}


def of_run(run, predicted, split="test", **more):
    return [
        {
            "run": {**run, "split": split},
            "row": row,
            "id": str(row),
            "gold": gold,
            "predicted": said,
            "probs": [0.1, 0.9] if said else [0.9, 0.1],
            "words": 4,
            "outside": 0.0,
            "attention": [0.25] * 4,
            **more,
        }
        for row, (gold, said) in enumerate(zip(GOLD, predicted, strict=True))
    ]


def known(said=SAID, scores=(0.1, 0.2, 0.3, 0.4)):
    rationale = {"chosen": [3], "scores": None if scores is None else list(scores)}
    told = {"mean": rationale, "gradient": rationale, "random": {"chosen": [0]}}
    records = of_run({"model": "base"}, GOOD, rationales=told)
    for one in told.values():
        records[1]["rationales"] = {n: {**one, "agreement": MARKS} for n, one in told.items()}
    for (sees, by), each in said.items():
        for seed, predicted in enumerate(each, start=1):
            run = {"sees": sees, **({"by": by} if by else {}), "seed": seed}
            records += of_run(run, predicted, jsd=0.0, tvd=0.0)
    return records


def test_summary_of_known_records():
    summary = summarise(known(), SETTINGS, LABELS)
    found = {n: m.value for n, m in summary.metrics.items() if n.startswith("rationalize.")}
    people = {
        f"rationalize.{name}.{figure}": value
        for name in ("mean", "gradient", "random")
        for figure, value in MARKS.items()
    }
    guess = 1 / 2  # a class at random; a constant answer has 1/3
    assert found == pytest.approx(
        {
            "rationalize.full.score": 1.0,
            "rationalize.random.score": 0.25,
            "rationalize.mean.score": 0.75,
            "rationalize.mean.positions_score": 0.5,
            "rationalize.gradient.score": 0.25,
            "rationalize.gradient.positions_score": 0.0,
            "rationalize.mean-full.score_gap": -0.25,
            "rationalize.mean-random.score_gap": 0.5,
            "rationalize.mean-positions.score_gap": 0.25,
            "rationalize.mean.leak_gap": 0.5 - guess,
            "rationalize.gradient-full.score_gap": -0.75,
            "rationalize.gradient-random.score_gap": 0.0,
            "rationalize.gradient-positions.score_gap": 0.25,
            "rationalize.gradient.leak_gap": -guess,
            "rationalize.length.mean": 0.25,
            **people,
        }
    )
    assert summary.metrics["rationalize.mean.token_f1"].undefined == 3  # nobody marked words
    scores = summary.tables["rationalize.scores"]
    assert [row[:2] for row in scores.rows] == [
        ["the full text", 1.0],
        ["rationales by attention (mean)", 0.75],
        ["only the places chosen by attention (mean)", 0.5],
        ["rationales by gradient", 0.25],
        ["only the places chosen by gradient", 0.0],
        ["random words", 0.25],
    ]
    notes = " ".join(scores.notes)
    assert "depends on its words, and on no other word" in notes
    assert "does not mean that we know why these words were chosen" in notes
    assert "0.2 of the words, rounded up" in notes
    assert len(summary.tables["rationalize.runs"].rows) == 1 + 6 * 2
    assert len(summary.tables["rationalize.gaps"].rows) == 8
    assert len(summary.tables["rationalize.people"].rows) == 3
    assert all(find(name) for name in summary.metrics)


def test_gaps_are_paired_by_seed():
    """Kinds that go up and down together differ by a constant, whatever the seeds do."""
    said = {
        **SAID,
        ("random", None): (GOOD, NONE),
        ("rationale", "gradient"): (GOOD, NONE),
        ("positions", "gradient"): (NONE, GOOD),
    }
    metrics = summarise(known(said), SETTINGS, LABELS).metrics
    together, apart = (
        metrics[f"rationalize.gradient-{other}.score_gap"] for other in ("random", "positions")
    )
    assert together.value == apart.value == 0
    assert together.ci_high < 1  # other texts may tell the two apart
    assert apart.ci_high > 0.99


def test_without_marks_there_is_no_table_of_people():
    records = known()
    for one in records[1]["rationales"].values():
        del one["agreement"]
    summary = summarise(records, SETTINGS, LABELS)
    assert "rationalize.people" not in summary.tables
    assert not [name for name in summary.metrics if name.endswith("_f1")]


def test_undefined_scores_are_counted_and_told():
    summary = summarise(known(scores=None), SETTINGS, LABELS)
    assert summary.metrics["rationalize.mean.undefined"].value == 1
    assert any("The score mean is undefined for 100.0 % of the texts" in n for n in summary.notes)
    assert "rationalize.mean.undefined" not in summarise(known(), SETTINGS, LABELS).metrics


def test_missing_models_are_named():
    for (sees, by), each in SAID.items():
        some = {kind: said for kind, said in SAID.items() if kind != (sees, by)}
        with pytest.raises(ValueError, match=r"^models are missing: [^;]*, seed 1, 2$"):
            summarise(known(some), SETTINGS, LABELS)
        with pytest.raises(ValueError, match=r"^models are missing: [^;]*, seed 2$"):
            summarise(known({**SAID, (sees, by): each[:1]}), SETTINGS, LABELS)
    with pytest.raises(ValueError, match="there are no predictors"):
        summarise(known({}), SETTINGS, LABELS)


def test_trainings_that_diverged_are_left_out_and_named():
    kind = ("rationale", "mean")
    records = known({**SAID, kind: SAID[kind][:1]})
    run = {"sees": "rationale", "by": "mean", "seed": 2, "split": "test"}
    gone = {"run": run, "row": 0, "id": "0", "diverged": True}
    check(gone, QUESTION.kind, None, None)
    summary = summarise([*records, gone], SETTINGS, LABELS)
    assert summary.metrics["rationalize.mean.score"].value == 1.0
    assert summary.metrics["rationalize.mean-full.score_gap"].value == 0.0
    assert summary.metrics["rationalize.mean-random.score_gap"].value == 1.0  # of seed 1
    (note,) = [n for n in summary.notes if "diverged" in n]
    assert note.startswith("The training of rationales by attention (mean) with the seeds 2 ")


def test_all_trainings_of_a_kind_may_diverge():
    records = [r for r in known() if r["run"].get("sees") != "random"]
    for seed in (1, 2):
        run = {"sees": "random", "seed": seed, "split": "test"}
        records.append({"run": run, "row": 0, "id": "0", "diverged": True})
    metrics = summarise(records, SETTINGS, LABELS).metrics
    for name in ("random.score", "mean-random.score_gap"):
        figure = metrics[f"rationalize.{name}"]
        assert figure.value is None
        assert figure.reason == "no model of this kind was trained to its end"


def test_the_figures_show_every_kind():
    summary = summarise(known(), SETTINGS, LABELS)
    scores, gaps = figures({"rationalize": summary}, LABELS)
    assert [row[0] for row in scores.numbers.rows] == [
        *("support model", "full text", "mean", "mean: places"),
        *("gradient", "gradient: places", "random words"),
    ]
    assert [row[0] for row in gaps.numbers.rows][:4] == [
        *("mean over full text", "mean over random", "mean over its places"),
        "mean: places over guessing",
    ]
    assert figures({"rationalize": Summary()}, LABELS) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"chosen": []}, "chosen holds no words"),
        ({"chosen": [2, 1]}, "not in their order"),
        ({"chosen": [1, 1]}, "not in their order"),
        ({"chosen": [4]}, "the rationale mean has a word beyond the 4 words"),
        ({"scores": [0.5] * 3}, "the scores of mean has 3 numbers for 4 words"),
        ({"agreement": {"token_f1": 1.0}}, "agreement does not hold"),
        ({"agreement": {**MARKS, "iou_f1": 1.5}}, "agreement"),
    ],
)
def test_records_that_are_none_are_refused(change, says):
    record, *_ = known()
    check(record, QUESTION.kind, None, None)
    record["rationales"]["mean"] = {**record["rationales"]["mean"], **change}
    with pytest.raises(InputError, match=says):
        check(record, QUESTION.kind, None, None)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["random"], "--by random: random rationales of the same length are always there"),
        (["gradent"], "--by gradent: is no reading of the attention and no importance"),
        (["gradent"], "did you mean 'gradient'?"),
        ([f"head{k}" for k in range(21)], "21 names are given, more than 20"),
    ],
)
def test_scores_that_cannot_be_are_refused(given, says):
    with pytest.raises(InputError) as caught:
        read_by(given)
    assert says in str(caught.value)


def test_a_score_counts_once():
    assert read_by(["gradient", "head3", "gradient"]) == ("gradient", "head3")
    with pytest.raises(ValueError, match="is no reading of the attention and no importance"):
        RationalizeSettings(by=("nothing",))


def test_heatmaps_show_the_rationales():
    record, *_ = known()
    record["rationales"]["mean"] = {"chosen": [0, 3]}
    rows = QUESTION.beside.rows(record)
    assert [(row.name, list(row.weights)) for row in rows] == [
        ("rationales by attention (mean)", [0.5, 0, 0, 0.5]),
        ("rationales by gradient", [0, 0, 0, 1]),
    ]
    assert QUESTION.beside.rows({"words": 2}) == []
