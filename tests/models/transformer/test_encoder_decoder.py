"""Encoder-decoders against references that are no code of attnaudit, at both sites."""

from __future__ import annotations

import copy
import sys
from dataclasses import replace

import pytest
import torch

from attnaudit.data.batch import OUTSIDE
from attnaudit.data.pieces import Frame, Pieces
from attnaudit.errors import InputError, ModelError
from attnaudit.importance.deletion_passes import leave_one_out
from attnaudit.models.gradient_law import check_gradients
from attnaudit.models.interface import capability, check_laws
from attnaudit.models.transformer.blank import PretrainedBlank
from attnaudit.models.transformer.encoder_decoder import EncoderDecoder
from attnaudit.models.transformer.interception import Call
from attnaudit.models.transformer.loading import classifier_of
from attnaudit.models.transformer.opening import Opened
from attnaudit.models.transformer.reference import Reference
from tests.support.measure import errors, inputs_of, paired
from tests.support.references import behind, overridden

from .conftest import ENCODER_DECODERS, HALVES, LAST, PAD, PIECES, text_batch

LENGTHS = (20, 12, 5)
SITES = ("self", "cross")
USUAL = ("bart", "t5")
LANGUAGE = 4  # what mBART has behind the end token


def furthest(a, b):
    return (a - b).abs().max().item()


@pytest.fixture(scope="module")
def at(make_network):
    """A random classifier of a kind at a site, made once."""
    made = {}

    def make(kind, site="self"):
        if kind not in made:
            made[kind] = EncoderDecoder(make_network(kind), text_batch(9, 6))
        return made[kind].other_site(site)

    return make


@pytest.fixture
def opened(make_network):
    """A network as a folder would be opened, with what its tokenizer puts after a text."""

    def make(kind, after=(LAST,), **changes):
        network = make_network(kind, **changes)
        frame = Frame((2,), (), after)
        pieces = Pieces({f"p{i}": i for i in range(PIECES)}, frame, frame, PAD, 4)
        return network, Opened(Reference(kind), network.config, None, pieces)

    return make


def with_language(batch):
    """The texts with one more special token behind the end token."""
    ids = torch.nn.functional.pad(batch.ids, (0, 1), value=PAD)
    ends = batch.mask.sum(1, keepdim=True)
    words = torch.nn.functional.pad(batch.words, (0, 1), value=OUTSIDE)
    mask = torch.arange(ids.shape[1]) <= ends
    return replace(batch, ids=ids.scatter(1, ends, LANGUAGE), mask=mask, words=words)


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize(
    "kind",
    [pytest.param(k, marks=() if k in USUAL else pytest.mark.whole) for k in ENCODER_DECODERS],
)
def test_the_laws_hold_and_uniform_attention_is_what_an_override_gives(
    at, make_network, kind, site
):
    model, network, single = at(kind, site), make_network(kind), text_batch(*LENGTHS)
    for batch in (single, paired(single, network)):
        found = errors(kind, model, network, batch)
        assert found.identity <= 1e-5
        assert found.uniform <= 1e-5
        assert found.moved > 1e-4
    check_laws(model, single, 3)
    check_gradients(model, text_batch(3, 7, 5))
    assert model.anatomy.row == "last_end"
    assert model.site == f"layer 3 of 3 of the decoder, {site}-attention, the row of the end token"


@pytest.mark.parametrize("site", SITES)
def test_the_end_token_need_not_be_the_last(at, make_network, site):
    """mBART puts the language behind it, and begins its decoder with that."""
    model, network = at("mbart", site), make_network("mbart")
    batch = with_language(text_batch(*LENGTHS))
    found = errors("mbart", model, network, batch)
    assert max(found.identity, found.uniform) <= 1e-5
    check_laws(model, batch, 3)
    reached = model.encode(batch).attendable.sum(1)
    assert reached.tolist() == [n + (site == "cross") for n in LENGTHS]


