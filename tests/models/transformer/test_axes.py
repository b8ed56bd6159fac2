from __future__ import annotations

import pytest
import torch

from attnaudit.models.transformer.axes import Axes, recognise

SIZES = {"b": 2, "h": 3, "q": 5, "t": 7}


def wanted():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(*SIZES.values(), generator=generator)


@pytest.mark.parametrize(
    "axes", [Axes("bhqt"), Axes("qtbh"), Axes("bhqt", True), Axes("hbqt", True)]
)
def test_what_lies_in_some_order_is_recognised_and_put_apart(axes):
    lying = axes.together(wanted(), "bhqt")
    assert lying.ndim == (3 if axes.merged else 4)
    assert recognise(lying, wanted(), "bhqt") == axes
    assert torch.equal(axes.apart(lying, 3, "bhqt"), wanted())
    assert torch.equal(axes.apart(lying, 3, "tqhb"), wanted().permute(3, 2, 1, 0))


def test_numbers_decide_where_sizes_are_alike():
    square = torch.rand(2, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    for order in ("bhqt", "hbqt", "bhtq"):
        assert recognise(Axes(order).together(square, "bhqt"), square, "bhqt") == Axes(order)


@pytest.mark.parametrize(
    "other",
    [
        torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(1)),
        torch.rand(2, 3, 5),
        torch.rand(210),
    ],
)
def test_other_numbers_are_not(other):
    assert recognise(other, wanted(), "bhqt") is None


def test_half_precision_may_round():
    half = wanted().half()
    assert recognise(wanted(), half, "bhqt") == Axes("bhqt")
    assert recognise(wanted() + 0.1, half, "bhqt") is None
