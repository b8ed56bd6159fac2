from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.running.planning.extrapolate import DOUBLING, SURPRISE, Tried, extrapolate


class Machine:
    """Takes `fixed + slope * tokens` seconds, or what `cost(count, length)` says, in no time."""

    def __init__(self, lengths, cost, memory=lambda tokens: None, slow=1.0):
        self.lengths, self.cost, self.memory, self.slow = lengths, cost, memory, slow
        self.seconds, self.tries = 0.0, []

    def __call__(self, places):
        width = int(self.lengths[list(places)].max())
        work = self.cost(len(places), width)
        self.seconds += work * self.slow
        self.tries.append(len(places))
        return Tried(work * self.slow, (work,), self.memory(len(places) * width))


def batches_of(lengths, size):
    order = np.argsort(lengths, kind="stable")
    return [order[i : i + size] for i in range(0, len(order), size)]


def whole(batches, machine):
    return sum(machine.cost(len(b), int(machine.lengths[b].max())) for b in batches)


def test_a_cost_that_is_linear_in_texts_and_tokens_is_found_exactly():
    lengths = np.full(400, 10)
    batches = batches_of(lengths, 40)
    machine = Machine(lengths, lambda count, length: 0.002 + 1e-4 * count * length)
    found = extrapolate(batches, lengths, machine, seconds=0.15)
    assert found.seconds.likely == pytest.approx(whole(batches, machine))
    assert max(machine.tries) < 40  # no whole batch was worked on
    beyond = np.log2(40 / max(machine.tries))
    spread = SURPRISE * (1 + DOUBLING * beyond)
    assert found.seconds.low == pytest.approx(found.seconds.likely / spread)
    assert found.seconds.high == pytest.approx(found.seconds.likely * spread)
    assert not found.rough


def test_each_question_has_the_share_that_it_will_take_not_the_one_of_the_pilot():
    """One question takes as long for each text, the other for each token: of long texts more."""
    lengths = np.repeat([2, 20, 200], 40)
    batches = batches_of(lengths, 40)

    def attempt(places):
        each = 0.004 * len(places), 1e-4 * float(lengths[list(places)].sum())
        return Tried(sum(each), each)

    found = extrapolate(batches, lengths, attempt, seconds=0.5)
    whole = np.array([0.004 * 120, 1e-4 * lengths.sum()])
    assert found.seconds.likely == pytest.approx(whole.sum())
    assert found.shares == pytest.approx(tuple(whole / whole.sum()))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 400), st.integers(1, 60), st.integers(0, 2**32), st.floats(0.5, 3))
def test_costs_that_grow_with_the_square_are_met_and_the_pilot_is_short(n, size, seed, slow):
    lengths = np.random.default_rng(seed).integers(20, 40, n)
    batches = batches_of(lengths, size)

    def cost(count, length):
        return 1e-4 + count * (1e-4 * length + 2e-5 * length**2)

    machine = Machine(lengths, cost, slow=slow)
    found = extrapolate(batches, lengths, machine, seconds=2.0)
    real = slow * whole(batches, machine)
    assert found.seconds.low <= found.seconds.likely <= found.seconds.high
    assert found.seconds.likely == pytest.approx(real, rel=0.3)
    assert machine.seconds < 2 * 2.0


def test_a_busy_machine_takes_as_much_longer_as_the_pilot_did():
    lengths = np.full(100, 10)
    batches = batches_of(lengths, 20)
    idle, busy = (Machine(lengths, lambda n, t: 1e-3 * n * t, slow=s) for s in (1, 3))
    quick, slow = (extrapolate(batches, lengths, m, 1.0).seconds for m in (idle, busy))
    assert slow.likely == pytest.approx(3 * quick.likely)


def test_texts_that_would_take_longer_than_the_pilot_may_are_not_tried():
    lengths = np.array([10] * 50 + [20] * 50 + [400] * 50)
    batches = batches_of(lengths, 10)
    machine = Machine(lengths, lambda count, length: count * 1e-5 * length**2)
    found = extrapolate(batches, lengths, machine, seconds=0.5)
    assert found.rough
    assert machine.seconds < 1.5
    assert found.seconds.likely == pytest.approx(whole(batches, machine), rel=0.5)
    assert found.seconds.high > found.seconds.likely * SURPRISE


def test_memory_beyond_that_of_one_text_lies_between_what_was_met_and_what_all_would_take():
    lengths = np.full(100, 10)
    batches = batches_of(lengths, 50)
    machine = Machine(
        lengths, lambda n, t: 1e-3 * n * t, memory=lambda tokens: 10**8 + 1000 * (tokens - 10)
    )
    found = extrapolate(batches, lengths, machine, seconds=0.6)
    tried = 10 * max(machine.tries)
    growth = 1000 * (tried - 10)
    assert found.peak == pytest.approx(10**8 + growth * (500 / tried) ** 0.5)
    assert growth < found.peak - 10**8 < growth * 500 / tried
    assert found.device_peak is None


def test_one_text_is_enough():
    lengths = np.array([7])
    machine = Machine(lengths, lambda n, t: 0.5)
    found = extrapolate([np.array([0])], lengths, machine, seconds=0.1)
    assert found.seconds.likely == pytest.approx(0.5)
    assert machine.tries == [1, 1]  # and the one that prepares
