from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import BertForSequenceClassification
from transformers.modeling_outputs import SequenceClassifierOutput

from attnaudit.errors import ModelError
from attnaudit.models.interface import check_laws
from attnaudit.models.transformer import classifier
from attnaudit.models.transformer.classifier import TransformerClassifier

from .conftest import DECODERS, KINDS, LAST, PAD, text_batch

LENGTHS = (20, 12, 5)


def furthest(a, b):
    return (a - b).abs().max().item()


# --- the laws, for each architecture ---------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_laws_hold(make_classifier, kind):
    model = make_classifier(kind)
    assert model.anatomy.row == ("last_not_pad" if kind in DECODERS else "first")
    batch = text_batch(*LENGTHS)
    with torch.no_grad():
        encoded = model.encode(batch)
        alpha = model.attend(encoded)
        plain = model(batch)
        assert furthest(model.read(encoded, alpha.unsqueeze(1))[:, 0], plain) <= 1e-5
        assert plain.std() > 0.01
    check_laws(model, text_batch(12, 5, 9, 12, 4), 3)


@pytest.mark.parametrize("kind", KINDS)
def test_reading_is_the_whole_network_with_that_row_overridden(make_classifier, kind):
    """For any weights: in their sum above 1, negative, or none at all."""
    model, batch = make_classifier(kind), text_batch(*LENGTHS)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    odd = torch.randn(alpha.shape, generator=torch.Generator().manual_seed(1))
    rows = batch.mask.sum(1) - 1 if kind in DECODERS else torch.zeros(3, dtype=torch.long)
    for weights in (alpha.flip(1), odd * encoded.attendable.unsqueeze(1), torch.zeros_like(alpha)):
        calls = []

        def override(call, weights=weights, calls=calls):
            calls.append(call)
            given = call.plain().clone()
            if len(calls) == len(model.anatomy.blocks):
                given[torch.arange(3), rows] = call.output(weights.unsqueeze(2))[:, 0]
            return given

        with model.seam.handling(override):
            whole = model(batch)
        assert furthest(model.read(encoded, weights.unsqueeze(1))[:, 0], whole) <= 1e-5
        assert furthest(whole, model(batch)) > 1e-4


@pytest.mark.parametrize("kind", ["bert", "gpt2", "deberta"])
def test_some_variants_are_read_as_all_are(make_classifier, monkeypatch, kind):
    model, batch = make_classifier(kind), text_batch(*LENGTHS)
    encoded = model.encode(batch)
    alpha = model.attend(encoded).unsqueeze(1).repeat(1, 5, 1, 1) * torch.rand(3, 5, 1, 1)
    asked = torch.tensor([[1, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 0]]).bool()
    above, rows = TransformerClassifier._above, []

    def counted(self, residual, handler):
        rows.append(len(residual))
        return above(self, residual, handler)

    expected = model.read(encoded, alpha)[asked]
    monkeypatch.setattr(TransformerClassifier, "_above", counted)
    assert furthest(model.read_some(encoded, alpha, asked), expected) <= 1e-6
    assert sum(rows) == 6


def test_one_text_stands_below_the_blocks_for_all_rows(make_classifier):
    """Where the head goes by what the blocks give, and not by how many texts there are."""
    model, batch = make_classifier("bert"), text_batch(*LENGTHS)
    encoded, looked_up = model.encode(batch), []
    alpha = model.attend(encoded).unsqueeze(1).repeat(1, 4, 1, 1)
    embeddings = model.network.bert.embeddings
    hook = embeddings.register_forward_hook(lambda *seen: looked_up.append(len(seen[2])))
    try:
        assert model.read(encoded, alpha).shape == (3, 4, 3)
    finally:
        hook.remove()
    assert looked_up == [1]
    assert model._one
    assert not make_classifier("gpt2")._one


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(make_classifier, kind):
    """A text alone is what the user's own call of transformers would see."""
    model, batch = make_classifier(kind), text_batch(*LENGTHS)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    for b, n in enumerate(LENGTHS):
        alone = batch.select(torch.tensor([b]))
        assert alone.ids.shape == (1, n)
        network = model.network(input_ids=alone.ids).logits
        assert furthest(model(batch)[b], network[0]) <= 1e-5
        encoded_alone = model.encode(alone)
        assert torch.equal(encoded_alone.attendable[0], encoded.attendable[b, :n])
        assert furthest(model.attend(encoded_alone)[0], alpha[b, :, :n]) <= 1e-5


