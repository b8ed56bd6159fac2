from __future__ import annotations

import numpy as np
import pytest

from attnaudit.measures.divergences import LN2
from attnaudit.questions.runs import read_runs
from attnaudit.questions.seed_baseline.stability import (
    KAPPA_LINE,
    LINE,
    NAMES,
    stability,
    stability_table,
)
from attnaudit.questions.seed_baseline.stability_metrics import STABILITY_SPECS
from attnaudit.report.registry import find


def records(*models, group=None):
    """The records of the audited model and of its seeds, each (texts) lists of weights."""
    for seed, shown in enumerate(models):
        run = {"model": "seed", "seed": seed} if seed else {"model": "base"}
        for row, weights in enumerate(shown):
            record = {
                "run": {**run, "split": "test"},
                "id": f"text {row}",
                "gold": row % 2,
                "probs": [0.5, 0.5],
                "attention": list(weights),
                "jsd": 0.0,
                "tvd": 0.0,
            }
            yield record | ({"group": group} if group else {})


def of(*models, group=None):
    return stability(read_runs(records(*models, group=group))["test"])


LEFT, RIGHT = (1.0, 0.0), (0.0, 1.0)


def test_known_records():
    found = of([LEFT, LEFT, (1.0,)], [LEFT, LEFT, (1.0,)], [LEFT, RIGHT, (1.0,)])
    values = {name: metric.value for name, metric in found.metrics.items()}
    # Of six pairs of models and texts two differ wholly; shuffled ones half of the time.
    assert values == pytest.approx(
        {
            "stability.jsd.mean": LN2 / 3,
            "stability.shuffled_jsd.mean": LN2 / 2,
            "stability.s": 1 / 3,
            "stability.top_agreement.mean": 2 / 3,
            "stability.kappa": 1 / 3,
        }
    )
    assert all((m.n, m.undefined) == (2, 1) for m in found.metrics.values())
    assert found.columns["stability.jsd.mean"] == pytest.approx(
        [0, LN2 * 2 / 3, np.nan], nan_ok=True
    )
    for name, column in found.columns.items():
        assert np.nanmean(column) == pytest.approx(values[name])


def test_identical_models():
    shown = np.random.default_rng(0).dirichlet(np.ones(5), 60)
    found = of(*[shown] * 6)
    s, kappa = found.metrics["stability.s"], found.metrics["stability.kappa"]
    assert (s.value, kappa.value) == (1, 1)
    assert 0.8 < s.ci_low < s.ci_high == 1


def test_figures_stay_in_their_ranges():
    generator = np.random.default_rng(1)
    for _ in range(20):
        models = generator.dirichlet(np.full(3, 0.1), (3, 4))
        for name, figure in of(*models).metrics.items():
            low, high = find(name).range
            assert low <= figure.ci_low <= figure.value <= figure.ci_high <= high, name
    swapped = of([LEFT] * 4, [RIGHT] * 4).metrics
    assert (swapped["stability.s"].value, swapped["stability.kappa"].value) == (-1, -1)
    assert "two models" in swapped["stability.s"].reason


def test_texts_of_one_word_alone_say_nothing():
    found = of([(1.0,)] * 3, [(1.0,)] * 3)
    assert found.metrics.keys() == set(NAMES)
    assert {m.value for m in found.metrics.values()} == {None}
    assert {(m.undefined, m.reason) for m in found.metrics.values()} == {
        (3, "no text has two words or more")
    }
    assert of([LEFT]).metrics["stability.s"].reason == "there is only one model"


def test_uniform_attention_has_no_s():
    found = of(*[[(0.5, 0.5)] * 3] * 3)
    assert found.metrics["stability.s"].value is None
    assert "uniform" in found.metrics["stability.s"].reason
    assert found.metrics["stability.shuffled_jsd.mean"].value == 0


def test_one_group_gives_no_interval():
    found = of(*[[LEFT, RIGHT]] * 4, group="a").metrics["stability.s"]
    assert (found.value, found.ci_low) == (1, None)


def test_the_table_has_shuffled_attention_and_the_lines_beside_the_figures():
    found = of([LEFT, LEFT], [LEFT, LEFT], [LEFT, RIGHT])
    table = stability_table(found)
    shown = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert len(shown) == 4
    assert shown["JSD of attention"]["shuffled"] == pytest.approx(LN2 / 2)
    assert shown["share of pairs with the same top word"]["shuffled"] == 0.5
    (s,) = (row for name, row in shown.items() if name.startswith("s:"))
    assert (s["value"], s["shuffled"], s["line"]) == (pytest.approx(1 / 3), 0, LINE)
    assert table.rows[3][-1] == KAPPA_LINE
    assert "The table compares all 3 pairs of 3 models" in table.notes[0]
    nothing = stability_table(of([(1.0,)], [(1.0,)]))
    assert [row[1] for row in nothing.rows] == [None] * 4


def test_every_figure_is_registered():
    assert {spec.pattern for spec in STABILITY_SPECS} == set(NAMES)
