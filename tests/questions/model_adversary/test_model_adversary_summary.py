from __future__ import annotations

import json
import math

import numpy as np
import pytest

from attnaudit.questions.model_adversary.settings import ModelSettings
from attnaudit.questions.model_adversary.summarise import summarise
from attnaudit.report.registry import require

LABELS = ("bad", "good")
SETTINGS = ModelSettings(lambdas=(0.01,))


def records_of(run, figures, split="test"):
    """Records of (gold, predicted, jsd, tvd), without the last two for the audited model."""
    made = []
    for row, (gold, predicted, *moved) in enumerate(figures):
        record = {
            "run": {**run, "split": split},
            "row": row,
            "id": str(row),
            "gold": gold,
            "predicted": predicted,
            "probs": [0.9, 0.1] if predicted == 0 else [0.1, 0.9],
            "words": 4,
            "outside": 0.0,
            "attention": [0.25] * 4,
        }
        if moved:
            record["jsd"], record["tvd"] = moved
        made.append(record)
    return made


def adversary(strength, seed, jsd, tvd, flip=(), n=40, split="test"):
    figures = [(r % 2, (r % 2) ^ (r in flip), jsd, tvd) for r in range(n)]
    return records_of({"lambda": strength, "seed": seed}, figures, split)


def base(n=40, split="test"):
    return records_of({"model": "base"}, [(r % 2, r % 2) for r in range(n)], split)


def diverged(strength, seed, split="test"):
    run = {"lambda": strength, "seed": seed, "split": split}
    return [{"run": run, "row": 0, "id": "0", "diverged": True}]


def values(summary):
    return {name: estimate.value for name, estimate in summary.metrics.items()}


def test_figures_are_means_over_seeds_and_instances():
    found = summarise(
        [
            *base(),
            *adversary(0.0, 1, 0.1, 0.01),
            *adversary(0.0, 2, 0.3, 0.03),
            *adversary(0.01, 1, 0.5, 0.1, flip=(1,)),
            *adversary(0.01, 2, 0.5, 0.3, flip=(1, 3, 4)),
        ],
        SETTINGS,
        LABELS,
    )
    figures = values(found)
    assert figures["adversary.model[lambda=0.0].jsd.mean"] == pytest.approx(0.2)
    assert figures["adversary.model[lambda=0.0].tvd.mean"] == pytest.approx(0.02)
    assert figures["adversary.model[lambda=0.0].flips"] == 0
    assert figures["adversary.model[lambda=0.0].f1"] == 1
    assert figures["adversary.model[lambda=0.01].tvd.mean"] == pytest.approx(0.2)
    assert figures["adversary.model[lambda=0.01].flips"] == pytest.approx((1 / 40 + 3 / 40) / 2)
    # Of 20 positives seed 1 misses one; seed 2 misses two and adds one.
    f1 = (2 * 19 / (2 * 19 + 1) + 2 * 18 / (2 * 18 + 2 + 1)) / 2
    assert figures["adversary.model[lambda=0.01].f1"] == pytest.approx(f1)
    assert figures["model.f1"] == 1
    # (0, 0), (.2, .02), (.5, .2)
    assert figures["adversary.model[jsd=0.2].tvd"] == pytest.approx(0.02)
    assert figures["adversary.model[jsd=0.3].tvd"] == pytest.approx(0.08)
    assert figures["adversary.model[jsd=0.4].tvd"] == pytest.approx(0.14)
    assert figures["adversary.model.area"] == pytest.approx(0.002 + 0.2 * (0.02 + 0.14) / 2)


def test_columns_are_what_the_means_are_of():
    found = summarise(
        [
            *base(),
            *adversary(0.0, 1, 0.1, 0.01),
            *adversary(0.01, 1, 0.5, 0.1, flip=(1,)),
        ],
        SETTINGS,
        LABELS,
    )
    assert found.columns is not None
    for name, column in found.columns.values.items():
        assert found.metrics[name].value == pytest.approx(column.mean())
    assert found.columns.values["adversary.model[lambda=0.01].flips"].tolist() == [
        float(r == 1) for r in range(40)
    ]


def test_only_the_audited_split_counts():
    test = [*base(), *adversary(0.0, 1, 0.1, 0.01), *adversary(0.01, 1, 0.5, 0.1)]
    dev = [
        *base(30, "dev"),
        *adversary(0.0, 1, 0.6, 0.9, n=30, split="dev"),
        *adversary(0.01, 1, 0.6, 0.9, n=30, split="dev"),
    ]
    assert values(summarise(dev + test, SETTINGS, LABELS)) == values(
        summarise(test, SETTINGS, LABELS)
    )
    alone = values(summarise(dev, SETTINGS, LABELS))  # --split dev
    assert alone["adversary.model[lambda=0.01].jsd.mean"] == pytest.approx(0.6)


def test_a_curve_that_ends_early_has_no_figures_beyond():
    found = summarise([*base(), *adversary(0.0, 1, 0.25, 0.05)], SETTINGS, LABELS)
    assert found.metrics["adversary.model[jsd=0.2].tvd"].value == pytest.approx(0.04)
    for name in ("adversary.model[jsd=0.3].tvd", "adversary.model.area"):
        estimate = found.metrics[name]
        assert estimate.value is None
        assert "largest mean is 0.250" in estimate.reason


