from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.questions.model_adversary.choice import Unit
from attnaudit.questions.model_adversary.units import MOST_REPLACED, Seeds, shares


def seeds_but_0(count):
    return list(range(1, count + 1))


@pytest.mark.parametrize(("count", "scratch", "warm"), [(6, 3, 3), (7, 4, 3), (1, 1, 0)])
def test_half_of_them_begin_from_scratch_and_an_odd_one_too(count, scratch, warm):
    assert shares(count) == {"scratch": scratch, "warm": warm}
    found = Seeds.of(count, seeds_but_0, []).first(count)
    assert [sum(unit.start == start for unit in found) for start in ("scratch", "warm")] == [
        scratch,
        warm,
    ]


def test_warm_ones_take_the_seeds_whose_models_are_kept():
    seeds = Seeds.of(6, seeds_but_0, [1, 2, 4, 5])
    found = seeds.first(6)
    assert found == [
        *(Unit("scratch", seed) for seed in (3, 6, 7)),
        *(Unit("warm", seed) for seed in (1, 2, 4)),
    ]
    assert seeds.replace(found[-2:]) == [Unit("warm", 5)]  # then there are none left


def test_fewer_where_there_are_not_as_many_to_start_from():
    found = Seeds.of(6, seeds_but_0, [1]).first(6)
    assert [unit.start for unit in found] == ["scratch"] * 3 + ["warm"]


def test_those_that_replace_begin_as_the_stuck_ones_did():
    seeds = Seeds.of(6, seeds_but_0, [])
    first = seeds.first(6)
    found = seeds.replace([first[0], first[5]])
    assert [unit.start for unit in found] == ["scratch", "warm"]
    assert not set(found) & set(first)


@given(st.integers(1, 12), st.lists(st.integers(1, 30), unique=True), st.data())
def test_no_seed_is_used_twice_and_six_are_replaced_at_most(count, kept, data):
    seeds = Seeds.of(count, seeds_but_0, sorted(kept))
    rounds = [seeds.first(count)]
    while rounds[-1]:
        stuck = data.draw(st.lists(st.sampled_from(rounds[-1]), unique=True))
        rounds.append(seeds.replace(stuck))
        assert len(rounds[-1]) <= len(stuck)
    units = list(itertools.chain(*rounds))
    assert len({unit.seed for unit in units}) == len(units)
    assert len(units) <= count + MOST_REPLACED
    assert seeds.replaced == len(units) - len(rounds[0])


def test_a_kind_of_which_six_of_six_got_stuck_is_given_up():
    seeds = Seeds.of(6, seeds_but_0, [])
    first = [unit for unit in seeds.first(6) if unit.start == "scratch"]
    second = seeds.replace(first)
    assert [unit.start for unit in second] == ["scratch"] * 3
    assert seeds.replace(second) == []


def test_a_kind_of_which_one_is_usable_goes_on():
    seeds = Seeds.of(6, seeds_but_0, [])
    first = [unit for unit in seeds.first(6) if unit.start == "scratch"]
    second = seeds.replace(first[1:])
    assert len(seeds.replace(second)) == 2


def test_the_other_kind_is_replaced_all_the_same():
    seeds = Seeds.of(6, seeds_but_0, [])
    first = seeds.first(6)
    second = seeds.replace(first[:3])
    assert [unit.start for unit in seeds.replace([*second, first[5]])] == ["warm"]