@pytest.mark.parametrize("kind", USUAL)
def test_the_attention_is_what_the_network_reports(at, make_network, kind):
    """Of the words at their places in the text; the start token is at that of the end token."""
    network, batch = make_network(kind), text_batch(*LENGTHS)
    ours = {site: at(kind, site).attend(at(kind, site).encode(batch)) for site in SITES}
    for b, n in enumerate(LENGTHS):
        given = network(**inputs_of(network, batch, b, n), output_attentions=True)
        row = n - 1
        cross = given.cross_attentions[-1][0, :, row]
        own = given.decoder_attentions[-1][0, :, row]
        assert furthest(ours["cross"][b, :, :n], cross) <= 1e-6
        assert furthest(ours["self"][b, :, : n - 1], own[:, 1:]) <= 1e-6
        assert furthest(ours["self"][b, :, n - 1], own[:, 0]) <= 1e-6
        assert (ours["self"][b, :, n:] == 0).all()


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("kind", USUAL)
def test_any_weights_are_read_as_the_network_answers_with_them(at, make_network, kind, site):
    """What is above the changed attention runs anew in the reference, the other kind too."""
    model, network, batch = at(kind, site), make_network(kind), text_batch(*LENGTHS)
    encoded = model.encode(batch)
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(3, 5, 4, 20, generator=generator) * encoded.attendable[:, None, None]
    ours = model.read(encoded, weights)
    for b, n in enumerate(LENGTHS):
        inputs = inputs_of(network, batch, b, n)
        for v in range(5):
            asked = weights[b, v, :, :n]
            asked = behind(asked, n - 1) if site == "self" else asked
            theirs = overridden(kind, network, inputs, n - 1, asked, back=int(site == "self"))
            assert furthest(ours[b, v], theirs) <= 1e-5


def test_other_self_attention_asks_the_encoder_something_else(at, monkeypatch):
    """The other kind is held by nobody changing it, not by keeping its old weights."""
    model, batch = at("bart"), text_batch(*LENGTHS)
    encoded = model.encode(batch)
    flipped = model.attend(encoded).flip(1).unsqueeze(1)
    follows = model.read(encoded, flipped)
    monkeypatch.setattr(Call, "asked_by", lambda held, live: held)
    assert furthest(model.read(encoded, flipped), follows) > 1e-4


def test_variants_are_read_in_parts(at, monkeypatch):
    model, batch = at("bart"), text_batch(9, 7)
    encoded = model.encode(batch)
    weights = torch.rand(2, 5, 4, 9)
    whole = model.read(encoded, weights)
    monkeypatch.setattr(model, "_rows_at_once", 4)
    torch.testing.assert_close(model.read(encoded, weights), whole)


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("kind", USUAL)
def test_padding_changes_nothing(at, kind, site):
    model, batch = at(kind, site), text_batch(*LENGTHS)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    turned = model.read(encoded, alpha.flip(1).unsqueeze(1))
    for b, n in enumerate(LENGTHS):
        alone = model.encode(batch.select(torch.tensor([b])))
        weights = model.attend(alone)
        assert torch.equal(alone.content[0], encoded.content[b, :n])
        assert furthest(weights[0], alpha[b, :, :n]) <= 1e-5
        assert furthest(model.read(alone, weights.flip(1).unsqueeze(1)), turned[b]) <= 1e-5


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("kind", USUAL)
def test_a_deleted_word_is_read_by_neither_side(at, make_network, kind, site):
    """Each shorter text by the network itself, which gives both sides what is left."""
    model, network, batch = at(kind, site), make_network(kind), text_batch(9)
    probs = network(input_ids=batch.ids).logits.softmax(-1)
    theirs = []
    for word in range(1, 8):
        ids = torch.cat([batch.ids[:, :word], batch.ids[:, word + 1 :]], 1)
        theirs.append((network(input_ids=ids).logits.softmax(-1) - probs).abs().sum() / 2)
    ours = leave_one_out(model, batch, probs, 1 << 20)
    assert furthest(ours[0], torch.stack(theirs)) <= 1e-5
    assert max(theirs) > 1e-3


