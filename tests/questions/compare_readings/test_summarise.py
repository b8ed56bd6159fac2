from __future__ import annotations

import copy

import numpy as np
import pytest
from scipy.stats import ttest_rel

from attnaudit.errors import InputError
from attnaudit.measures.sample import Sample
from attnaudit.questions.compare_readings import QUESTION
from attnaudit.questions.compare_readings.beside import BESIDE
from attnaudit.questions.compare_readings.figures import figures
from attnaudit.questions.compare_readings.order import best_first, differences
from attnaudit.questions.compare_readings.settings import (
    CompareReadingsSettings,
    check_operators,
    check_readings,
)
from attnaudit.questions.compare_readings.summarise import summarise
from attnaudit.records.fields import check

LABELS = ("bad", "good")
NAMES = ("mean", "max", "leave_one_out", "random")
SETTINGS = {
    "readings": ("mean", "max"),
    "measures": ("leave_one_out", "random"),
    "operators": ("delete", "weight"),
}
# The comprehensiveness of each ranking, on average.
LEVELS = {"mean": 0.3, "max": 0.301, "leave_one_out": 0.6, "random": 0.1}


def record(row, **change):
    generator = np.random.default_rng(row)
    level = {n: LEVELS[n] + 0.05 * generator.normal() for n in NAMES}
    by_kind = {
        "comprehensiveness": {n: [level[n]] * 5 for n in NAMES},
        "sufficiency": {n: [0.5 - level[n]] * 5 for n in NAMES},
    }
    made = {
        "row": row,
        "id": f"text {row}",
        "gold": row % 2,
        "predicted": row % 2,
        "probs": [0.9, 0.1] if row % 2 == 0 else [0.1, 0.9],
        "words": 2,
        "outside": 0.0,
        "attention": [0.75, 0.25],
        "erased": {o: copy.deepcopy(by_kind) for o in ("delete", "weight")},
        "path": {
            "operator": "weight",
            "flip_fraction": {"mean": 0.5, "max": None, "leave_one_out": 0.5, "random": 1.0},
            "aopc": {"mean": 0.25, "max": 0.1, "leave_one_out": 0.5, "random": 0.0},
            "least": 0.0,
            "greatest": 0.5,
            "exact": True,
        },
        "soft": {
            "nothing": 0.4,
            "soft": {
                "comprehensiveness": {n: 0.5 * level[n] for n in NAMES} | {"max": None},
                "sufficiency": dict.fromkeys(NAMES, 0.1) | {"max": None},
            },
            "even": {
                "comprehensiveness": {"mean": 0.1, "max": 0.5, "leave_one_out": 0.2, "random": -1},
                "sufficiency": {"mean": 0.1, "max": 0.5, "leave_one_out": 0.2, "random": -1},
            },
        },
        "tau": {"mean": 1.0, "max": 0.0, "random": None},
        "plausibility": None,
        "scores": {n: [0.75, 0.25] for n in NAMES},
        "signs": {"leave_one_out": [1, -1]},
        "undefined": {},
    }
    return {**made, **change}


def summary(records, **settings):
    return summarise(copy.deepcopy(records), CompareReadingsSettings(**SETTINGS | settings), LABELS)


def value(found, name):
    return found.metrics[f"compare_readings.{name}"].value


def without(made, name):
    """A record of a text that a ranking is undefined for."""
    made = copy.deepcopy(made)
    for by_kind in made["erased"].values():
        for by_name in by_kind.values():
            del by_name[name]
    for way in ("soft", "even"):
        for by_name in made["soft"][way].values():
            del by_name[name]
    for part in (made["path"]["flip_fraction"], made["path"]["aopc"], made["scores"], made["tau"]):
        del part[name]
    return {**made, "undefined": {name: "0 for every word"}}


