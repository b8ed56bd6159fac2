from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from attnaudit.readings import find_reading
from tests.models.transformer.conftest import config_of

EACH = torch.arange(2)


def of(name, found):
    with torch.no_grad():
        return find_reading(name).compute(found)


def test_of_a_bilstm_it_is_the_words_own_part_of_the_logit(classic):
    found = classic()
    shown = of("gradient_attention", found)
    per_token, _ = found.model.token_logits(found.encoded)
    sign = torch.where(found.target == 1, 1.0, -1.0).unsqueeze(1)
    expected = sign * found.alpha[:, 0] * per_token[:, :, 1]
    torch.testing.assert_close(shown * found.batch.content, expected * found.batch.content)
    assert (shown < 0).any()
    assert (shown > 0).any()


def test_another_class_has_the_other_sign_where_there_are_two(classic):
    found = classic()
    other = replace(found, target=1 - found.target)
    torch.testing.assert_close(of("gradient_attention", other), -of("gradient_attention", found))


def test_it_is_the_slope_of_the_answer_by_differences(seen):
    found = seen("bert")
    shown = of("gradient_attention", found)

    def odds(alpha):
        with torch.no_grad():
            logits = found.model.read(found.encoded, alpha.unsqueeze(1))[:, 0].double()
        p = logits.softmax(-1)[EACH, found.target]
        return (p / (1 - p)).log()

    for position in (1, 4):
        step = torch.zeros_like(found.alpha)
        step[:, :, position] = 1e-2 * found.alpha[:, :, position]
        slope = (odds(found.alpha + step) - odds(found.alpha - step)) / 2e-2
        torch.testing.assert_close(shown[:, position].double(), slope, atol=1e-4, rtol=2e-2)


def by_hand(model, batch, target):
    """The update rule on transformers' own BERT: R <- R + mean((grad * A)^+) R, from the bottom."""
    network = type(model.network)(config_of("bert", attn_implementation="eager")).eval()
    network.load_state_dict(model.network.state_dict())
    given = network(input_ids=batch.ids, attention_mask=batch.mask.long(), output_attentions=True)
    for attention in given.attentions:
        attention.retain_grad()
    p = given.logits.softmax(-1)[EACH, target]
    (p / (1 - p)).log().sum().backward()
    tokens = batch.ids.shape[1]
    relevance = torch.eye(tokens).repeat(2, 1, 1)
    for attention in given.attentions:
        rule = (attention.grad * attention).clamp_min(0).mean(1)
        relevance = relevance + rule @ relevance
    return (relevance - torch.eye(tokens))[:, 0].detach()


def test_relevance_is_the_rule_of_its_authors_layer_by_layer(seen):
    found = seen("bert")
    expected = by_hand(found.model, found.batch, found.target)
    shown = of("relevance", found)
    torch.testing.assert_close(shown, expected * found.batch.mask, atol=1e-5, rtol=1e-3)
    other = of("relevance", replace(found, target=(found.target + 1) % 3))
    assert (other - shown).abs().max() > 1e-3


def test_without_a_slope_nothing_is_relevant(seen):
    """A classifier whose last layer is 0 answers the same whatever it attends to."""
    found = seen("bert")
    model = copy.deepcopy(found.model)
    model.network.classifier.weight.data.zero_()
    found = replace(found, model=model)
    assert (of("relevance", found) == 0).all()
    assert (of("gradient_attention", found) == 0).all()


def test_the_graph_answers_as_the_model_does(seen):
    for kind in ("bert", "gpt2", "mpnet"):
        found = seen(kind)
        logits, weights = found.model.attention_graph(found.batch)
        plain = found.model(found.batch)
        torch.testing.assert_close(logits.detach(), plain, atol=1e-5, rtol=1e-5)
        traced = [layer.alpha for layer in found.model.trace(found.batch)]
        real = found.batch.mask[:, None, :, None]
        for ours, theirs in zip(weights, traced, strict=True):
            torch.testing.assert_close(ours.detach() * real, theirs * real, atol=1e-5, rtol=1e-4)


def test_input_gradients_in_closed_form(classic):
    """An encoder that sees each word by itself: the slope of the logit, one word at a time."""
    found = classic(encoder="average")
    model, batch = found.model, found.batch
    shown = of("attention_input_gradient", found)
    e = model.embed(batch).detach()
    by_difference = torch.zeros_like(e)

    def z(embeddings):
        encoded = model.encode(batch, embeddings)
        alpha = model.attend(encoded)
        return model.read(encoded, alpha.unsqueeze(1))[:, 0, 1]

    model.double()
    e = e.double()
    with torch.no_grad():
        for t in range(e.shape[1]):
            for d in range(e.shape[2]):
                step = torch.zeros_like(e)
                step[:, t, d] = 1e-5
                by_difference[:, t, d] = ((z(e + step) - z(e - step)) / 2e-5).float()
    expected = found.alpha[:, 0] * (e.float() * by_difference).norm(dim=-1)
    torch.testing.assert_close(shown, expected, atol=1e-6, rtol=1e-3)


@pytest.mark.parametrize("kind", ["bert", "gpt2", "mpnet"])
def test_texts_beside_it_change_nothing(seen, kind):
    together, alone = seen(kind), seen(kind, 9)
    for name in ("gradient_attention", "relevance", "attention_input_gradient"):
        both = of(name, together)
        torch.testing.assert_close(both[:1], of(name, alone), atol=1e-5, rtol=1e-3)
        assert (both[~together.batch.mask] == 0).all()


def test_a_bilstm_has_no_layers_to_add_relevance_up_over(classic):
    model = classic().model
    assert "this model shows one" in find_reading("relevance").needs(model)
    assert find_reading("attention_input_gradient").needs(model) is None
