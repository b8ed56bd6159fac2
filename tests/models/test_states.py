from __future__ import annotations

import math

import pytest
import torch

from attnaudit.models.states import conicity


def everything(vectors: torch.Tensor) -> torch.Tensor:
    return torch.ones(vectors.shape[0], vectors.shape[2], dtype=torch.bool)


def test_vectors_of_one_direction_are_a_cone_of_one():
    vectors = torch.tensor([1.0, 2.0, 5.0]).view(1, 1, 3, 1) * torch.tensor([3.0, -4.0])
    assert conicity(vectors, everything(vectors)).item() == pytest.approx(1)


def test_a_vector_that_points_backwards_lies_on_the_cone_too():
    vectors = torch.tensor([[1.0, 0.0], [-0.5, 0.0]]).view(1, 1, 2, 2)
    assert conicity(vectors, everything(vectors)).item() == pytest.approx(1)


def test_two_orthogonal_vectors_lie_at_half_a_right_angle_from_their_mean():
    vectors = torch.eye(2).view(1, 1, 2, 2)
    assert conicity(vectors, everything(vectors)).item() == pytest.approx(1 / math.sqrt(2))


def test_rotation_and_scale_change_nothing():
    torch.manual_seed(0)
    vectors = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    turn, _ = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))
    found = conicity(vectors, everything(vectors))
    torch.testing.assert_close(conicity(7 * vectors @ turn, everything(vectors)), found)
    assert ((found >= 0) & (found <= 1)).all()


def test_only_content_counts_and_heads_are_averaged():
    torch.manual_seed(0)
    vectors = torch.randn(1, 2, 6, 4)
    content = torch.tensor([[False, True, True, False, True, False]])
    alone = vectors[:, :, content[0]]
    found = conicity(vectors, content)
    torch.testing.assert_close(found, conicity(alone, everything(alone)))
    heads = [conicity(vectors[:, h : h + 1], content) for h in range(2)]
    torch.testing.assert_close(found, torch.stack(heads).mean(0))
