from __future__ import annotations

import dataclasses

import pytest

from attnaudit.findings.looks import looked
from attnaudit.findings.necessary import necessary
from attnaudit.findings.rules import finding
from attnaudit.measures.spending import levels
from attnaudit.questions.looks import LOOKS
from attnaudit.questions.runs import SEED


@pytest.fixture
def grown(bench, models):
    """Evidence whose seeds grew to so many."""

    def grown(count):
        bench.seeds = models(*range(16, 16 + count))
        bench.learned = models(*range(16, 16 + count))
        bench.uniform = models(*range(70, 70 + count))
        return dataclasses.replace(bench.evidence(), growing=frozenset({"seed-baseline"}))

    return grown


def answering_from(size, seen):
    """A rule that notes what it sees, and has an answer from so many seeds on."""

    def find(evidence):
        seeds = evidence.of("seed-baseline").seeds(model="seed")
        seen.append((len(seeds), evidence.level))
        status = "for" if len(seeds) >= size else "inconclusive"
        return finding(status, f"{len(seeds)} seeds.", metric="necessity.score_gap")

    return find


@pytest.mark.parametrize(("first", "at"), [(5, 5), (6, 8), (8, 8), (9, 12), (20, 20)])
def test_the_first_look_with_an_answer_decides(grown, first, at):
    seen = []
    found = looked(grown(20), "seed-baseline", answering_from(first, seen))
    assert found.status == "for"
    assert (found.look.seeds, found.look.level) == (at, levels(LOOKS)[LOOKS.index(at)])
    assert found.reason.startswith(f"{at} seeds. The number of seeds was not fixed beforehand")
    assert found.metric is None  # that name is the figure of all seeds
    assert [seeds for seeds, _ in seen] == [size for size in LOOKS if size <= at]
    assert [level for _, level in seen] == list(levels(LOOKS)[: len(seen)])


def test_without_an_answer_it_is_the_last_look_that_was_made(grown):
    found = looked(grown(12), "seed-baseline", answering_from(99, []))
    assert (found.status, found.look.seeds) == ("inconclusive", 12)


def test_more_seeds_do_not_change_an_answer(grown):
    few, many = (looked(grown(n), "seed-baseline", answering_from(5, [])) for n in (5, 20))
    assert few == many


def test_fewer_seeds_than_the_first_look(grown):
    found = looked(grown(3), "seed-baseline", answering_from(5, []))
    assert (found.status, found.look.seeds) == ("inconclusive", 3)


def test_a_fixed_number_has_one_look_at_the_usual_level(bench):
    seen = []
    found = looked(bench.evidence(), "seed-baseline", answering_from(5, seen))
    assert (found.look, seen) == (None, [(5, 0.95)])
    assert found.metric == "necessity.score_gap"


def test_an_audit_that_did_not_run_has_no_look(bench):
    evidence = dataclasses.replace(bench.evidence("probe"), growing=frozenset({"probe"}))
    assert looked(evidence, "probe", lambda seen: finding("not_assessed", "none.")).look is None


def test_the_first_seeds_are_those_of_every_kind(bench):
    runs = bench.evidence().at("seed-baseline", 3, 0.9).of("seed-baseline")
    assert runs.seeds(model="seed") == [1, 2, 3]
    assert runs.seeds(model="base") == [0]
    assert len(bench.of_seeds().models[SEED]) == 5


def test_a_seed_that_diverged_counts_as_one_that_was_tried(bench):
    """What a look says must not depend on whether later looks were made."""
    runs = bench.of_seeds()
    lost = runs.models[SEED].pop(2)
    runs.diverged[SEED] = {2}
    assert runs.tried(SEED) == [1, 2, 3, 4, 5]
    first = runs.first(3)
    assert sorted(first.models[SEED]) == [1, 3]
    assert first.diverged == {SEED: {2}}
    assert runs.first(1).diverged == {SEED: set()}
    assert len(lost.probs) == len(runs.ids)


def test_a_reason_names_the_level_of_its_look(grown):
    evidence = grown(5)
    level = levels(LOOKS)[0]
    found = looked(
        evidence, "seed-baseline", lambda seen: necessary(seen, seen.of("seed-baseline"), 0.01)
    )
    assert f"{100 * level:.3g} % interval" in found.reason
    assert "95 %" not in found.reason