def test_gradients_count_the_word_on_both_sides(at, make_network):
    model, network, batch = at("bart"), make_network("bart"), text_batch(9)
    embedded = model.embed(batch).requires_grad_()
    encoded = model.encode(batch, embedded)
    answer = model.read(encoded, model.attend(encoded).unsqueeze(1))[0, 0, 0]
    (ours,) = torch.autograd.grad(answer, embedded)
    leaves = []

    def leaf(module, args, given):
        leaves.append(given.detach().requires_grad_())
        return leaves[-1]

    sides = (network.model.encoder, network.model.decoder)
    hooks = [side.embed_tokens.register_forward_hook(leaf) for side in sides]
    slopes = torch.autograd.grad(network(input_ids=batch.ids).logits[0, 0], leaves)
    for hook in hooks:
        hook.remove()
    by_encoder, by_decoder = slopes
    theirs = by_encoder.clone()
    theirs[:, :-1] += by_decoder[:, 1:]
    assert furthest(ours, theirs) <= 1e-6
    assert by_decoder[:, 1:].abs().amax() > 1e-4
    assert by_encoder.abs().amax() > 1e-4


def test_all_layers_uniform(at, make_network, monkeypatch):
    """The encoder's, and both kinds of the decoder's, against transformers' own eager attention."""
    network, batch = make_network("bart"), text_batch(*LENGTHS)
    found = at("bart").uniform_layers(batch)
    assert furthest(found, at("bart", "cross").uniform_layers(batch)) == 0
    module = sys.modules[type(network).__module__]
    own = module.eager_attention_forward
    calls = 0

    def attention(layer, query, key, value, *args, **kwargs):
        nonlocal calls
        calls += 1
        _, weights = own(layer, query, key, value, *args, **kwargs)
        width = weights.shape[-1]
        content = torch.zeros(width, dtype=torch.bool)
        content[1 : width - 1] = True  # between the specials
        if layer.is_causal:
            content = content.roll(1)
        inside = content & (weights > 0)
        even = (weights * inside).sum(-1, keepdim=True) / inside.sum(-1, keepdim=True).clamp_min(1)
        weights = torch.where(inside, even, weights)
        return (weights @ value).transpose(1, 2), weights

    monkeypatch.setattr(module, "eager_attention_forward", attention)
    for b, n in enumerate(LENGTHS):
        calls = 0
        assert furthest(network(**inputs_of(network, batch, b, n)).logits[0], found[b]) <= 1e-5
        assert calls == 2 + 2 * 3


def test_texts_of_one_batch_may_differ_in_their_end_tokens(at, make_network):
    """Where one stands inside a text; transformers refuses such a batch."""
    network, batch = make_network("bart"), text_batch(9, 6, 8)
    ids = batch.ids.clone()
    ids[1, 3] = LAST
    batch = replace(batch, ids=ids)
    with pytest.raises(ValueError, match="same number of <eos>"):
        network(input_ids=ids)
    own = [network(**inputs_of(network, batch, b, n)).logits[0] for b, n in enumerate((9, 6, 8))]
    for site in SITES:
        model = at("bart", site)
        assert furthest(model(batch), torch.stack(own)) <= 1e-5
        assert furthest(model.own_answer(batch), torch.stack(own)) <= 1e-5
        check_laws(model, batch, 3)
        assert model.uniform_layers(batch).shape == (3, 3)


def test_what_a_row_passes_on(at):
    """Values, their map and the residual give what the block adds; at cross it is not shown."""
    batch = text_batch(9, 6)
    own = at("bart").values(at("bart").encode(batch))
    assert own.output.shape == (4, 8, 32)
    assert own.residual.shape == (2, 32)
    cross = at("bart", "cross").values(at("bart", "cross").encode(batch))
    assert cross.residual is None
    assert cross.output is not None
    assert not torch.equal(own.output, cross.output)


