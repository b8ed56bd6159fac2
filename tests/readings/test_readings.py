from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydantic
import pytest
import torch

from attnaudit.errors import InputError
from attnaudit.models.lengths import Texts
from attnaudit.models.passes import Passes
from attnaudit.questions.shown import ShownSettings
from attnaudit.readings import READINGS, find_reading
from attnaudit.readings.reading import Family, Reading

ALPHA = torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]]])
NAMES = ("mean", "max", "head0", "head1")


class Headed:
    layer_count = 4

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


def test_a_reading_is_of_weights_or_of_a_model():
    said = {"definition": "d", "formula": "f", "source": "s", "traps": "t"}
    with pytest.raises(ValueError, match="of weights, or of a model"):
        Reading("both", **said, of_weights=lambda a: a[:, 0], of_model=lambda seen: seen.alpha)
    with pytest.raises(ValueError, match="of weights, or of a model"):
        Reading("neither", **said)
    with pytest.raises(ValueError, match="not of weights alone"):
        find_reading("rollout").weigh(ALPHA)


@pytest.mark.parametrize("name", READINGS)
def test_each_says_what_it_costs(name):
    assert READINGS[name].takes
    assert READINGS[name].asks
    if isinstance(READINGS[name], Reading):
        texts = Texts(*(np.array([3, 5]) for _ in range(3)), np.array([0, 0]))
        passes = READINGS[name].passes(Headed(2), texts)
        free = READINGS[name].of_weights is not None or name in ("norms", "effective")
        assert (passes == Passes()) == free


OF_MODEL = [name for name, r in READINGS.items() if isinstance(r, Reading) and r.of_model]


@pytest.mark.parametrize("name", OF_MODEL)
def test_numbers_are_finite_and_of_a_sign_where_none_is_announced(seen, classic, name):
    reading = find_reading(name)
    able = 0
    for found in (seen("bert"), classic(), classic(("a", "b", "c"))):
        reason = reading.needs(found.model)
        if reason is not None:
            assert "\n" not in reason
            continue
        able += 1
        with torch.no_grad():
            shown = reading.compute(found)
        assert shown.shape == found.batch.ids.shape
        assert shown.dtype == found.alpha.dtype
        assert shown.isfinite().all()
        assert not shown.requires_grad
        assert (shown.abs().sum(1) > 0).all()
        assert reading.signed or (shown >= 0).all()
    assert able


@pytest.mark.parametrize("name", OF_MODEL)
def test_a_text_of_one_word_has_each_reading(seen, name):
    found, reading = seen("bert", 3), find_reading(name)
    with torch.no_grad():
        shown = reading.compute(found)
    assert reading.undefined(shown, found.batch.within(found.encoded.content)) == {}


def test_a_text_without_a_reading_is_told_why(seen):
    found = seen("bert", 9, 6, 4)
    batch = found.batch.within(found.encoded.content)
    flow = replace(find_reading("flow"), most=8)
    too_long = "more than 8 tokens (each token takes a maximum flow over all layers)"
    shown = flow.compute(found)
    assert flow.undefined(shown, batch) == {0: too_long}
    shown[1, 2] = -torch.inf
    shown[2] *= ~batch.content[2]
    assert flow.undefined(shown, batch) == {
        0: too_long,
        1: "numbers that are not finite",
        2: "0 for every word",
    }
    none = torch.zeros_like(shown)
    assert find_reading("mean").undefined(none, batch) == {}  # weights may all lie elsewhere


@pytest.mark.parametrize("name", OF_MODEL)
def test_where_many_rows_are_audited_it_is_refused(name):
    model = Headed(2)
    model.many_rows = True
    model.trace = model.audited_row = model.values = lambda *args: None
    reason = find_reading(name).needs(model)
    assert reason == "it reads one row, and here many are audited; they have column_mass"


@pytest.mark.parametrize("name", OF_MODEL)
def test_passes_are_as_many_as_blocks_run(seen, name, monkeypatch):
    """Texts through all blocks, those through the last one alone counted as answers."""
    found, reading = seen("bert", 9, 6), find_reading(name)
    assert reading.needs(found.model) is None  # which looks once at how layers are made
    blocks = [0, 0, 0]
    layers = list(found.model.network.bert.encoder.layer)
    for number, layer in enumerate(layers):
        monkeypatch.setattr(layer, "forward", counting(blocks, number, layer.forward))
    with torch.no_grad():
        reading.compute(found)
    texts = Texts(*(np.array([7, 4]), np.array([7, 4]), np.array([9, 6]), np.array([0, 0])))
    said = reading.passes(found.model, texts)
    assert sum(blocks) <= 3 * said.forward + said.answers <= sum(blocks) + 3
    assert blocks[0] <= said.forward


def counting(blocks, number, forward):
    """A block's forward pass that counts its texts."""

    def run(states, *args, **kwargs):
        blocks[number] += len(states)
        return forward(states, *args, **kwargs)

    return run
