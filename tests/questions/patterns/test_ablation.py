"""Answers without what lies off some patterns, against hooks on the layers of a BERT."""

from __future__ import annotations

import pytest
import torch

from attnaudit.importance.path_passes import without_words
from attnaudit.models.distances import log_odds
from attnaudit.questions.patterns.make.ablation import Kept, ablated

HEADS, SIZE, WORDS = 3, 4, 4


@pytest.fixture
def text(bert):
    model, batches = bert((WORDS,), layers=3)
    (batch,) = batches
    return model, batch, without_words(model, batch, model.mask_token)


def hooked(model, batch, baseline, words, kept, by_head):
    """The log-odds of class 1 by hooks, with what each layer had for the baseline in place."""
    layers = model.network.bert.encoder.layer
    before = {}

    def remember(name):
        def hook(module, args, given):
            before[name] = (given[0] if isinstance(given, tuple) else given).clone()

        return hook

    hooks = [layer.register_forward_hook(remember(k)) for k, layer in enumerate(layers)]
    hooks += [
        layer.attention.self.register_forward_hook(remember(("heads", k)))
        for k, layer in enumerate(layers)
    ]
    with model._embedded(baseline):
        model(batch)
    for hook in hooks:
        hook.remove()
    hooks = []
    for k, layer in enumerate(layers):
        # What the layer below gave, for the first one the embeddings.
        below = before[k - 1] if k else model.network.bert.embeddings(inputs_embeds=baseline)
        if by_head:
            there = kept[k][:HEADS].repeat_interleave(SIZE, 0).T[None]  # (1, T, H * E)
            past = kept[k][HEADS][None, :, None]
            own = before["heads", k]

            def heads(module, args, given, there=there, own=own):
                return (torch.where(there, given[0], own), *given[1:])

            def residual(module, args, past=past, below=below):
                return (args[0], torch.where(past, args[1], below))

            hooks.append(layer.attention.self.register_forward_hook(heads))
            hooks.append(layer.attention.output.register_forward_pre_hook(residual))
        else:
            there, own = kept[k][None, :, None], before[k]

            def states(module, args, given, there=there, own=own):
                if isinstance(given, tuple):
                    return (torch.where(there, given[0], own), *given[1:])
                return torch.where(there, given, own)

            hooks.append(layer.register_forward_hook(states))
    mixed = torch.where(words[None, :, None], model.embed(batch), baseline)
    with model._embedded(mixed):
        said = model(batch)
    for hook in hooks:
        hook.remove()
    return said


def test_what_is_kept_is_what_hooks_keep(text):
    model, batch, baseline = text
    own = model(batch).softmax(-1)[0]
    sources = batch.words == torch.arange(WORDS).unsqueeze(1)
    replaced = model.replaced(batch, baseline, 4096)
    generator = torch.Generator().manual_seed(0)
    tokens, layers = batch.ids.shape[1], 3
    kept = []
    for which in ([1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0]):
        places = torch.randint(tokens, (WORDS, layers), generator=generator)
        places[:, -1] = replaced.row
        heads = torch.randint(HEADS + 1, (WORDS, layers), generator=generator)
        kept.append(Kept(torch.tensor(which).bool(), places, heads))
    made = ablated(replaced, sources, kept, own, 1)
    for one, found in zip(kept, made, strict=True):
        words = ~sources[~one.words].any(0)
        states = torch.zeros(layers, tokens, dtype=torch.bool)
        ways = torch.zeros(layers, HEADS + 1, tokens, dtype=torch.bool)
        for word in one.words.nonzero().flatten().tolist():
            for layer in range(layers):
                states[layer, one.places[word, layer]] = True
                ways[layer, one.heads[word, layer], one.places[word, layer]] = True
        for name, where in (("positions", states), ("heads", ways)):
            said = hooked(model, batch, baseline, words, where, name == "heads")
            odds = log_odds(said, torch.tensor([1]))
            assert found[name]["odds"] == pytest.approx(float(odds), abs=1e-7)
            far = float((said.softmax(-1)[0] - own).abs().sum() / 2)
            assert found[name]["tvd"] == pytest.approx(far, abs=1e-7)
            assert found[name]["flips"] == bool(said.argmax() != own.argmax())
    assert made[0]["positions"]["kept"] == pytest.approx(
        len({(k, int(p)) for k in range(2) for p in kept[0].places[:, k]}) / (2 * tokens)
    )


def test_all_kept_is_the_text_and_nothing_the_baseline(text):
    model, batch, baseline = text
    replaced = model.replaced(batch, baseline, 1)
    tokens = batch.ids.shape[1]
    words = torch.tensor([[True] * tokens, [False] * tokens])
    with model._embedded(baseline):
        nothing = model(batch)
    expected = torch.cat([model(batch), nothing])
    states = words[:, None].expand(-1, 3, -1)
    torch.testing.assert_close(replaced.by_states(words, states), expected)
    ways = words[:, None, None].expand(-1, 3, HEADS + 1, -1)
    torch.testing.assert_close(replaced.by_heads(words, ways), expected)