def test_figures_are_means_over_texts():
    texts = [record(row) for row in range(40)]
    found = summary(texts)
    mean = np.mean([t["erased"]["delete"]["comprehensiveness"]["mean"][0] for t in texts])
    assert value(found, "delete.comprehensiveness.mean") == pytest.approx(mean)
    assert value(found, "delete.sufficiency.mean") == pytest.approx(0.5 - mean)
    assert value(found, "weight.flip_fraction.mean") == 0.5
    assert value(found, "weight.flip_fraction.max") == 1.0  # it never flips
    expected = {"mean": 0.5, "max": 0.2, "leave_one_out": 1.0, "random": 0.0}
    assert {n: value(found, f"weight.naopc.{n}") for n in NAMES} == pytest.approx(expected)
    assert value(found, "weight.range") == 0.5
    assert value(found, "tau.mean") == 1.0
    assert found.metrics["compare_readings.tau.random"].undefined == 40
    gained = value(found, "delete.comprehensiveness.leave_one_out") - mean
    assert value(found, "delete.gain.leave_one_out") == pytest.approx(gained)
    names = set(found.metrics)
    assert "compare_readings.delete.gain.mean" not in names
    assert "compare_readings.tau.leave_one_out" not in names
    assert "compare_readings.token_f1.mean" not in names
    assert "compare_readings.plausibility" not in found.tables


def test_soft_scores_are_shares_of_what_erasing_everything_does():
    texts = [record(row) for row in range(40)]
    found = summary(texts)
    assert value(found, "even.normalised_comprehensiveness.mean") == pytest.approx(0.25)
    assert value(found, "even.normalised_comprehensiveness.max") == 1.0
    assert value(found, "even.normalised_sufficiency.leave_one_out") == pytest.approx(0.5)
    assert value(found, "even.normalised_sufficiency.random") == 1.0  # it only gets surer
    assert value(found, "soft.normalised_sufficiency.mean") == pytest.approx(0.75)
    assert found.metrics["compare_readings.soft.normalised_sufficiency.max"].undefined == 40
    rows = {row["ranking"]: row for row in found.rows("compare_readings.soft")}
    assert rows["mean"]["even NC"] == pytest.approx(0.25)
    assert rows["max"]["soft NS"] is None
    texts[0]["soft"]["nothing"] = 0.0  # as sure without any word
    again = summary(texts).metrics["compare_readings.even.normalised_sufficiency.mean"]
    assert (again.n, again.undefined) == (39, 1)
    for text in texts:
        text["soft"] = None
    bare = summary(texts, draws=0)
    assert "compare_readings.soft" not in bare.tables
    assert not any("normalised" in name for name in bare.metrics)


def test_the_order_marks_what_is_not_told_apart():
    texts = [record(row) for row in range(60)]
    rows = list(summary(texts).rows("compare_readings.order"))
    assert rows[0]["ranking"] == "leave_one_out"
    assert rows[-1]["ranking"] == "random"
    verdicts = {row["ranking"]: row["verdict"] for row in rows}
    assert verdicts["leave_one_out"] == "first"
    assert verdicts["mean"] == verdicts["max"] == "worse"
    assert verdicts["random"] == "floor, worse"
    alone = summary(texts, measures=("random",))
    verdicts = {row["ranking"]: row["verdict"] for row in alone.rows("compare_readings.order")}
    assert sorted((verdicts["mean"], verdicts["max"])) == ["first", "not told apart"]


def test_a_lower_score_can_be_the_better_one():
    table = summary([record(row) for row in range(60)], score="sufficiency").tables
    order = table["compare_readings.order"]
    assert order.rows[0][0] == "leave_one_out"
    place = order.columns.index("to first")
    differences = {row[0]: row[place] for row in order.rows}
    assert differences["mean"] > 0.2  # in the units of the score
    assert "Lower is better" in order.notes[0]


def test_random_is_never_the_first():
    texts = [record(row) for row in range(40)]
    for text in texts:
        text["erased"]["delete"]["comprehensiveness"]["random"] = [0.9] * 5
    rows = list(summary(texts).rows("compare_readings.order"))
    assert [row["ranking"] for row in rows[:2]] == ["random", "leave_one_out"]
    assert [row["verdict"] for row in rows[:2]] == ["floor, better", "first"]


