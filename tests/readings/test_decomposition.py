from __future__ import annotations

import pytest
import torch

from attnaudit.errors import InputError
from attnaudit.models.transformer.encoder_decoder import EncoderDecoder
from attnaudit.readings import find_reading
from attnaudit.readings.decomposition_passes import contributions
from tests.models.transformer.conftest import text_batch
from tests.readings.conftest import seen_of


@torch.no_grad()
def scores(found):
    """(B,) the logit of the target less the mean of the others."""
    logits = found.model(found.batch)
    target = logits.gather(1, found.target.unsqueeze(1))[:, 0]
    return target - (logits.sum(1) - target) / (logits.shape[1] - 1)


@pytest.fixture(scope="module")
def taken(make_classifier):
    """Of a kind of transformer what is seen of some texts, with their contributions: made once."""
    made = {}

    def take(kind, *lengths):
        if (kind, lengths) not in made:
            found = seen_of(make_classifier(kind), text_batch(*lengths))
            made[kind, lengths] = (found, *contributions(found))
        return made[kind, lengths]

    return take


GATED = ["llama", "gemma", "modernbert"]


@pytest.mark.parametrize(
    ("kind", "lengths"),
    [
        *((kind, (9, 6)) for kind in ("bert", "distilbert", "mpnet")),
        *((kind, (9,)) for kind in ("gpt2", "albert", *GATED)),
    ],
)
def test_contributions_and_the_rest_add_up_to_the_logit(taken, kind, lengths):
    found, parts, rest = taken(kind, *lengths)
    torch.testing.assert_close((parts.sum(1) + rest).float(), scores(found), atol=1e-5, rtol=1e-4)
    assert (parts[~found.batch.mask] == 0).all()
    assert parts.abs().max() > 1e-3
    assert (parts < 0).any() or kind == "gpt2"


def test_of_three_classes_each_has_its_own(seen):
    found = seen("bert", 6)
    shown = find_reading("contributions").compute(found)
    for other in range(3):
        target = torch.full_like(found.target, other)
        moved = type(found)(found.model, found.batch, found.encoded, found.alpha, target)
        parts, rest = contributions(moved)
        torch.testing.assert_close((parts.sum(1) + rest).float(), scores(moved), atol=1e-5, rtol=0)
        if other == int(found.target[0]):
            torch.testing.assert_close(shown[0], parts[0].float())


@torch.no_grad()
def test_of_bert_they_are_the_linear_network_with_its_factors_held(taken):
    """A second way: the derivative of the network in which what is held is held, times the part."""
    found, parts, _ = taken("bert", 9, 6)
    network = found.model.network
    block, heads = network.bert.encoder.layer[-1], found.values
    mapped = torch.einsum("bht,bhtd,hdm->btm", found.alpha, heads.vectors, heads.output)[0]

    def spread(norm, x):
        return (x.var(-1, correction=0, keepdim=True) + norm.eps).sqrt()

    bias = block.attention.output.dense.bias
    first, second = block.attention.output.LayerNorm, block.output.LayerNorm
    whole = heads.residual[0] + mapped.sum(0) + bias
    centred = [x - x.mean(-1, keepdim=True) for x in (mapped, whole)]
    part, state = (first.weight * c / spread(first, whole) for c in centred)
    state = state + first.bias
    inner = block.intermediate.dense(state)
    slope = torch.nn.functional.gelu(inner) / inner
    out = block.output.dense
    fed = out(slope * inner) + state
    part = (slope * (part @ block.intermediate.dense.weight.T)) @ out.weight.T + part
    part = second.weight * (part - part.mean(-1, keepdim=True)) / spread(second, fed)
    state = second(fed)
    pooled = network.bert.pooler.dense(state)
    part = (part @ network.bert.pooler.dense.weight.T) * pooled.tanh() / pooled
    logits = part @ network.classifier.weight.T  # (T, C)
    target = int(found.target[0])
    others = [c for c in range(3) if c != target]
    expected = logits[:, target] - logits[:, others].mean(1)
    torch.testing.assert_close(parts[0].float(), expected, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("labels", [("no", "yes"), ("a", "b", "c")])
def test_of_a_bilstm_they_are_the_words_own_logits(classic, labels):
    found = classic(labels)
    parts, rest = contributions(found)
    per_token, bias = found.model.token_logits(found.encoded)
    weighed = found.alpha[:, 0].unsqueeze(-1) * per_token  # (B, T, C)
    each = torch.arange(2)

    def score(logits):
        own = logits[each, ..., found.target]
        return own - (logits.sum(-1) - own) / (len(labels) - 1)

    expected = torch.stack([score(weighed[:, t]) for t in range(9)], dim=1)
    torch.testing.assert_close(parts.float(), expected, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(rest.float(), score(bias.expand(2, -1)), atol=1e-6, rtol=1e-4)


@torch.no_grad()
def test_of_llama_they_are_the_linear_network_with_its_factors_held(taken):
    """A second way, as for BERT; of the gate each side holds half of the other."""
    found, parts, _ = taken("llama", 9)
    network = found.model.network
    block, heads = network.model.layers[-1], found.values
    mapped = torch.einsum("bht,bhtd,hdm->btm", found.alpha, heads.vectors, heads.output)[0]

    def size(norm, x):
        return (x.pow(2).mean(-1, keepdim=True) + norm.variance_epsilon).sqrt()

    first, second, mlp = block.post_attention_layernorm, network.model.norm, block.mlp
    whole = heads.residual[0] + mapped.sum(0)
    normed = first.weight * mapped / size(first, whole)
    gate, up = (layer(first(whole)) for layer in (mlp.gate_proj, mlp.up_proj))
    slope = torch.nn.functional.silu(gate) / gate
    of_gate, of_up = (normed @ layer.weight.T for layer in (mlp.gate_proj, mlp.up_proj))
    product = slope * (of_gate * up + gate * of_up) / 2
    part = mapped + product @ mlp.down_proj.weight.T
    part = second.weight * part / size(second, whole + mlp(first(whole)))
    logits = part @ network.score.weight.T  # (T, C)
    target = int(found.target[0])
    expected = logits[:, target] - logits[:, [c for c in range(3) if c != target]].mean(1)
    torch.testing.assert_close(parts[0].float(), expected, atol=1e-5, rtol=1e-3)


@pytest.fixture(scope="module")
def of_t5(make_network):
    """A T5 of version 1.1, whose gate is an approximation of GELU that is written out."""
    network = make_network("t5", feed_forward_proj="gated-gelu")
    assert network.transformer.decoder.block[-1].layer[-1].DenseReluDense.wi_1 is not None
    model = EncoderDecoder(network, text_batch(9, 6))
    return lambda site: seen_of(model.other_site(site), text_batch(9))


def test_of_an_encoder_decoder_they_are_of_the_attention_to_the_encoder(of_t5):
    found = of_t5("cross")
    parts, rest = contributions(found)
    torch.testing.assert_close((parts.sum(1) + rest).float(), scores(found), atol=1e-5, rtol=1e-4)
    assert parts.abs().max() > 1e-3
    with pytest.raises(InputError, match="cannot be written as a sum over words: the operation _s"):
        contributions(of_t5("self"))