@pytest.mark.parametrize("kind", DECODERS)
def test_left_padded_texts_are_answered_alike(make_classifier, make_network, kind):
    """Ours are padded on the right, whatever the tokenizer's side is."""
    batch = text_batch(*LENGTHS)
    left = torch.stack([row.roll(20 - n) for row, n in zip(batch.ids, LENGTHS, strict=True)])
    mask = torch.stack([row.roll(20 - n) for row, n in zip(batch.mask, LENGTHS, strict=True)])
    # OPT numbers positions by itself, from the mask.
    positions = {} if kind == "opt" else {"position_ids": (mask.cumsum(1) - 1).clamp_min(0)}
    theirs = make_network(kind, "eager")(input_ids=left, attention_mask=mask.long(), **positions)
    assert furthest(make_classifier(kind)(batch), theirs.logits) <= 1e-5


@pytest.mark.parametrize(
    ("kind", "attended"),
    [
        *(("mistral", 6), ("gemma2", 6), ("gemma3_text", 6), ("gpt_neo", 6)),
        *(("modernbert", 5), ("llama", 20)),
    ],
)
def test_a_window_bounds_what_is_attendable(make_classifier, kind, attended):
    """Of ModernBERT's window half lies on each side, and the first row has one side only."""
    model, batch = make_classifier(kind), text_batch(*LENGTHS)
    encoded = model.encode(batch)
    assert encoded.attendable.sum(1).tolist() == [min(n, attended) for n in LENGTHS]
    assert (encoded.content <= encoded.attendable & batch.content).all()
    near = encoded.attendable[0].nonzero().flatten().tolist()
    assert near == list(range(attended) if kind == "modernbert" else range(20 - attended, 20))


def test_heads_that_share_keys_and_values_are_heads_of_their_own(make_classifier):
    model, batch = make_classifier("llama"), text_batch(*LENGTHS)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    assert alpha.shape == (3, 4, 20)
    assert model.anatomy.heads == 4
    assert encoded.call.value.shape[1] == 2
    vectors = model.values(encoded).vectors
    assert torch.equal(vectors[:, 0], vectors[:, 1])
    assert not torch.equal(vectors[:, 1], vectors[:, 2])
    assert not torch.equal(alpha[:, 0], alpha[:, 1])


def test_scores_are_capped_where_the_model_caps_them(make_classifier):
    batch = text_batch(*LENGTHS)
    capped, free = (make_classifier("gemma2", attn_logit_softcapping=c) for c in (0.01, None))
    flat, sharp = (model.attend(model.encode(batch))[0, :, 14:] for model in (capped, free))
    assert (flat.amax(1) / flat.amin(1)).max() <= torch.tensor(0.02).exp() + 1e-6
    assert (sharp.amax(1) / sharp.amin(1)).max() > 1.05


# --- what the steps give -----------------------------------------------------------------------


