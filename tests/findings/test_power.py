from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from attnaudit.findings.finding import Finding
from attnaudit.findings.gap import score_gap
from attnaudit.findings.power import Measured, effects, power_of, settle
from attnaudit.findings.rules import LEAST_SEEDS, finding
from attnaudit.measures.power import Components, chance
from attnaudit.measures.summary import Estimate
from attnaudit.questions.runs import LEARNED, UNIFORM

DELTA = 0.01
# Of a sentiment model: seeds differ in score by .021.
SEEDS_DECIDE = Components(0.021**2, 0.0052, 0.002, 5, 1726, 1726)


def measured(value=0.0, half=0.028, parts=SEEDS_DECIDE, **facts):
    return Measured.of(Estimate(value, value - half, value + half, 1726), parts, 5, **facts)


def test_where_seeds_decide():
    found = measured()
    said, power = settle(found, DELTA), power_of(found, DELTA)
    assert power.share_seeds == pytest.approx(0.96, abs=0.02)
    assert power.share_seeds + power.share_texts + power.share_both == pytest.approx(1)
    assert power.texts_needed is None
    assert 35 < power.seeds_needed < 50
    assert said.startswith("Most of the uncertainty comes from differences between seeds (9")
    assert (
        "If the true gap is the one seen here (0.000), this rule would reach an answer four "
        f"times in five with {power.seeds_needed} seeds. More texts alone would not do that."
        in said
    )
    assert re.search(
        r"With the present 5 seeds and 1,726 texts, the chance of an answer is \d+ % if the"
        r" true gap is 0, \d+ % if it is the one seen, and \d+ % if it is 0.02\.$",
        said,
    )


def test_where_texts_decide():
    found = measured(0.06, 0.06, Components(1e-6, 0.2, 0.0, 5, 300, 300))
    said = settle(found, DELTA)
    power = power_of(found, DELTA)
    assert power.seeds_needed is None
    assert power.texts_needed > 300
    assert said.startswith(
        "Most of the uncertainty comes from differences between texts (100 %; 0 % from"
    )
    assert f"with {power.texts_needed:,} texts. More seeds alone would not do that" in said


def test_either_will_do_or_only_both_or_neither():
    either = Components(2e-4, 0.02, 0.05, 5, 300, 300)
    power = power_of(measured(0.035, parts=either), DELTA)
    assert power.seeds_needed
    assert power.texts_needed
    assert f"{power.seeds_needed} seeds on the same number of texts, or" in settle(
        measured(0.035, parts=either), DELTA
    )
    both = measured(0.02, parts=Components(1e-4, 0.1, 0.0, 5, 1000, 1000))
    power = power_of(both, DELTA)
    assert (power.seeds_needed, power.texts_needed) == (None, None)
    assert power.both_needed.seeds % 5 == 0
    assert (
        f"{power.both_needed.seeds} seeds on {power.both_needed.texts:,} texts. More seeds alone"
        in (settle(both, DELTA))
    )
    neither = measured(DELTA)
    assert power_of(neither, DELTA).both_needed is None
    assert "this value is too close to the limit" in settle(neither, DELTA)


def test_an_unlucky_sample_asks_for_no_more():
    found = measured(0.06, 0.055)
    assert power_of(found, DELTA).chances.seen.chance > 0.8
    assert (
        "an audit of this size reaches an answer four times in five. Here it did not"
    ) in settle(found, DELTA)


def test_no_more_than_half_is_nobodys():
    found = settle(measured(0.03, parts=Components(1e-4, 0.012, 0.06, 5, 300, 300)), DELTA)
    assert found.startswith("The uncertainty comes ")
    assert "from both together" in found


def test_texts_of_another_kind():
    found = measured(parts=Components(0, 0, 0, 5, 200, 200, reach=1.0), half=0.018)
    assert settle(found, DELTA).startswith("The seeds did not differ on these texts. The")
    assert power_of(found, DELTA).texts_needed == 368


def test_chances_are_those_of_the_present_size():
    power = power_of(measured(0.004), DELTA)
    for at, effect in zip(
        (power.chances.none, power.chances.seen, power.chances.twice_delta),
        (0.0, 0.004, 0.02),
        strict=True,
    ):
        assert at.effect == effect
        assert at.chance == chance(SEEDS_DECIDE, 5, 1726, effect, DELTA, (-1, 1))


