"""Derivatives along paths, against Jacobians of whole passes."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from attnaudit.importance.path_passes import without_words
from attnaudit.models.distances import log_odds
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.interception import register
from attnaudit.models.transformer.paths import Paths
from attnaudit.models.transformer.quiet import quiet_loading
from attnaudit.models.transformer.sending import Alone, Whole

from .conftest import config_of, text_batch

STEPS, TOKENS = 3, 5
KINDS = ("bert", "llama", "gpt_neox", "albert", "deberta-v3")


def paths_of(kind, steps=STEPS, room=4096, tokens=TOKENS):
    config = config_of(kind, initializer_range=0.3)
    with quiet_loading(), torch.random.fork_rng():
        torch.manual_seed(0)
        network = AutoModelForSequenceClassification.from_config(
            config, attn_implementation=register()
        )
    model = TransformerClassifier(network.double(), text_batch(9, 6))
    model = model.eval().requires_grad_(False)
    batch = text_batch(tokens, seed=1)
    return Paths(model, batch, without_words(model, batch), 1, steps, room)


@pytest.fixture(scope="module", params=KINDS)
def paths(request):
    return paths_of(request.param)


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)  # some norms compute in float32


def test_slopes_are_those_of_the_answer(paths):
    """The slope of the answer by what the first block begins with, times how that changes."""
    begun = (paths.slopes[0] * paths.change).sum((1, 2))
    model, batch = paths.model, paths.batch
    text, baseline = model.embed(batch), without_words(model, batch)
    places = (torch.arange(STEPS, dtype=text.dtype) + 0.5) / STEPS
    points = (baseline + places.view(-1, 1, 1) * (text - baseline)).requires_grad_()
    rows = batch.select(torch.zeros(STEPS, dtype=torch.long))
    with torch.enable_grad(), model._embedded(points):
        odds = log_odds(model(rows), torch.ones(STEPS, dtype=torch.long))
        (slopes,) = torch.autograd.grad(odds.sum(), points)
    close(begun, (slopes * (text - baseline)).sum((1, 2)))
    close(paths.odds(points.detach()), odds.detach())


def test_a_block_in_two_parts_is_the_block(paths):
    """What a block gives at a position, from what it begins with there and what its heads give."""
    points = torch.arange(STEPS)
    for layer in range(paths.layers):
        for place in range(TOKENS):
            at = (points, torch.full((STEPS,), place))
            given = paths.joined(layer, paths.states[layer][at], paths.heads[layer][at])
            close(given, paths.states[layer + 1][at])
        close(paths.attended(layer, paths.states[layer]), paths.heads[layer])
    way = paths.model.embed(paths.batch) - without_words(paths.model, paths.batch)
    points = without_words(paths.model, paths.batch) + way / 6
    close(paths.odds(points), log_odds(paths.answers(paths.states[-1]), torch.tensor([1]))[:1])


def random_like(tensor, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)


def test_what_moves_is_what_the_answer_asks_for(paths):
    """Forward and reverse mode agree: what goes through a layer adds up, position by position."""
    places = torch.arange(TOKENS)
    for layer in range(paths.layers):
        change = random_like(paths.states[layer], 0).transpose(0, 1)  # (T, S, D)
        whole = (change * paths.slopes[layer].transpose(0, 1)).sum(-1)  # (T, S)
        sent = paths.sending[layer].send(places.unsqueeze(1), change.unsqueeze(2))
        past = (change * paths.past_slopes[layer].transpose(0, 1)).sum(-1)
        close(sent.shares().sum(-1) + past, whole)
        found = 0
        for place in range(TOKENS):
            here = torch.full((TOKENS,), place)
            stays = (places == place).double()[:, None, None]
            given = paths.moved(layer, here, change * stays, sent.at(here))
            found = found + (given * paths.slopes[layer + 1][:, place]).sum(-1)
        close(found, whole)


def test_positions_by_themselves_send_what_they_send_in_the_text(paths):
    """The quick way is that of the whole block, where there is one; several positions add up."""
    senders = torch.tensor([[0, 2], [3, 1], [4, 0]])
    place, sender = torch.tensor([2, 0, 4]), torch.tensor([1, 3, 4])
    quick = [isinstance(way, Alone) for way in paths.sending]
    assert all(quick) == any(quick) == (paths.model.network.config.model_type in ("bert", "albert"))
    for layer, way in enumerate(paths.sending):
        whole = Whole(paths, layer)
        change = random_like(paths.states[layer][:, :2], 1).expand(3, -1, -1, -1).contiguous()
        one, other = (each.send(senders, change) for each in (way, whole))
        close(one.shares(), other.shares())
        close(one.at(place), other.at(place))
        wanted = random_like(one.at(place), 2)
        close(way.asked(place, sender, wanted), whole.asked(place, sender, wanted))


def test_gradients_are_the_other_way_round(paths):
    place, sender = torch.tensor([4, 3, 4]), torch.tensor([1, 3, 0])
    for layer, way in enumerate(paths.sending):
        wanted = random_like(paths.states[layer][:, :3].transpose(0, 1), 3)
        change = random_like(wanted, 4)
        of_heads, of_states = paths.asked_of(layer, place, wanted)
        before = way.asked(place, sender, of_heads)
        stays = (place == sender).double()[:, None, None]
        heads = way.send(sender.unsqueeze(1), change.unsqueeze(2)).at(place)
        moved = paths.moved(layer, place, stays * change, heads)
        expected = (moved * wanted).sum(-1)
        close(((before + stays * of_states) * change).sum(-1), expected)


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_parts_change_nothing(kind):
    whole, parts = (paths_of(kind, steps=2, room=room, tokens=3) for room in (4096, 1))
    for name in ("states", "slopes", "heads", "head_slopes", "past_slopes"):
        for one, other in zip(getattr(whole, name), getattr(parts, name), strict=True):
            close(one, other)
    place, senders = torch.tensor([0, 2]), torch.tensor([[1], [2]])
    for layer in range(whole.layers):
        change = random_like(whole.states[layer][:, :2].transpose(0, 1), 5)
        sent = [each.sending[layer].send(senders, change.unsqueeze(2)) for each in (whole, parts)]
        heads = [one.at(place) for one in sent]
        close(*heads)
        close(*(each.moved(layer, place, change, heads[0]) for each in (whole, parts)))
        close(*(e.sending[layer].asked(place, senders[:, 0], heads[0]) for e in (whole, parts)))