def test_gradients_reach_the_embeddings(make_classifier):
    model, batch = make_classifier("bert"), text_batch(9, 9)
    leaf = model.embed(batch).requires_grad_()
    encoded = model.encode(batch, leaf)
    ours = model.read(encoded, model.attend(encoded).unsqueeze(1))[:, 0, 1].sum()
    theirs = model.network(inputs_embeds=leaf).logits[:, 1].sum()
    grads = [torch.autograd.grad(answer, leaf)[0] for answer in (ours, theirs)]
    assert grads[0].abs().max() > 1e-3
    torch.testing.assert_close(*grads, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("kind", ["bert", "gpt2", "albert", "llama", "deberta", "falcon", "mpt"])
def test_values_say_what_the_attention_adds_to_the_residual(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(9, 7)
    encoded = model.encode(batch)
    values, alpha = model.values(encoded), model.attend(encoded)
    heads = torch.einsum("bht,bhtd->bhd", alpha, values.vectors)
    added = torch.einsum("bhd,hdo->bo", heads, values.output)
    layer = model.anatomy.output
    theirs = layer(encoded.call.output(alpha.unsqueeze(2))[:, 0].flatten(1))
    bias = 0 if layer.bias is None else layer.bias
    torch.testing.assert_close(added + bias, theirs, atol=1e-5, rtol=1e-4)
    assert values.residual.shape == (2, 32)


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama", "mistral", "gemma2", "modernbert"])
def test_keys_are_what_the_weights_are_the_softmax_of(make_classifier, kind):
    """Heads may share keys, scores may be capped, and a window may hide some."""
    model, batch = make_classifier(kind), text_batch(*LENGTHS)
    encoded = model.encode(batch)
    keys = model.keys(encoded)
    scores = torch.einsum("bhtk,bhk->bht", keys.vectors, keys.query)
    if kind == "gemma2":
        assert keys.softcap == 5.0
        scores = 5 * torch.tanh(scores / 5)
    hidden = ~encoded.attendable.unsqueeze(1)
    weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
    assert furthest(weights, model.attend(encoded)) <= 1e-6


@pytest.mark.parametrize("kind", ["deberta", "bloom"])
def test_networks_beside_the_interface_show_no_keys(make_classifier, kind):
    model = make_classifier(kind)
    assert model.keys(model.encode(text_batch(9, 7))) is None


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("kind", ["bert", "llama", "deberta-v3", "bloom"])
def test_audits_count_in_float32_at_least(make_network, kind, dtype):
    network = make_network(kind).to(dtype)
    model, batch = TransformerClassifier(network, text_batch(9, 6)), text_batch(*LENGTHS)
    given = torch.float64 if dtype == torch.float64 else torch.float32
    encoded = model.encode(batch)
    alpha, values = model.attend(encoded), model.values(encoded)
    logits = model.read(encoded, alpha.unsqueeze(1))
    for tensor in (alpha, values.vectors, values.output, values.residual, logits, model(batch)):
        assert tensor.dtype == given
    assert model.embed(batch).dtype == given
    assert (alpha.sum(-1) - 1).abs().max() < 1e-6
    check_laws(model, batch, 3)


def test_many_rows_are_read_in_parts(make_classifier, monkeypatch):
    model, batch = make_classifier("bert"), text_batch(9, 7)
    encoded = model.encode(batch)
    alpha = torch.rand(2, 5, 4, 9)
    whole = model.read(encoded, alpha)
    sizes = []
    above = model._above
    assert model._rows_at_once == classifier.ROW_BYTES // (4 * 64)  # 64 is its widest layer
    monkeypatch.setitem(vars(model), "_rows_at_once", 4)
    monkeypatch.setattr(model, "_above", lambda r, a: sizes.append(len(r)) or above(r, a))
    torch.testing.assert_close(model.read(encoded, alpha), whole)
    assert sizes == [4, 4, 2]


# --- nothing is left behind ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bert", "albert", "gpt2", "gemma2", "deberta", "bloom"])
def test_an_intervention_leaves_the_model_as_it_was(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(*LENGTHS)
    before = model(batch)
    encoded = model.encode(batch)
    model.read(encoded, torch.rand(3, 7, 4, 20))
    assert torch.equal(model(batch), before)
    with pytest.raises(RuntimeError):
        model.read(encoded, torch.rand(3, 7, 4, 21))  # one token too many
    with pytest.raises(RuntimeError):
        model.encode(batch, torch.rand(3, 20, 33))
    assert torch.equal(model(batch), before)
    assert torch.equal(model.network(batch.ids, attention_mask=batch.mask.long()).logits, before)
    assert not any("forward" in vars(module) for module in model.modules())


# --- families of wrong models --------------------------------------------------------------------


class Wrong(BertForSequenceClassification):
    """Classifies as BERT does, but for what `answer` does."""

    def __init__(self, config):
        super().__init__(config)
        self.mix = nn.Linear(32, 32)

    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None, **rest):
        self.seen = {"ids": input_ids, "mask": attention_mask, "embeds": inputs_embeds}
        out = self.bert(input_ids, attention_mask=attention_mask, inputs_embeds=inputs_embeds)
        return SequenceClassifierOutput(logits=self.answer(out.last_hidden_state))


class MeanPooling(Wrong):
    """The mean of all rows, those of padding too."""

    def answer(self, states):
        return self.classifier(states.mean(1))


class SecondRow(Wrong):
    def answer(self, states):
        return self.classifier(states[:, min(1, states.shape[1] - 1)])


class EmbeddingsBypass(Wrong):
    """The head reads the text beside the row."""

    def answer(self, states):
        ids, embeds = self.seen["ids"], self.seen["embeds"]
        embeds = self.bert.embeddings.word_embeddings(ids) if embeds is None else embeds
        return self.classifier(states[:, 0] + self.mix(embeds.mean(1)))


class CountsPadding(Wrong):
    """The head's temperature is the width of the batch."""

    def answer(self, states):
        return self.classifier(states[:, 0]) * states.shape[1]


class Forgetful(Wrong):
    """Answers otherwise each time."""

    def answer(self, states):
        self.asked = getattr(self, "asked", 0) + 1
        return self.classifier(states[:, 0]) + self.asked


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            MeanPooling,
            "reads some rows of its last layer, neither one nor all of a text",
        ),
        (SecondRow, "its classification head reads a row that is not the first or last"),
        (EmbeddingsBypass, "cannot change its attention: with uniform weights, it gives another"),
        (CountsPadding, "cannot change its attention: with uniform weights, it gives another"),
        (Forgetful, "cannot change its attention: with uniform weights, it gives another"),
    ],
)
def test_a_wrong_head_is_refused(make_classifier, wrong, said):
    with pytest.raises(ModelError, match=said):
        make_classifier("bert", maker=wrong)


