"""Names of metrics that older versions used: refused with the name in their place."""

from __future__ import annotations

import re

import pytest

from attnaudit.errors import InputError
from attnaudit.explanations.collect import find as explain
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.records.retired import RETIRED, retired
from attnaudit.report.baseline import Baseline, check_current
from attnaudit.report.policy import load_policy
from attnaudit.report.registry import find, require
from attnaudit.report.schema import Metric

NOW = {
    "necessity.f1_gap": ("necessity.score_gap",),
    "seed_baseline.uniform_f1.mean": ("necessity.uniform_score.mean",),
    "probe.base.f1": ("probe.base.score",),
    "probe.my_guide.f1": ("probe.my_guide.score",),
    "probe.base-uniform.f1_gap": ("probe.base-uniform.score_gap",),
    "probe.base-my_guide.f1_gap": ("probe.base-my_guide.score_gap",),
    "probe.trained-uniform.f1_gap": ("probe.trained-uniform.score_gap",),
    "probe.base-leak.f1_gap": ("probe.leak.score_gap",),
    "probe.leak.f1": ("probe.leak.score_gap",),
    "manipulation.excess_jsd": (
        "manipulation.adversary_excess_jsd",
        "manipulation.units_excess_jsd",
    ),
}


@pytest.mark.parametrize(("old", "now"), NOW.items())
def test_each_old_name_has_new_ones(old, now):
    found = retired(old)
    assert found.pattern == old
    assert found.now == now
    assert re.fullmatch(r"[A-Z][^.]+\.", found.change)
    for name in now:
        assert find(name), name


def test_every_family_is_tried():
    assert {next(one for one in RETIRED if one.named(old)) for old in NOW} == set(RETIRED)


@pytest.mark.parametrize(
    "name", ["model.f1", "probe.base.score", "seed_baseline.f1.mean", "adversary.model.f1", ""]
)
def test_names_that_stay_are_not_retired(name):
    assert retired(name) is None


@pytest.mark.parametrize("old", NOW)
def test_no_name_is_retired_and_in_use(old):
    assert find(old) is None


@pytest.mark.parametrize(("old", "now"), NOW.items())
def test_a_policy_that_gates_an_old_name_is_refused_at_its_line(tmp_path, old, now):
    path = tmp_path / "policy.yaml"
    path.write_text(f"gates:\n  - id: a\n    metric: {old}\n    min: 0.1\n")
    with pytest.raises(InputError) as caught:
        load_policy(path)
    said = str(caught.value)
    assert said.startswith(f"{path}:3: the metric {old!r} is now {' and '.join(now)}; ")
    assert "\n" not in said


def test_a_waiver_of_an_old_name_is_refused_at_its_line(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(
        "gates:\n- {id: a, metric: model.f1, min: 0.5}\nwaivers:\n"
        "- gate: baseline:necessity.f1_gap\n  reason: known\n  expires: 2026-03-04\n"
    )
    with pytest.raises(InputError, match=r"is now necessity\.score_gap") as caught:
        load_policy(path)
    assert str(caught.value).startswith(f"{path}:4: ")


def test_an_old_name_is_explained_by_what_replaced_it():
    (entry,) = explain("Necessity.F1_gap")
    assert entry.kind == "retired name"
    assert entry.beside == ("necessity.score_gap",)
    (entry,) = explain("probe.my_guide.f1")
    assert "probe.my_guide.score" in entry.what


def test_an_unknown_name_is_still_met_with_the_nearest():
    with pytest.raises(InputError, match=r"unknown metric 'model\.f2'; did you mean 'model\.f1'"):
        require("model.f2")


def test_a_baseline_with_old_figures_is_refused(make_report, tmp_path):
    report = make_report(Summary({"model.f1": Estimate(0.9, n=90)}))
    check_current(Baseline(tmp_path, report))
    old = report.metrics["model.f1"]

    def with_old(name: str, metric: Metric) -> Baseline:
        metrics = {**report.metrics, name: metric}
        return Baseline(tmp_path, report.model_copy(update={"metrics": metrics}))

    neutral = old.model_copy(update={"direction": "neutral"})
    empty = old.model_copy(update={"value": None})
    check_current(with_old("probe.base.f1", neutral))  # it would not be compared
    check_current(with_old("necessity.f1_gap", empty))
    with pytest.raises(
        InputError, match=r"contains necessity.f1_gap of an older version, which is now nec"
    ):
        check_current(with_old("necessity.f1_gap", old))
