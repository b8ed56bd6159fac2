"""Where the audited attention cannot be tested, no finding is against it."""

from __future__ import annotations

import numpy as np
import pytest

from attnaudit.findings.controls import unmoved, withheld
from attnaudit.findings.rules import finding
from attnaudit.questions.seed_baseline.controls import control_column


@pytest.fixture
def controlled(bench):
    """Runs whose controls move every text by so much."""

    def make(bypassed=True, **tvds):
        moved = {name: {"tvd": tvd, "flips": tvd > 0.5} for name, tvd in tvds.items()}
        bench.controls = {"bypassed": bypassed, **moved}
        return bench.of_seeds()

    return make


def test_columns_of_controls(controlled, bench):
    runs = controlled(erased=0.75)
    assert control_column(runs, "erased", "tvd").tolist() == [0.75] * 200
    assert control_column(runs, "erased", "flips").tolist() == [1] * 200
    assert control_column(runs, "uniform_layers", "tvd") is None
    runs.controls[3] = {}
    column = control_column(runs, "erased", "flips")
    assert np.isnan(column).nonzero()[0].tolist() == [3]


def test_answers_that_no_control_moves(controlled):
    why = unmoved(controlled(erased=0.01, uniform_layers=0.03))
    assert why == (
        "Even all weights on words set to 0 at the audited row (TVD up to 0.010) and uniform "
        "attention in all layers (TVD up to 0.030) hardly move the answers, so this row of "
        "attention cannot be tested."
    )


def test_a_model_of_one_attention_has_one_control(controlled):
    why = unmoved(controlled(erased=0.01))
    assert why == (
        "Even all weights on words set to 0 at the audited row (TVD up to 0.010) hardly moves "
        "the answers, so this row of attention cannot be tested."
    )


@pytest.mark.parametrize(
    ("tvds", "tested"),
    [
        ({"erased": 0.049}, False),
        ({"erased": 0.05}, True),
        ({"erased": 0.01, "uniform_layers": 0.2}, True),
        ({"erased": 0.2, "uniform_layers": 0.01}, True),
        ({}, True),
    ],
)
def test_a_control_that_moves_answers_is_a_test(controlled, tvds, tested):
    assert (unmoved(controlled(**tvds)) is None) == tested


def test_the_upper_end_of_the_interval_decides(controlled):
    runs = controlled(erased=0.0)
    some = {"bypassed": True, "erased": {"tvd": 0.9, "flips": True}}
    runs.controls[:9] = [some] * 9  # .0405 in the mean, and up to about .07
    assert unmoved(runs) is None
    runs.controls[2:9] = [runs.controls[-1]] * 7
    assert unmoved(runs) is not None


def test_texts_of_one_group_move_together(controlled, bench):
    bench.groups = [f"author {row // 5}" for row in range(200)]
    runs = controlled(erased=0.0)
    runs.controls[:2] = [{"bypassed": True, "erased": {"tvd": 0.5, "flips": True}}] * 2
    assert unmoved(runs) is not None
    runs.controls[:20] = [{"bypassed": True, "erased": {"tvd": 0.3, "flips": True}}] * 20
    assert unmoved(runs) is None  # .03 in the mean, all of it from four authors


def test_only_a_model_that_says_what_passes_attention_by_is_excused(controlled):
    assert unmoved(controlled(bypassed=False, erased=0.0, uniform_layers=0.0)) is None


def test_older_records_have_no_controls(bench):
    assert unmoved(bench.of_seeds()) is None
    bare = bench.of_seeds()
    bare.controls.clear()
    assert unmoved(bare) is None


def test_against_is_withheld_and_says_why():
    found = finding("against", "A gap of 0.", delta=0.01, metric="x", scope="s", rule="Below.")
    held = withheld(found, "Nothing moves.")
    assert held.status == "inconclusive"
    assert held.reason == "A gap of 0. But this does not count here. Nothing moves."
    assert held.rule == "Below. Inconclusive instead of against, if no control moves the answers."
    assert (held.delta, held.metric, held.scope) == (0.01, "x", "s")
    assert withheld(found, None) is found


@pytest.mark.parametrize("status", ["for", "inconclusive", "not_assessable", "not_assessed"])
def test_other_findings_stand(status):
    found = finding(status, "so it is")
    assert withheld(found, "nothing moves") is found