def test_differences_are_paired_and_corrected():
    generator = np.random.default_rng(0)
    level = generator.normal(size=80) * 5  # of texts: far more than rankings differ
    scores = {
        "one": level + 0.2,
        "two": level + 0.1 * generator.normal(size=80),
        "same": level + 0.2 + 0.1 * generator.normal(size=80),
        "empty": np.full(80, np.nan),
    }
    found = differences(scores, "one", Sample(80))
    assert found["two"].told_apart
    assert found["two"].value == pytest.approx(-0.2, abs=0.05)
    assert found["two"].low < found["two"].value < found["two"].high < 0
    assert not found["same"].told_apart
    assert found["empty"].p is None
    plain = ttest_rel(scores["two"], scores["one"])
    assert found["two"].p == pytest.approx(2 * plain.pvalue)  # two comparisons were made
    ends = plain.confidence_interval()
    assert (found["two"].low, found["two"].high) == pytest.approx((ends.low, ends.high))


def test_whichever_is_chosen_as_the_first_chance_alone_tells_few_apart():
    """Rankings that are all alike: the best of ten looks better than the worst one."""
    generator = np.random.default_rng(1)
    wrong = {True: 0, False: 0}
    for _ in range(200):
        scores = {f"r{k}": generator.normal(size=40) for k in range(10)}
        first = max(scores, key=lambda name: scores[name].mean())
        for chosen in wrong:
            found = differences(scores, first, Sample(40), chosen).values()
            wrong[chosen] += any(one.told_apart for one in found)
    assert wrong[True] <= 18  # of 200: 5 % are 10, and three standard deviations 9
    assert wrong[False] > wrong[True] + 5  # what the choice costs


def test_of_groups_and_of_a_few_texts():
    generator = np.random.default_rng(2)
    shift = np.repeat(generator.normal(size=8), 10)  # the texts of a group are alike
    scores = {"one": np.zeros(80), "two": 0.3 + shift}
    groups = Sample(80, np.repeat(np.arange(8), 10))
    alone, grouped = (differences(scores, "one", s)["two"] for s in (Sample(80), groups))
    assert grouped.p > 2 * alone.p
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    few = {"one": np.zeros(4), "two": np.full(4, 0.5)}
    assert differences(few, "one", Sample(4))["two"].p == 1 / 8  # of signs: 2 in 16
    assert differences(few, "one", Sample(4, [0, 0, 0, 0]))["two"].p is None


def test_the_best_comes_first_and_the_unknown_last():
    means = {"a": 0.1, "b": None, "c": 0.3}
    assert best_first(means, lower=False) == ["c", "a", "b"]
    assert best_first(means, lower=True) == ["a", "c", "b"]


def test_what_is_undefined_is_counted_and_left_out():
    texts = [record(row) for row in range(10)] + [without(record(10), "max")]
    for text in texts:
        check(text, QUESTION.kind, None, None)
    found = summary(texts, not_read={"rollout": "this model shows one layer"})
    figure = found.metrics["compare_readings.delete.comprehensiveness.max"]
    assert (figure.n, figure.undefined) == (10, 1)
    rows = {row["ranking"]: row for row in found.rows("compare_readings.left_out")}
    assert rows["rollout"]["reason"] == "this model shows one layer"
    assert (rows["max"]["reason"], rows["max"]["texts"]) == ("texts with 0 for every word", 1)


def test_long_and_searched_texts_are_told():
    long = record(0, words=50, attention=[0.02] * 50, scores={n: [0.02] * 50 for n in NAMES})
    long["path"] = {**long["path"], "least": None, "greatest": None, "exact": None}
    searched = record(1, words=20, attention=[0.05] * 20)
    found = summary([long, searched, record(2)])
    notes = " ".join(found.notes)
    assert "1 of 3 texts have more than 40 words, and no NAOPC" in notes
    assert "In 1 of 3 texts, of more than 12 words, a search found" in notes
    assert found.metrics["compare_readings.weight.naopc.mean"].n == 2


