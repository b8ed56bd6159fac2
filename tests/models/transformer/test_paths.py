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


def everywhere(values, points, places):
    """Values (N, ...) at single positions as rows of a text: (N, T, ...)."""
    rows = values.new_zeros(len(values), TOKENS, *values.shape[1:])
    rows[torch.arange(len(values)), places] = values
    return rows


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
            places = torch.full((STEPS,), place)
            given = paths.joined(
                layer, paths.states[layer][points, places], paths.heads[layer][points, places]
            )
            close(given, paths.states[layer + 1][points, places])
        close(paths.attended(layer, paths.states[layer]), paths.heads[layer])
    way = paths.model.embed(paths.batch) - without_words(paths.model, paths.batch)
    points = without_words(paths.model, paths.batch) + way * torch.tensor([[[1 / 6]]])
    close(paths.odds(points), log_odds(paths.answers(paths.states[-1]), torch.tensor([1]))[:1])


def test_what_moves_is_what_the_answer_asks_for(paths):
    """Forward and reverse mode agree: all that goes through a layer adds up, position by position."""
    generator = torch.Generator().manual_seed(0)
    points = torch.arange(STEPS)
    for layer in range(paths.layers):
        change = torch.randn(paths.states[layer].shape, generator=generator, dtype=torch.float64)
        whole = (change * paths.slopes[layer]).sum((1, 2))
        heads = paths.moved_heads(layer, points, change)
        through_heads = (heads * paths.head_slopes[layer]).sum((1, 2, 3))
        past_heads = 0
        given = torch.zeros_like(change)
        for place in range(TOKENS):
            places = torch.full((STEPS,), place)
            alone = change[:, place]
            past = paths.moved(layer, points, places, alone, torch.zeros_like(heads[:, place]))
            past_heads = past_heads + (past * paths.slopes[layer + 1][:, place]).sum(1)
            given[:, place] = paths.moved(layer, points, places, alone, heads[:, place])
        close(through_heads + past_heads, whole)
        close((given * paths.slopes[layer + 1]).sum((1, 2)), whole)


def test_gradients_are_the_other_way_round(paths):
    generator = torch.Generator().manual_seed(1)
    points = torch.arange(STEPS)
    places, senders = torch.tensor([4, 3, 4]), torch.tensor([1, 3, 0])
    for layer in range(paths.layers):
        size = paths.states[layer].shape[-1]
        wanted = torch.randn((STEPS, size), generator=generator, dtype=torch.float64)
        change = torch.randn((STEPS, size), generator=generator, dtype=torch.float64)
        of_heads, of_states = paths.asked_of(layer, points, places, wanted)
        before = paths.asked_before(layer, points, places, senders, of_heads)
        there = paths.moved_heads(layer, points, everywhere(change, points, senders))
        heads = there[torch.arange(STEPS), places]
        stays = (places == senders).double().unsqueeze(1)
        moved = paths.moved(layer, points, places, stays * change, heads)
        expected = (moved * wanted).sum(1)
        close((before * change).sum(1) + (stays * of_states * change).sum(1), expected)


def test_parts_change_nothing():
    whole, parts = paths_of("bert"), paths_of("bert", room=1)
    for name in ("states", "slopes", "heads", "head_slopes"):
        for one, other in zip(getattr(whole, name), getattr(parts, name), strict=True):
            close(one, other)
    points, places = torch.arange(STEPS), torch.tensor([0, 2, 1])
    changes = [one.change[points, places] for one in (whole, parts)]
    close(*(one.moved_heads(0, points, one.change) for one in (whole, parts)))
    heads = torch.zeros_like(whole.heads[0][points, places])
    close(*(one.moved(0, points, places, x, heads) for one, x in zip((whole, parts), changes)))
