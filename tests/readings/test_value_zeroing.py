from __future__ import annotations

import pytest
import torch

from attnaudit.readings import find_reading
from tests.models.transformer.conftest import config_of

EACH = torch.arange(2)


def of(name, found):
    with torch.no_grad():
        return find_reading(name).compute(found)


def by_hand(model, batch, layer):
    """(B, T, T) from transformers' own BERT, whose value layer gives zeros at one position."""
    network = type(model.network)(config_of("bert", attn_implementation="eager")).eval()
    network.load_state_dict(model.network.state_dict())

    def states(zero=None):
        def silence(module, args, given):
            given = given.clone()
            given[:, zero] = 0
            return given

        value = network.bert.encoder.layer[layer].attention.self.value
        hook = value.register_forward_hook(silence) if zero is not None else None
        asked = {"input_ids": batch.ids, "attention_mask": batch.mask.long()}
        with torch.no_grad():
            given = network(**asked, output_hidden_states=True).hidden_states[layer + 1]
        if hook is not None:
            hook.remove()
        return given.double()

    plain = states()
    return torch.stack(
        [1 - torch.cosine_similarity(plain, states(j), dim=-1) for j in range(plain.shape[1])], -1
    )


def test_it_is_what_transformers_gives_with_zeros_for_values(seen):
    found = seen("bert")
    batch = found.batch
    real = batch.mask.unsqueeze(1)
    each = [by_hand(found.model, batch, layer) * real for layer in range(3)]
    shown = of("value_zeroing", found)
    torch.testing.assert_close(shown, each[2][EACH, 0].float(), atol=1e-6, rtol=1e-3)
    assert shown.max() > 1e-3
    mixed = [d / d.sum(-1, keepdim=True) for d in each]
    product = (mixed[2] @ mixed[1] @ mixed[0])[EACH, 0].float()
    torch.testing.assert_close(of("value_zeroing_rollout", found), product, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("kind", ["bert", "gpt2", "mpnet", "albert"])
def test_texts_beside_it_change_nothing(seen, kind):
    together, alone = seen(kind), seen(kind, 9)
    for name in ("value_zeroing", "value_zeroing_rollout", "value_zeroing_answer"):
        both = of(name, together)
        torch.testing.assert_close(both[:1], of(name, alone), atol=1e-6, rtol=1e-3)
        assert (both[~together.batch.mask] == 0).all()
        assert (both >= 0).all()
    assert of("value_zeroing_rollout", together).sum(1).tolist() == pytest.approx([1, 1], abs=1e-5)


def test_of_a_bilstm_the_answer_moves_by_the_words_own_part_of_the_logit(classic):
    found = classic()
    per_token, bias = found.model.token_logits(found.encoded)
    parts = found.alpha[:, 0] * per_token[:, :, 1]  # of z
    z = parts.sum(1, keepdim=True) + bias[1]
    expected = (z.sigmoid() - (z - parts).sigmoid()).abs() * found.batch.content
    torch.testing.assert_close(of("value_zeroing_answer", found), expected)
    assert expected.max() > 1e-3


def test_the_answer_is_that_of_weights_that_are_not_scaled_up(seen):
    found = seen("bert", 7)
    shown = of("value_zeroing_answer", found)[0]
    for position in range(7):
        left = found.alpha.clone()
        left[:, :, position] = 0
        both = torch.stack([found.alpha, left], dim=1)
        own, without = found.model.read(found.encoded, both)[0].softmax(-1)
        moved = float((own - without).abs().sum() / 2)
        assert float(shown[position]) == pytest.approx(moved, abs=1e-6)


def test_models_that_show_one_attention_are_told_why(classic):
    model = classic().model
    for name in ("value_zeroing", "value_zeroing_rollout"):
        assert "this model shows one" in find_reading(name).needs(model)
    assert find_reading("value_zeroing_answer").needs(model) is None