def wrong_block(network, change):
    """The network with its last block's answer changed by `change(states before, after)`."""
    block = network.bert.encoder.layer[-1]
    own = block.forward

    def forward(hidden, *args, **kwargs):
        return change(hidden, own(hidden, *args, **kwargs))

    block.forward = forward
    return network


@pytest.mark.parametrize(
    "change",
    [
        lambda before, after: after + after.mean(1, keepdim=True),  # rows mix above the attention
        lambda before, after: after + before.mean(1, keepdim=True),
        lambda before, after: after * after.shape[1],
    ],
)
def test_a_block_that_does_more_than_attend_is_refused(make_network, change):
    network = wrong_block(make_network("bert", "ours"), change)
    with pytest.raises(ModelError, match=r"attnaudit cannot change its attention|some rows"):
        TransformerClassifier(network, text_batch(9, 6))


def test_texts_that_answer_for_each_other_are_refused(make_network):
    network = wrong_block(make_network("bert", "ours"), lambda before, after: after.roll(1, dims=0))
    model = TransformerClassifier(network, text_batch(9, 6))
    with pytest.raises(ModelError, match="variants influence each other"):
        check_laws(model, text_batch(*LENGTHS), 3)


def test_a_block_that_changes_its_row_alone_is_read_rightly(make_network):
    network = wrong_block(make_network("bert", "ours"), lambda before, after: 2 * after + before)
    model = TransformerClassifier(network, text_batch(9, 6))
    check_laws(model, text_batch(*LENGTHS), 3)


def test_projections_that_are_read_elsewhere_are_computed(make_network):
    """While reading, nobody reads queries, keys and values: but here somebody does."""
    usual = TransformerClassifier(make_network("bert", "ours"), text_batch(9, 6))
    layer = usual.network.bert.encoder.layer[-1].attention.self
    assert set(usual._unread) == {layer.query, layer.key, layer.value}
    network = make_network("bert", "ours")
    block = network.bert.encoder.layer[-1]
    block.beside = nn.Linear(32, 32)
    own = block.forward

    def forward(hidden, *args, **kwargs):
        beside = block.beside(hidden)
        return own(hidden, *args, **kwargs) + beside

    block.forward = forward
    model = TransformerClassifier(network, text_batch(9, 6))
    assert block.beside in model.anatomy.inputs
    assert model._unread == ()
    check_laws(model, text_batch(*LENGTHS), 3)


def test_specials_lie_outside_the_content(make_classifier):
    model, batch = make_classifier("bert"), text_batch(*LENGTHS)
    encoded = model.encode(batch)
    assert torch.equal(encoded.attendable, batch.mask)
    ends = torch.stack([batch.ids == LAST, batch.ids == PAD]).any(0)
    ends[:, 0] = True
    assert torch.equal(encoded.content, ~ends)
