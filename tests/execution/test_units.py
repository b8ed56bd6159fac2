"""Which units are tried again, which are given up, and when all of it ends."""

from __future__ import annotations

from collections import Counter

import pytest

from attnaudit.errors import InputError
from attnaudit.execution.units import ATTEMPTS, Failure, Here, Unit, carry_out, named


def units(*whats):
    return [Unit(f"unit {n}", what) for n, what in enumerate(whats)]


class Flaky:
    """Fails so many times for each value before it succeeds."""

    def __init__(self, **failures):
        self.left, self.calls = dict(failures), Counter()

    def __call__(self, what):
        self.calls[what] += 1
        if self.left.get(what, 0) >= self.calls[what]:
            raise RuntimeError(f"{what} number {self.calls[what]}")
        return what.upper()


def test_every_unit_is_done_once():
    work = Flaky()
    made = list(carry_out(Here(), work, units("a", "b", "c")))
    assert [(unit.what, result) for unit, result in made] == [("a", "A"), ("b", "B"), ("c", "C")]
    assert set(work.calls.values()) == {1}


def test_units_are_taken_as_they_are_wanted():
    taken = []

    def source():
        for unit in units("a", "b", "c"):
            taken.append(unit.what)
            yield unit

    stream = carry_out(Here(), Flaky(), list(source()))
    next(stream)
    stream.close()
    assert taken == ["a", "b", "c"]


def test_what_fails_is_tried_again_after_the_others():
    work = Flaky(b=ATTEMPTS - 1)
    made = [result for _, result in carry_out(Here(), work, units("a", "b", "c"))]
    assert made == ["A", "C", "B"]
    assert work.calls == {"a": 1, "b": ATTEMPTS, "c": 1}


def test_what_fails_too_often_is_told_and_the_rest_is_done():
    work = Flaky(b=99)
    made = {unit.what: result for unit, result in carry_out(Here(), work, units("a", "b", "c"))}
    assert (made["a"], made["c"]) == ("A", "C")
    assert isinstance(made["b"], Failure)
    assert str(made["b"].error) == f"b number {ATTEMPTS}"
    assert work.calls["b"] == ATTEMPTS


def test_where_nothing_works_the_first_units_tell():
    names = [f"u{n}" for n in range(50)]
    work = Flaky(**dict.fromkeys(names, 99))
    found = []
    with pytest.raises(RuntimeError, match="number 3"):
        found.extend(carry_out(Here(), work, units(*names)))
    assert len(found) == 2  # given up, before the third ended it
    assert max(work.calls.values()) == ATTEMPTS


def test_a_mistake_of_the_user_ends_it_at_once():
    calls = []

    def work(what):
        calls.append(what)
        raise InputError("is wrong")

    with pytest.raises(InputError, match="is wrong"):
        list(carry_out(Here(), work, units("a", "b")))
    assert calls == ["a"]


def test_an_interruption_is_no_failure():
    def work(what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(carry_out(Here(), work, units("a")))


def test_names_in_a_row():
    assert named(["a", "b"]) == "a, b"
    assert named([str(n) for n in range(1205)], 2) == "0, 1 and 1,203 more"
