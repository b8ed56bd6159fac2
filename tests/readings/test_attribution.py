from __future__ import annotations

import pytest
import torch

from attnaudit.readings import find_reading
from attnaudit.readings.attribution import STEPS
from attnaudit.readings.attribution_passes import by_head


@torch.no_grad()
def gained(found):
    """(B,) the probability of the target less that without attention."""
    both = torch.stack([found.alpha, torch.zeros_like(found.alpha)], dim=1)
    probs = found.model.read(found.encoded, both).softmax(-1)
    return (probs[:, 0] - probs[:, 1]).gather(1, found.target.unsqueeze(1))[:, 0]


@pytest.mark.parametrize("kind", ["bert", "gpt2", "mpnet", "llama"])
def test_attributions_add_up_to_what_attention_gains(seen, kind):
    found = seen(kind)
    shown = find_reading("attention_attribution").compute(found)
    assert gained(found).abs().min() > 1e-4
    torch.testing.assert_close(shown.sum(1), gained(found), atol=2e-5, rtol=2e-3)
    assert (shown[~found.batch.mask] == 0).all()


def test_of_a_linear_readout_they_are_shares_of_the_gain(classic):
    """All weights grow alike, so that each gets its part of the logit of what is gained."""
    found = classic()
    per_token, bias = found.model.token_logits(found.encoded)
    parts = found.alpha[:, 0] * per_token[:, :, 1]
    z = parts.sum(1)
    gain = (z + bias[1]).sigmoid() - bias[1].sigmoid()
    expected = torch.where(found.target == 1, 1, -1).unsqueeze(1) * parts * (gain / z).unsqueeze(1)
    shown = find_reading("attention_attribution").compute(found)
    torch.testing.assert_close(shown, expected.detach(), atol=1e-6, rtol=1e-3)


def test_the_error_falls_with_the_square_of_the_steps(classic):
    """As that of midpoints does; left ends, which the authors take, would fall with the steps."""
    found = classic()
    found.model.double().output.weight.data.mul_(40)  # an answer that is far from linear
    found = type(found)(
        found.model,
        found.batch,
        (encoded := found.model.encode(found.batch)),
        found.model.attend(encoded),
        found.target,
    )
    errors = [
        float((by_head(found, steps).sum((1, 2)) - gained(found)).abs().max()) for steps in (8, 32)
    ]
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.2)


def test_points_in_pieces_are_points_at_once(seen, monkeypatch):
    found = seen("bert")
    whole = by_head(found, STEPS)
    monkeypatch.setattr("attnaudit.readings.attribution_passes.NUMBERS", 5 * found.alpha.numel())
    torch.testing.assert_close(by_head(found, STEPS), whole, atol=1e-6, rtol=1e-4)