def test_between_two_lines_there_is_no_answer():
    narrow = Components(1e-6, 1e-3, 0.0, 5, 300, 300)
    one, two = (measured(0.0, 0.005, narrow, two_sided=flag) for flag in (False, True))
    assert power_of(one, DELTA) is None  # it lies below delta, which is an answer
    power = power_of(two, DELTA)
    assert power.chances.seen.chance < 0.01
    assert (power.seeds_needed, power.texts_needed, power.both_needed) == (None, None, None)
    assert "no number of seeds and texts would reach an answer" in settle(two, DELTA)
    low = measured(-0.02, 0.011, two_sided=True)
    assert power_of(low, DELTA).seeds_needed
    assert power_of(measured(-0.03, 0.011, two_sided=True), DELTA) is None


def test_twice_delta_stays_in_the_range():
    assert effects(0.4, 2 / 3, (-1, 1)) == (0.0, 0.4, 1.0)
    assert effects(0.4, 0.1, (None, None)) == (0.0, 0.4, 0.2)


def test_figures_without_parts_or_interval():
    plain = Estimate(0.02, 0.005, 0.035, n=100)
    assert settle(plain, DELTA) == "The interval reaches 0.015 to either side."
    assert power_of(plain, DELTA) is None
    one = Measured.of(Estimate(0.02, n=9, reason="no interval: one seed"), None, 5)
    assert settle(one, DELTA) == "No interval: one seed."
    assert settle(Estimate(0.1), DELTA) == "There is no interval."
    assert power_of(one, DELTA) is None


def test_a_finding_holds_the_numbers_where_its_figure_is_open():
    found = finding("inconclusive", "why", measured(), DELTA)
    assert found.power == power_of(measured(), DELTA)
    again = Finding.model_validate_json(found.model_dump_json())
    assert again == found
    assert finding("for", "why", measured(0.05, 0.01), DELTA).power is None
    # What is inconclusive for another reason has its answer on this figure.
    assert finding("inconclusive", "why", measured(0.05, 0.01), DELTA).power is None
    assert finding("inconclusive", "why", Estimate(0.0, -1, 1), DELTA).power is None


def test_an_older_finding_has_no_power():
    older = finding("inconclusive", "why", measured(), DELTA).model_dump(exclude={"power"})
    assert Finding.model_validate(older).power is None


def test_a_gap_of_a_stricter_look_has_less_power(bench, models):
    bench.uniform = models(18, 20, 22, 24, 26)
    usual = bench.evidence()
    strict = dataclasses.replace(usual, level=0.99)
    runs, seeds = bench.of_seeds(), [1, 2, 3, 4, 5]
    chances = [
        power_of(score_gap(one, runs, LEARNED, UNIFORM, seeds), DELTA).chances.twice_delta.chance
        for one in (usual, strict)
    ]
    assert chances[1] < chances[0]


def test_a_gap_knows_what_makes_it_uncertain(bench, models):
    generator = np.random.default_rng(0)
    ours, theirs = (models(*generator.integers(16, 40, 6)) for _ in range(2))
    runs = bench.runs({LEARNED: ours, UNIFORM: theirs})
    found = score_gap(bench.evidence(), runs, LEARNED, UNIFORM, [1, 2, 3, 4, 5, 6])
    assert (found.parts.seeds, found.parts.n, found.least) == (6, 200, LEAST_SEEDS)
    assert found.parts.reach > 0
    half = (found.ci_high - found.ci_low) / 2
    assert half == pytest.approx(2.4 * found.parts.variance(6, 200) ** 0.5, rel=0.2)


def test_models_that_are_all_alike_would_show_it():
    """Their pairs do not differ, however much those differed that were seen."""
    parts = Components(0.13, 0.0, 0.0, 6, 500, 500, stretch=1.4)
    seen = Estimate(0.513, 0.044, 0.748, 500)
    found = Measured.of(seen, parts, 6, (-1.0, 1.0), "s", "models")
    usual = power_of(found, 2 / 3).chances
    alike = power_of(dataclasses.replace(found, shrinks=True), 2 / 3).chances
    assert alike.twice_delta.effect == 1
    assert alike.twice_delta.chance == pytest.approx(1)
    assert usual.twice_delta.chance < 0.1
    assert (alike.none, alike.seen) == (usual.none, usual.seen)
