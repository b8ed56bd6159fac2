from __future__ import annotations

from array import array
from dataclasses import replace

import numpy as np
import pytest

from attnaudit.errors import InputError
from attnaudit.findings.evidence import Evidence
from attnaudit.findings.power import Measured
from attnaudit.findings.rules import Deltas
from attnaudit.measures.power import ENOUGH, Components, chance
from attnaudit.measures.summary import Estimate
from attnaudit.models.passes import Passes
from attnaudit.questions import find_question
from attnaudit.questions.runs import BASE, LEARNED, SEED, UNIFORM, Columns, Runs, kind_of
from attnaudit.running.planning.pilot import Pilot, pilot_plan
from attnaudit.running.planning.plan import Part, PowerPlan, Span, Stage
from attnaudit.running.planning.power import (
    Figure,
    figures_of,
    power_plan,
    row_of,
    usable_imitators,
)
from attnaudit.running.plans import Plan

N = 400
EACH = Span(low=5, likely=10, high=20)


def plan(**settings) -> Plan:
    """A plan of five seeds of each kind."""
    asked = {
        name: find_question(name).settings(seeds=5)
        for name in ("seed-baseline", "model-adversary", "probe")
    }
    return Plan({**asked, **settings}, Deltas())


def runs(kinds, seeds=4):
    """Models of these kinds with the share of right answers that each is given, on N texts."""
    generator = np.random.default_rng(7)
    gold = np.arange(N) % 2
    ids = [str(i) for i in range(N)]
    found = Runs(ids, gold.tolist(), [None] * N, {}, [{}] * N, [5] * N)
    alike = generator.dirichlet([0.5] * 5, N)  # what models of the recipe attend to, but for noise
    for kind, right in {BASE: 0.9, **kinds}.items():
        for seed in range(1, seeds + 1) if kind != BASE else [0]:
            missed = generator.random(N) > right + generator.normal(0, 0.01)
            said = np.where(missed, 1 - gold, gold)
            probs = (0.05 + 0.9 * np.eye(2)[said]).tolist()
            columns = Columns(probs, [0.1] * N, [0.02] * N)
            if kind in (BASE, SEED):
                weights = 0.8 * alike + 0.2 * generator.dirichlet([0.5] * 5, N)
                columns.weights = array("f", weights.ravel().tolist())
            found.models.setdefault(kind, {})[seed] = columns
    return found


BASE_GUIDE, UNIFORM_GUIDE = (kind_of(guide=name) for name in ("base", "uniform"))
OTHER, ATTENDED = (kind_of(removed=name) for name in ("other", "attended"))


@pytest.fixture
def evidence():
    of_seeds = runs({SEED: 0.9, LEARNED: 0.9, UNIFORM: 0.85})
    of_probes = runs({BASE_GUIDE: 0.8, UNIFORM_GUIDE: 0.7, OTHER: 0.8, ATTENDED: 0.6})
    return Evidence(
        ("no", "yes"),
        "test",
        False,
        "here",
        {"seed-baseline": {"test": of_seeds}, "probe": {"test": of_probes}},
    )


@pytest.fixture
def parts():
    stages = (Stage(name="training", seconds=EACH.times(5)),)
    return {
        name: Part(name=name, split="test", instances=N, batches=1, passes=Passes(), stages=stages)
        for name in ("seed-baseline", "model-adversary", "probe")
    }


def figure(parts: Components, value: float) -> Figure:
    found = Measured.of(Estimate(value, value - 0.1, value + 0.1, parts.n), parts, 5)
    return Figure("necessary", "seed-baseline", "a gap", found)


def test_every_figure_of_a_pilot(evidence, parts):
    found = power_plan(plan(), Pilot(evidence, 4, 30.0), parts)
    assert [(row.finding, row.seeds, row.delta) for row in found.rows] == [
        ("stable", 6, 2 / 3),  # the audited model is one of the models
        ("necessary", 5, 0.01),
        *[("out_of_context", 5, 0.01)] * 2,
    ]
    assert (found.pilot_seeds, found.split, found.texts, found.seconds) == (4, "test", N, 30.0)
    for row, measured in zip(found.rows, figures_of(evidence), strict=True):
        assert row.texts == N
        assert [one.name for one in row.chances] == ["none", "pilot", "twice_delta"]
        twice = 1.0 if row.finding == "stable" else 0.02  # no more than 1 is possible
        assert [one.effect for one in row.chances] == [0.0, measured.found.value, twice]
        assert row.share_seeds + row.share_texts + row.share_both == pytest.approx(1)
        for one in row.chances:
            assert 0 <= one.low <= one.likely <= one.high <= 1
    assert PowerPlan.model_validate_json(found.model_dump_json()) == found
    assert not found.notes


