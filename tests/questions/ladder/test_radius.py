from __future__ import annotations

import pytest
import torch

from attnaudit.questions.ladder.make import radius
from attnaudit.questions.ladder.make.radius import spacing


def test_a_small_table_in_closed_form():
    found = spacing(torch.tensor([[0.0, 0.0], [1.0, 0.0], [4.0, 0.0], [4.0, 2.0]]))
    assert found == 2.0  # 3, 2 and 2: padding is no word


def test_distances_near_each_other_do_not_cancel():
    table = torch.full((3, 4), 1000.0)
    table[1] += 0.01
    table[2] += 5
    assert spacing(table) == pytest.approx(0.02, rel=1e-2)


@pytest.mark.parametrize("at_once", [1, 1 << 24])
def test_a_large_table_is_sampled_evenly(monkeypatch, at_once):
    monkeypatch.setattr(radius, "WORDS", 50)
    monkeypatch.setattr(radius, "_AT_ONCE", at_once)
    table = torch.randn(200, 6, generator=torch.Generator().manual_seed(1))
    apart = torch.cdist(table, table).fill_diagonal_(torch.inf).amin(1)
    assert spacing(table) == pytest.approx(float(apart[::4].median()), rel=1e-5)


def test_fewer_than_two_words_have_no_distance():
    assert spacing(torch.zeros(3, 2)) == 0
    assert spacing(torch.tensor([[3.0, 4.0], [0.0, 0.0]])) == 0
