"""The points of the TVD-JSD curve, from what the questions conclude."""

from __future__ import annotations

import pytest

from attnaudit.measures.summary import Estimate, Summary, Table
from attnaudit.questions.curve_points import by_lambda, curve_points

ADVERSARIES = Table(
    "Each adversary",
    ["lambda", "seed", "JSD", "TVD", "F1", "flips"],
    [
        ["0.001", 1, 0.5, 0.01, None, 0.0],
        ["0.001", 0, 0.3, 0.03, 0.8, 0.0],
        ["0.0", 0, 0.1, 0.0, 0.8, 0.0],
    ],
)
SEEDS = Table(
    "Each trained model",
    ["model", "F1", "accuracy", "AUROC", "JSD", "TVD", "flips"],
    [
        ["audited", 0.8, 0.8, None, None, None, None],
        ["seed 5", 0.8, 0.8, None, 0.05, 0.03, 0.0],
        ["uniform 5", 0.8, 0.8, None, 0.3, 0.02, 0.0],
    ],
)
OF_INSTANCES = {
    "adversary.instance.jsd.mean": Estimate(0.5, n=9),
    "adversary.instance.tvd.mean": Estimate(0.02, n=9),
}
ALL = {
    "model-adversary": Summary(tables={"adversary.seeds": ADVERSARIES}),
    "seed-baseline": Summary(tables={"seed_baseline.runs": SEEDS}),
    "instance-adversary": Summary(OF_INSTANCES),
}


def test_every_model_is_a_point():
    points = [(p.kind, p.strength, p.seed, p.jsd, p.tvd) for p in curve_points(ALL)]
    assert points == [
        ("text", None, None, 0.5, 0.02),
        ("lambda", 0.0, 0, 0.1, 0.0),
        ("lambda", 0.001, 0, 0.3, 0.03),
        ("lambda", 0.001, 1, 0.5, 0.01),
        ("seed", None, 5, 0.05, 0.03),
        ("uniform", None, 5, 0.3, 0.02),
    ]


def test_lambdas_are_means_over_seeds():
    means = [(p.strength, p.jsd, p.tvd, p.imitator) for p in by_lambda(curve_points(ALL))]
    assert means == [(0.0, 0.1, 0.0, True), (0.001, 0.4, 0.02, False)]


@pytest.mark.parametrize("names", [(), ("instance-adversary",)])
def test_without_another_model_there_is_no_curve(names):
    assert curve_points({name: ALL[name] for name in names}) == []


def test_what_is_undefined_has_no_place():
    diverged = Table("Each adversary", ADVERSARIES.columns, [])
    summaries = {
        "model-adversary": Summary(tables={"adversary.seeds": diverged}),
        "instance-adversary": Summary(dict.fromkeys(OF_INSTANCES, Estimate(None))),
    }
    assert curve_points(summaries) == []