def test_where_no_order_matters_there_is_no_place_between():
    flat = record(0)
    flat["path"] = {**flat["path"], "aopc": dict.fromkeys(NAMES, 0.2), "least": 0.2}
    flat["path"]["greatest"] = 0.2
    found = summary([flat, record(1)])
    assert found.metrics["compare_readings.weight.naopc.mean"].undefined == 1
    assert value(found, "weight.range") == pytest.approx(0.25)


def test_agreement_with_people_has_a_table_of_its_own():
    agreement = {"token_f1": 0.5, "iou_f1": 0.5, "auprc": 0.75, "auprc_trapezoidal": 0.7}
    marked = [record(row, plausibility=dict.fromkeys(NAMES, agreement)) for row in range(3)]
    found = summary([*marked, record(3)])
    rows = list(found.rows("compare_readings.plausibility"))
    assert [row["token F1"] for row in rows] == [0.5] * 4
    assert "1 of 4 texts have no human rationale" in " ".join(found.notes)


def test_figures_are_one_for_each_operator_best_first():
    drawn = figures({"compare-readings": summary([record(row) for row in range(30)])}, LABELS)
    assert [one.title for one in drawn] == [
        "Comprehensiveness of the rankings (delete)",
        "Comprehensiveness of the rankings (weight)",
    ]
    assert drawn[0].numbers.rows[0][0] == "leave_one_out"
    assert "random ranking" in drawn[0].svg


def test_all_rankings_of_a_text_stand_beside_each_other():
    one = record(0)
    rows = {row.name: row.weights for row in BESIDE.every(one)}
    assert rows["mean"] == [0.75, 0.25]
    assert rows["leave one out"] == [0.75, -0.25]
    assert BESIDE.rows(one) == []
    shown = dict(BESIDE.figures(one)["mean"])
    assert shown["weight flips"] == 0.5
    assert shown["weight NAOPC"] == 0.5
    mean = one["erased"]["delete"]["comprehensiveness"]["mean"][0]
    assert shown["delete compr."] == pytest.approx(mean)
    assert "weight flips" not in dict(BESIDE.figures(one)["max"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scores": {"mean": [0.5, 0.5]}}, "is not of the rankings that have scores"),
        ({"tau": {"mean": 1.0}}, "tau is not of the rankings"),
        ({"signs": {"mean": [1]}}, "signs.mean has 1 numbers for 2 words"),
    ],
)
def test_records_that_contradict_themselves_are_refused(change, says):
    check(record(0), QUESTION.kind, None, None)
    with pytest.raises(InputError, match=says):
        check(record(0, **change), QUESTION.kind, None, None)


def test_a_path_must_lie_between_its_ends():
    bad = record(0)
    bad["path"]["aopc"]["mean"] = 0.7
    with pytest.raises(InputError, match=r"path\.aopc\.mean lies outside"):
        check(bad, QUESTION.kind, None, None)
    bad["path"] = {**bad["path"], "least": None}
    with pytest.raises(InputError, match="one end without the other"):
        check(bad, QUESTION.kind, None, None)


def test_names_are_put_in_order_and_checked():
    assert check_readings(["head2", "max", "mean"]) == ("mean", "max", "head2")
    assert check_readings(["all", "head0"]) == ("all", "head0")
    with pytest.raises(InputError, match="all goes with heads only"):
        check_readings(["all", "mean"])
    with pytest.raises(InputError, match="unknown reading 'meen'"):
        check_readings(["meen"])
    assert check_operators(["weight", "delete", "weight"]) == ("weight", "delete")
    with pytest.raises(InputError, match="unknown operator 'blur'"):
        check_operators(["blur"])