def test_half_precision_is_read_within_its_rounding(make_network):
    network = make_network("t5").to(torch.bfloat16)
    model = EncoderDecoder(network, text_batch(9, 6))
    for site in SITES:
        check_laws(model.other_site(site), text_batch(*LENGTHS), 3)


def test_what_they_do_not_show(at, make_classifier):
    model = at("bart")
    assert model.layer_count is None
    for name in ("trace", "scale_heads", "layer_states"):
        assert capability(model, name) is None
        assert capability(make_classifier("bert"), name) is not None
    with pytest.raises(InputError, match="last layer of its decoder alone") as error:
        model.at_layer(1)
    assert "--site cross" in error.value.hint
    with pytest.raises(InputError, match="no attention 'both'"):
        model.other_site("both")
    assert model.other_site("self") is model
    assert capability(make_classifier("bert"), "other_site") is None


def test_one_that_is_opened(opened):
    network, folder = opened("bart")
    model = classifier_of(network, folder)
    assert isinstance(model, EncoderDecoder)
    assert not model.bare


def test_one_that_is_trained(write_pretrained, tmp_path):
    halves = {f"{half}_{what}": 2 for half in HALVES for what in ("layers", "attention_heads")}
    ends = {"bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 3}
    folder = write_pretrained(tmp_path / "bart", "bart", segments=False, **halves, **ends)
    blank = PretrainedBlank.read(Reference(str(folder)), ("no", "yes"))
    model, batch = blank(0), text_batch(9, 6)
    assert isinstance(model, EncoderDecoder)
    encoded = model.encode(batch)
    model.read(encoded, model.attend(encoded).unsqueeze(1)).sum().backward()
    sides = (model.network.model.encoder.layers[0], model.network.model.decoder.layers[0])
    assert all(p.grad is not None for side in sides for p in side.parameters())


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("mvp", "does not go through the attention interface .* has several attentions in a layer"),
        ("bigbird_pegasus", "whose encoder's attention does not go through the attention interf"),
        ("t5gemma", "padding, or the other texts of a batch, change its answer"),
    ],
)
def test_those_that_are_refused(opened, kind, says):
    with pytest.raises(ModelError, match=says):
        classifier_of(*opened(kind))


def test_a_tokenizer_without_the_end_token(opened):
    with pytest.raises(ModelError, match=r"no end token \(eos_token_id 3\) after a text"):
        classifier_of(*opened("bart", after=(LANGUAGE,)))


def test_a_decoder_that_reads_something_else(make_network):
    network = make_network("bart")
    own = network.model.forward

    def forward(input_ids, **kwargs):
        return own(input_ids, **{**kwargs, "decoder_input_ids": input_ids.flip(1)})

    network.model.forward = forward
    with pytest.raises(ModelError, match="does not read the text itself, one position behind"):
        EncoderDecoder(network, text_batch(9, 6))


def test_two_tables_of_embeddings(make_network):
    network = copy.deepcopy(make_network("bart"))
    table = network.model.decoder.embed_tokens
    table.weight = torch.nn.Parameter(table.weight.clone(), requires_grad=False)
    with pytest.raises(ModelError, match="do not share one table of embeddings"):
        EncoderDecoder(network, text_batch(9, 6))


def test_a_row_that_cannot_be_read_is_refused(at):
    """Where the answer counts how often its head runs, reading is not what the network says."""
    model = copy.deepcopy(at("bart"))
    own, asked = model.network.classification_head.forward, []

    def forward(states):
        asked.append(0)
        return own(states) + len(asked)

    model.network.classification_head.forward = forward
    with pytest.raises(ModelError, match="cannot change its attention"):
        model.other_site("cross")
