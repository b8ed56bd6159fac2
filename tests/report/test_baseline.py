from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.errors import InputError
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Columns, Estimate, Summary
from attnaudit.report.baseline import (
    Baseline,
    Change,
    check_comparable,
    compare,
    gates,
    tables,
)
from attnaudit.report.registry import require
from attnaudit.report.schema import Metric, Report

Make = Callable[[Summary], Report]
Side = Callable[[Columns], tuple[Report, Columns]]
TAU = "correlate.gradient.tau.mean"  # higher is better
ERROR = "correlate.integrated_gradients.completeness_error.mean"  # lower is better
FLOOR = "correlate.random.tau.mean"  # neither
PATH = Path("old.jsonl")
RNG = np.random.default_rng(0)
NOISE = RNG.normal(0, 0.02, 60)  # differences between two runs: small beside what runs share
SHARED = RNG.normal(0.3, 0.2, 60)


def columns(
    values: dict[str, Sequence[float] | np.ndarray[Any, Any]],
    ids: Sequence[str] | None = None,
    groups: Sequence[str | None] | None = None,
) -> Columns:
    arrays = {name: np.array(column, float) for name, column in values.items()}
    n = len(next(iter(arrays.values())))
    return Columns(ids or [f"i{i}" for i in range(n)], groups or [None] * n, arrays)


@pytest.fixture
def side(make_report: Make) -> Side:
    """A report and its columns, from columns."""

    def make(found: Columns) -> tuple[Report, Columns]:
        means = Sample(len(found.ids)).means(found.values, lambda name: require(name).range)
        return make_report(Summary(means)), found

    return make


def changed(side: Side, old: Columns, new: Columns, paired: bool = True) -> dict[str, Change]:
    then, now = side(old), side(new)
    baseline = Baseline(PATH, then[0], then[1] if paired else None)
    return {c.metric: c for c in compare(baseline, *now)}


@pytest.mark.parametrize(
    ("metric", "shift", "verdict"),
    [
        (TAU, -0.02, "regressed"),
        (TAU, 0.02, "improved"),
        (TAU, 0.0, "no change"),
        (ERROR, 0.02, "regressed"),
        (ERROR, -0.02, "improved"),
    ],
)
def test_pairs_show_what_intervals_hide(
    side: Side, metric: str, shift: float, verdict: str
) -> None:
    noise = NOISE - NOISE.mean()
    old, new = columns({metric: SHARED}), columns({metric: SHARED + shift + noise})
    change = changed(side, old, new)[metric]
    assert change.difference.value == pytest.approx(shift, abs=1e-12)
    assert (change.paired, change.verdict, change.difference.n) == (True, verdict, 60)
    assert change.old == pytest.approx(SHARED.mean())
    apart = changed(side, old, new, paired=False)[metric]
    assert apart.difference.value == pytest.approx(shift, abs=1e-12)
    assert (apart.paired, apart.verdict) == (False, "no change")


def test_the_same_run_has_not_changed(side: Side) -> None:
    same = columns({TAU: SHARED, ERROR: SHARED})
    for change in changed(side, same, same).values():
        assert change.verdict == "no change"
        assert (change.difference.ci_low, change.difference.ci_high) == (0, 0)


def test_rounding_is_no_change(side: Side) -> None:
    old = columns({TAU: SHARED})
    assert changed(side, old, columns({TAU: SHARED - 9e-6}))[TAU].verdict == "no change"
    assert changed(side, old, columns({TAU: SHARED - 2e-5}))[TAU].verdict == "regressed"


def test_what_is_neither_good_nor_bad_is_left_out(side: Side) -> None:
    assert not changed(side, columns({FLOOR: SHARED}), columns({FLOOR: SHARED - 1}))


