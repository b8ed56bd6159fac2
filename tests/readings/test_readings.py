from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pydantic
import pytest
import torch

from attnaudit.errors import InputError
from attnaudit.questions.shown import ShownSettings
from attnaudit.readings import READINGS, find_reading
from attnaudit.readings.reading import Family

ALPHA = torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]]])
NAMES = ("mean", "max", "head0", "head1")


class Headed:
    def __init__(self, count):
        self.head_count = count


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("mean", [0.3, 0.3, 0.4]),
        ("max", [0.5, 0.3, 0.6]),
        ("head0", [0.5, 0.3, 0.2]),
        ("head1", [0.1, 0.3, 0.6]),
    ],
)
def test_heads_become_one_number(name, shown):
    assert find_reading(name).weigh(ALPHA)[0].tolist() == pytest.approx(shown)


@pytest.mark.parametrize("name", NAMES)
def test_parts_say_what_a_weighted_sum_is_of(name):
    reading = find_reading(name)
    assert (reading.parts is None) == (name == "max")
    if reading.parts:
        parts = torch.tensor(reading.parts(2))
        summed = (ALPHA * (parts / parts.sum()).view(1, 2, 1)).sum(1)
        torch.testing.assert_close(summed, reading.weigh(ALPHA))


@pytest.mark.parametrize("name", NAMES)
def test_of_one_head_all_readings_are_the_same(name):
    alone = ALPHA[:, :1]
    if name == "head1":
        with pytest.raises(InputError, match="no head 1; it has one head, 0"):
            find_reading(name).weigh(alone)
    else:
        assert torch.equal(find_reading(name).weigh(alone), alone[:, 0])


def test_a_head_that_is_not_there():
    head = find_reading("head2")
    assert head.needs(Headed(2)) == "the audited attention has no head 2; it has heads 0 to 1"
    assert head.needs(Headed(3)) is None
    assert head.needs(Headed(None)) is None  # not looked at yet: told when it is computed
    with pytest.raises(InputError, match="no head 2; it has heads 0 to 1"):
        head.weigh(ALPHA)
    assert find_reading("max").needs(Headed(1)) is None


@pytest.mark.parametrize("name", ["median", "head", "head-1", "head01", "head1.0", "head{number}"])
def test_other_names_are_refused(name):
    with pytest.raises(InputError, match="unknown reading"):
        find_reading(name)
    with pytest.raises(pydantic.ValidationError, match="unknown reading"):
        ShownSettings(reading=name)


def test_a_name_that_is_nearly_right_is_recognised():
    with pytest.raises(InputError) as caught:
        find_reading("maen")
    assert caught.value.hint == "did you mean 'mean'?"


def test_one_name_is_one_object():
    assert find_reading("head3") is find_reading("head3")
    assert find_reading("head3") != find_reading("head4")


@pytest.mark.parametrize("name", READINGS)
def test_each_says_what_it_is(name):
    reading = READINGS[name]
    assert reading.name == name
    assert all((reading.definition, reading.formula, reading.source, reading.traps))
    assert isinstance(reading, Family) == ("{" in name)


def test_the_lists_are_light():
    code = (
        "import sys, attnaudit.importance, attnaudit.readings;"
        "print([m for m in ('torch', 'numpy', 'pydantic') if m in sys.modules])"
    )
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