def test_the_pilot_sees_the_gap_that_was_planted(evidence):
    stable, necessary, *_ = figures_of(evidence)
    assert 0.5 < stable.found.value < 1
    assert stable.found.parts.seeds == 5
    assert necessary.found.value == pytest.approx(0.05, abs=0.03)
    assert necessary.found.parts.seeds == 4


def test_a_figure_that_the_pilot_lacks_is_named(evidence, parts):
    left = {"seed-baseline": evidence.runs["seed-baseline"]}
    found = power_plan(plan(), Pilot(replace(evidence, runs=left), 4, 30.0), parts)
    assert [row.finding for row in found.rows] == ["stable", "necessary"]
    assert "no figure for out of context" in found.notes[0]


def test_seeds_that_may_grow_are_planned_as_many_as_they_may_be(evidence, parts):
    growing = find_question("seed-baseline").settings(seeds="auto")
    found = power_plan(plan(**{"seed-baseline": growing}), Pilot(evidence, 4, 30.0), parts)
    assert [row.seeds for row in found.rows] == [21, 20, 5, 5]
    (note,) = found.notes
    assert "number of seeds of seed-baseline grows until there is an answer" in note
    assert "chances that 20 seeds give an answer" in note
    # Trainings are planned for 20 seeds, so that one of them takes a twentieth.
    fixed = power_plan(plan(), Pilot(evidence, 4, 30.0), parts).rows[1].design
    assert found.rows[1].design.seconds.likely == pytest.approx(fixed.seconds.likely / 4)


def test_a_pilot_that_is_too_small():
    # Seeds decide, and four of them leave their variance open by a factor of ten.
    row = row_of(figure(Components(0.02**2, 0.001, 0, 4, 1000, 1000), 0.03), 0.01, 8, EACH)
    assert row.too_small
    same = row_of(figure(Components(0.02**2, 0.001, 0, 400, 1000, 1000), 0.03), 0.01, 8, EACH)
    assert not same.too_small
    assert same.chances[1].likely == pytest.approx(row.chances[1].likely)


def test_the_cheapest_design_is_just_enough():
    parts = Components(0.021**2, 0.005, 0.002, 4, 1726, 1726)
    design = row_of(figure(parts, 0.03), 0.01, 5, EACH).design
    assert design.texts == 1726
    assert chance(parts, design.seeds, 1726, 0.03, 0.01, (-1, 1)) >= ENOUGH
    assert chance(parts, design.seeds - 1, 1726, 0.03, 0.01, (-1, 1)) < ENOUGH
    assert design.seconds == EACH.times(design.seeds)


def test_a_design_takes_more_texts_only_where_it_must():
    parts = Components(0.001**2, 0.2, 0.0, 4, 300, 300)
    design = row_of(figure(parts, 0.06), 0.01, 5, None).design
    assert design.texts in (600, 1500, 3000)
    assert design.seconds is None
    assert chance(parts, 100, 300, 0.06, 0.01) < ENOUGH


def test_no_design_where_the_effect_is_on_the_line():
    assert (
        row_of(figure(Components(1e-4, 0.01, 0, 4, 500, 500), 0.01), 0.01, 5, EACH).design is None
    )


def test_imitators_that_answer_as_seeds_do(evidence):
    seeds = evidence.of("seed-baseline")
    near, far = kind_of(start="warm", **{"lambda": 0.0}), kind_of(**{"lambda": 0.0})
    of_adversaries = runs({near: 0.9, far: 0.9, kind_of(start="warm", **{"lambda": 0.1}): 0.9})
    of_adversaries.models[BASE] = seeds.models[BASE]
    of_adversaries.models[near] = seeds.models[kind_of(model="seed")]
    for columns in of_adversaries.models[far].values():
        columns.tvd = [0.3] * N
    assert usable_imitators(of_adversaries, seeds) == (8, 4)


def test_a_pilot_asks_for_seeds_alone():
    growing = {"probe": find_question("probe").settings(seeds="auto")}
    small = pilot_plan(plan(permute=find_question("permute").settings(), **growing), 4)
    assert set(small.settings) == {"seed-baseline", "model-adversary", "probe"}
    assert {one.seeds for one in small.settings.values()} == {4}
    assert small.settings["model-adversary"].lambdas == (0.0,)
    with pytest.raises(InputError, match="leaves out seed-baseline"):
        pilot_plan(Plan({"probe": find_question("probe").settings()}, Deltas()), 4)