def test_pairs_are_made_by_id(side: Side) -> None:
    ids = [f"i{i}" for i in range(60)]
    old = columns({TAU: SHARED}, ids)
    order = RNG.permutation(60)[:40]  # another order, and fewer of them
    new = columns({TAU: SHARED[order] - 0.1}, [ids[i] for i in order])
    change = changed(side, old, new)[TAU]
    assert change.difference.n == 40
    assert change.difference.value == pytest.approx(-0.1)
    assert change.difference.ci_low == pytest.approx(-0.1)
    assert change.verdict == "regressed"


def test_undefined_instances_are_left_out_of_the_pairs(side: Side) -> None:
    old, new = SHARED.copy(), SHARED - 0.1
    old[:5], new[3:10] = math.nan, math.nan
    change = changed(side, columns({TAU: old}), columns({TAU: new}))[TAU]
    assert (change.difference.n, change.difference.undefined) == (50, 10)
    assert change.difference.value == pytest.approx(-0.1)


def test_groups_are_drawn_whole(side: Side) -> None:
    values = np.repeat([0.1, -0.1, 0.1, -0.1], 15)
    old = columns({TAU: SHARED})
    groups = [f"g{i // 15}" for i in range(60)]
    alone = changed(side, old, columns({TAU: SHARED + values}))[TAU].difference
    grouped = changed(side, old, columns({TAU: SHARED + values}, groups=groups))[TAU].difference
    assert alone.ci_low is not None
    assert grouped.ci_low is not None
    assert grouped.ci_low < 2 * alone.ci_low < 0


def test_a_figure_that_cannot_be_compared_is_inconclusive(side: Side) -> None:
    whole = columns({TAU: SHARED, ERROR: SHARED})
    nothing = np.full(60, math.nan)
    for new in (columns({ERROR: SHARED}), columns({TAU: nothing, ERROR: SHARED})):
        change = changed(side, whole, new)[TAU]
        assert (change.verdict, change.new) == ("inconclusive", None)
    few = columns({TAU: SHARED[:29], ERROR: SHARED[:29]})
    assert changed(side, whole, few)[TAU].verdict == "inconclusive"
    assert changed(side, few, whole)[TAU].verdict == "inconclusive"
    enough = columns({TAU: SHARED[:30], ERROR: SHARED[:30]})
    assert changed(side, whole, enough)[TAU].verdict == "no change"
    assert TAU not in changed(side, columns({TAU: nothing, ERROR: SHARED}), whole)


def test_what_never_has_an_interval_is_not_judged(make_report: Make) -> None:
    name = "correlate.gradient.tau.significant_bh"
    then, now = (make_report(Summary({name: Estimate(v, n=60)})) for v in (0.5, 0.1))
    [change] = compare(Baseline(PATH, then), now, None)
    assert (change.verdict, change.difference.value) == ("not judged", pytest.approx(-0.4))
    [gate] = gates(Baseline(PATH, then), [change])
    assert gate.status == "inconclusive"


@given(*(st.floats(0.01, 0.2) for _ in range(2)), st.floats(-0.5, 0.5))
def test_unpaired_intervals_combine_half_widths(a: float, b: float, shift: float) -> None:
    def report(value: float, half: float) -> Report:
        metric = Metric(
            value=value,
            ci_low=value - half,
            ci_high=value + half,
            n=99,
            undefined=0,
            reason=None,
            direction="higher",
            unit="fraction",
        )
        return Report.model_construct(metrics={TAU: metric})

    [change] = compare(Baseline(PATH, report(0.2, a)), report(0.2 + shift, b), None)
    d = change.difference
    assert d.value is not None
    assert d.ci_high is not None
    assert d.value == pytest.approx(shift)
    assert d.ci_high - d.value == pytest.approx(math.hypot(a, b))
    if abs(abs(shift) - math.hypot(a, b)) > 1e-9:
        assert (change.verdict == "no change") == (abs(shift) < math.hypot(a, b))


