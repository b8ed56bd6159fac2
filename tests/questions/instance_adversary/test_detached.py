from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import Encoded, ModelSpec
from attnaudit.questions.answers import answer
from attnaudit.questions.instance_adversary.make.detached import Detached
from attnaudit.questions.variants import answers


class TwoHeads:
    """Reads tanh of each head's weighted sum; position 0 is no content."""

    def __init__(self):
        self.values = torch.randn(2, 2, 4, 3, dtype=torch.float64)  # (B, H, T, C)

    def read(self, encoded, alpha):
        return torch.einsum("bvht,bhtc->bvhc", alpha, self.values).tanh().sum(2)


@pytest.fixture
def two_heads():
    torch.manual_seed(0)
    attendable = torch.tensor([[True] * 4, [True, True, True, False]])
    content = attendable.clone()
    content[:, 0] = False
    scores = torch.randn(2, 2, 4, dtype=torch.float64)
    alpha = scores.masked_fill(~attendable.unsqueeze(1), -torch.inf).softmax(-1)
    return Detached(TwoHeads(), Encoded(attendable, content), alpha)


def known(model, batches, instances):
    by_row = {i.row: i for i in instances}
    return [answer(model, batch, by_row) for batch in batches]


def test_its_own_weights_give_its_own_answer(two_heads):
    own = two_heads.own
    assert own.sum(-1) == pytest.approx(1)
    assert (own[:, :, 0] == 0).all()
    plain = two_heads.model.read(two_heads.encoded, two_heads.alpha.unsqueeze(1))
    assert two_heads.logits(own[:, None]) == pytest.approx(plain.numpy(), abs=1e-12)


def test_what_lies_outside_the_content_stays_with_the_mass_it_had(two_heads):
    seen = []
    two_heads.model.read = lambda encoded, alpha: seen.append(alpha) or alpha[..., 0]
    uniform = np.where(two_heads.content, 1.0, 0.0)
    uniform = uniform / uniform.sum(-1, keepdims=True)
    weights = np.broadcast_to(uniform[:, None, None], (2, 1, 2, 4))
    two_heads.logits(weights.copy())
    (alpha,) = seen
    assert torch.equal(alpha[:, 0, :, 0], two_heads.alpha[:, :, 0])
    torch.testing.assert_close(alpha.sum(-1), torch.ones(2, 1, 2, dtype=torch.float64))
    assert (alpha[1, :, :, 3] == 0).all()


def test_what_is_shown_is_the_mean_over_heads_renormalised(two_heads):
    mean = two_heads.alpha.mean(1).numpy()
    mean[:, 0] = 0
    expected = mean / mean.sum(-1, keepdims=True)
    assert two_heads.shown(two_heads.own[:, None])[:, 0] == pytest.approx(expected, abs=1e-12)


def test_heads_that_never_look_at_the_content_are_shown_uniform(two_heads):
    nowhere = torch.zeros_like(two_heads.alpha)
    nowhere[..., 0] = 1
    blind = Detached(two_heads.model, two_heads.encoded, nowhere)
    shown = blind.shown(blind.own[:, None])[:, 0]
    assert shown[0] == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])
    assert shown[1] == pytest.approx([0, 1 / 2, 1 / 2, 0])


def test_what_lies_outside_the_content_is_part_of_a_linear_answer():
    class Linear:
        tokens = torch.randn(2, 5, 3, dtype=torch.float64)
        bias = torch.randn(3, dtype=torch.float64)

        def token_logits(self, encoded):
            return self.tokens, self.bias

    content = torch.tensor([[False, True, True, True, False], [False, True, False, True, True]])
    alpha = torch.rand(2, 1, 5, dtype=torch.float64).softmax(-1)
    one = Detached(Linear(), Encoded(torch.ones_like(content), content), alpha)
    expected = alpha @ Linear.tokens + Linear.bias
    assert one.logits(one.own[:, None]) == pytest.approx(expected.numpy(), abs=1e-12)
    tensor = torch.from_numpy(one.own[:, None])
    torch.testing.assert_close(one.read(tensor), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_linear_readout_answers_as_the_model_does(batches, instances, vocabulary, classes):
    spec = ModelSpec(vocabulary, tuple("abc"[:classes]))
    model = build_classic(Recipe(embedding=6, hidden=8), spec, seed=0).eval()
    for found in known(model, batches(), instances):
        detached = Detached.of(model, found)
        generator = np.random.default_rng(0)
        weights = generator.random((len(found.batch), 5, 1, found.batch.ids.shape[1]))
        weights *= detached.content[:, None, None]
        weights /= weights.sum(-1, keepdims=True)
        tensor = torch.from_numpy(weights).float()
        probs = torch.from_numpy(detached.logits(weights)).softmax(-1)
        torch.testing.assert_close(
            probs.float(), answers(model, found.encoded, tensor), atol=1e-6, rtol=0
        )
        torch.testing.assert_close(
            detached.read(tensor), model.read(found.encoded, tensor), atol=1e-5, rtol=1e-5
        )
        model.token_logits = None
        other = Detached.of(model, found)
        assert other.linear is None
        assert other.logits(weights) == pytest.approx(detached.logits(weights), abs=1e-5)
        del model.token_logits