def test_the_spread_of_seeds_enters_the_interval_of_the_curve():
    def area(other):
        rows = [
            *base(),
            *adversary(0.0, 1, 0.0, 0.0),
            *adversary(0.0, 2, 0.0, 0.0),
            *adversary(0.01, 1, 0.5, 0.2 - other),
            *adversary(0.01, 2, 0.5, 0.2 + other),
        ]
        return summarise(rows, SETTINGS, LABELS).metrics["adversary.model.area"]

    same, apart = area(0.0), area(0.05)
    assert same.value == pytest.approx(0.4 * 0.16 / 2)
    assert apart.value == pytest.approx(same.value)
    assert same.ci_low == pytest.approx(same.value)  # all instances and seeds are alike
    # The area is linear in the TVD here, so that the jackknife is the plain spread over seeds:
    # t with one degree of freedom passes 12.7 with a chance of .025. Ends m are where the distance
    # is that many deviations, whose square goes with m (.4 - m).
    spread = np.std([0.4 * 0.12 / 2, 0.4 * 0.2 / 2], ddof=1) / math.sqrt(2)
    for end in (apart.ci_low, apart.ci_high):
        narrower = end * (0.4 - end) / (apart.value * (0.4 - apart.value))
        there = (12.7062 * spread) ** 2 * narrower
        assert (end - apart.value) ** 2 == pytest.approx(there, rel=1e-4)


def test_a_diverged_training_leaves_no_figures_of_its_lambda():
    rows = [
        *base(),
        *adversary(0.0, 1, 0.1, 0.01),
        *adversary(0.0, 2, 0.1, 0.01),
        *adversary(0.01, 1, 0.5, 0.1),
        *diverged(0.01, 2),
        *diverged(5.0, 1),
        *diverged(5.0, 2),
    ]
    found = summarise(rows, SETTINGS, LABELS)
    for strength, count in (("0.01", 1), ("5.0", 2)):
        estimate = found.metrics[f"adversary.model[lambda={strength}].jsd.mean"]
        assert (estimate.value, estimate.n) == (None, 0)
        assert estimate.reason == f"the training diverged with {count} of 2 models"
    shown = {row[0]: row for row in found.tables["adversary.model"].rows}
    assert list(shown) == [
        "audited model",
        "imitators",
        "lambda 0.01 (diverged)",
        "lambda 5.0 (diverged)",
    ]
    assert set(shown["lambda 5.0 (diverged)"][3:]) == {None}
    assert found.metrics["adversary.model.area"].value is None
    json.dumps([row for t in found.tables.values() for row in t.rows], allow_nan=False)


def test_everything_diverged():
    found = summarise([*base(), *diverged(0.0, 1), *diverged(0.01, 1)], SETTINGS, LABELS)
    assert found.metrics["adversary.model.area"].reason == "every training diverged"
    assert found.metrics["model.accuracy"].value == 1


def test_the_authors_scale_is_half():
    rows = [*base(), *adversary(0.0, 1, 0.1, 0.01), *adversary(0.001, 1, 0.5, 0.1)]
    table = summarise(rows, SETTINGS, LABELS).tables["adversary.model"]
    last = dict(zip(table.columns, table.rows[-1], strict=True))
    assert last["authors' lambda"] == "0.0005"
    assert last["authors' TVD"] == pytest.approx(last["TVD"] / 2)
    assert last["models"] == 1
    three = summarise(rows, SETTINGS, (*LABELS, "else")).tables["adversary.model"]
    last = dict(zip(three.columns, three.rows[-1], strict=True))
    assert last["authors' TVD"] is None  # there is no such figure of theirs


def test_every_metric_is_registered():
    rows = [*base(), *adversary(0.0, 1, 0.1, 0.01), *adversary(1e-05, 1, 0.5, 0.1)]
    metrics = summarise(rows, SETTINGS, LABELS).metrics
    for name, estimate in metrics.items():
        low, high = require(name).range
        assert estimate.value is None or low <= estimate.value <= high
    assert require("adversary.model[lambda=1e-05].tvd.mean").direction == "higher"
    assert require("adversary.model[lambda=1e-05].jsd.mean").direction == "lower"


def test_other_records_are_no_adversaries():
    with pytest.raises(KeyError):
        summarise([*base(), *records_of({"guide": "leak", "seed": 1}, [(0, 0)])], SETTINGS, LABELS)


def test_no_interval_reaches_beyond_what_a_figure_can_be():
    """Two seeds far apart: Student's t with one degree of freedom spans more than the range."""
    found = summarise(
        [
            *base(),
            *adversary(0.0, 1, 0.0, 0.0),
            *adversary(0.0, 2, 0.1, 0.1, flip=(1,)),
            *adversary(0.01, 1, 0.5, 0.0),
            *adversary(0.01, 2, 0.69, 1.0, flip=range(20)),
        ],
        SETTINGS,
        LABELS,
    )
    intervals = {
        name: (e.ci_low, e.ci_high)
        for name, e in found.metrics.items()
        if name.startswith("adversary.") and e.ci_low is not None
    }
    assert len(intervals) == 12
    for name, (low, high) in intervals.items():
        least, most = require(name).range
        assert least <= low <= high <= most, name
    low, high = intervals["adversary.model[lambda=0.01].tvd.mean"]
    assert low < 0.01 < 0.99 < high