def test_gates_of_regressions_and_of_the_whole(side: Side) -> None:
    old = columns({TAU: SHARED, ERROR: SHARED})
    then, kept = side(old)
    baseline = Baseline(PATH, then, kept)
    fine = gates(baseline, compare(baseline, *side(old)))
    assert [(g.id, g.status) for g in fine] == [("baseline", "pass")]
    assert fine[0].reason == "none of 2 figures is worse than in old.jsonl"
    worse = columns({TAU: SHARED - 0.1, ERROR: SHARED})
    [gate] = gates(baseline, compare(baseline, *side(worse)))
    assert (gate.id, gate.status, gate.metric) == (f"baseline:{TAU}", "fail", TAU)
    assert gate.value == pytest.approx(SHARED.mean() - 0.1)
    assert gate.reason.endswith("by 0.1 [0.1, 0.1]")
    gone = gates(baseline, compare(baseline, *side(columns({TAU: SHARED - 0.1}))))
    assert [(g.id, g.status) for g in gone] == [
        (f"baseline:{TAU}", "fail"),
        ("baseline", "inconclusive"),
    ]
    assert gone[1].reason == f"old.jsonl: cannot be compared: {ERROR}"


def test_the_tables(side: Side) -> None:
    then, kept = side(columns({TAU: SHARED, ERROR: SHARED}))
    baseline = Baseline(PATH, then, kept)
    now, found = side(columns({TAU: SHARED - 0.1, ERROR: SHARED}))
    made = tables(baseline, now, compare(baseline, now, found))
    shown, everything = made["baseline"], made["baseline_detail"]
    [row] = shown.rows
    assert row[:2] == [TAU, "regressed"]
    assert row[2:5] == pytest.approx([-0.1] * 3)
    assert row[6] == pytest.approx(row[5] - 0.1)  # type: ignore[operator]
    assert (shown.detail, everything.detail, len(everything.rows)) == (False, True, 2)
    assert shown.notes == [
        "1 figure shows no change.",
        "Differences are new minus old, over 60 texts that both runs have.",
        "Each of 2 figures is judged on its own. So one in forty looks worse by chance alone.",
    ]
    apart = tables(Baseline(PATH, then), now, compare(Baseline(PATH, then), now, found))
    assert any("unpaired" in note for note in apart["baseline"].notes)
    assert any("Give the records" in note for note in apart["baseline"].notes)


def test_other_settings_are_said(side: Side) -> None:
    then, kept = side(columns({TAU: SHARED}))
    settings = {**then.settings, "target": "gold", "seed": 7}
    now = then.model_copy(update={"settings": settings})
    baseline = Baseline(PATH, then, kept)
    notes = tables(baseline, now, compare(baseline, now, kept))["baseline"].notes
    assert notes[-1] == "The runs differ in target, so their figures may not mean the same."


def test_other_audits_data_and_splits_are_refused(report: Report) -> None:
    baseline = Baseline(PATH, report)
    check_comparable(baseline, "correlate", report.dataset)
    for audit, update, message in (
        (
            "permute",
            {},
            "old.jsonl: is a baseline of correlate, but this report is of permute; compare",
        ),
        (
            "correlate",
            {"split": "dev"},
            "old.jsonl: is a baseline on the split 'test', but this report is on 'dev'; choose",
        ),
        (
            "correlate",
            {"sha256": "ef" * 32, "name": "new.jsonl"},
            "old.jsonl: is a baseline on other data: test.jsonl (sha256 cdcdcdcdcdcd), but this"
            " report is on new.jsonl (sha256 efefefefefef); run",
        ),
        ("correlate", {"sha256": None}, "old.jsonl: is a baseline on other data"),
    ):
        with pytest.raises(InputError) as caught:
            check_comparable(baseline, audit, report.dataset.model_copy(update=update))
        assert str(caught.value).startswith(message)
    renamed = report.dataset.model_copy(update={"name": "elsewhere/test.jsonl"})
    check_comparable(baseline, "correlate", renamed)
