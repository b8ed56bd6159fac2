"""Guided refinement against all paths, enumerated by Jacobians of whole layers."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from attnaudit.importance.path_passes import without_words
from attnaudit.models.distances import log_odds
from attnaudit.models.predict import Batches
from attnaudit.models.transformer.paths import Paths
from attnaudit.questions.patterns.make.refining import Refinement

from ..identify.conftest import CPU, texts_of

STEPS = 2


@pytest.fixture(scope="module")
def paths(tiny_bert):
    """Three tokens in a BERT of three layers, all of them words: two, one of two pieces."""
    model, vocabulary = tiny_bert(torch.float64, layers=3)
    (batch,) = Batches(texts_of((1,)), vocabulary, False, CPU)
    batch = replace(batch, words=torch.tensor([[0, 1, 1]]))
    baseline = without_words(model, batch, model.mask_token)
    return Paths(model, batch, baseline, 1, STEPS, 4096)


@pytest.fixture(scope="module")
def refined(paths):
    return Refinement(paths, torch.tensor([[True, False, False], [False, True, True]]))


@pytest.fixture(scope="module")
def every_path(paths):
    """By (begin, positions of the layers): the influence along it, from explicit Jacobians."""
    tokens, layers = paths.tokens, paths.layers

    def block(layer, states):
        heads = paths.attended(layer, states.unsqueeze(0))[0]
        return paths.joined(layer, states, heads)

    def answer(states):
        bert = paths.model.network
        logits = bert.classifier(bert.bert.pooler(states.unsqueeze(0)))
        return log_odds(logits, torch.tensor([1]))[0]

    found = {}
    jacobian = torch.autograd.functional.jacobian
    for point in range(STEPS):
        states = [one[point] for one in paths.states]
        maps = [
            jacobian(lambda x, layer=layer: block(layer, x), states[layer])
            for layer in range(layers)
        ]  # (T, D, T, D) each
        last = jacobian(answer, states[-1])  # (T, D)
        for begin in range(tokens):
            for places in itertools.product(range(tokens), repeat=layers):
                moves, here = paths.change[point, begin], begin
                for layer, place in enumerate(places):
                    moves = maps[layer][place, :, here] @ moves
                    here = place
                value = float(moves @ last[places[-1]]) / STEPS
                path = (begin, *places)
                found[path] = found.get(path, 0.0) + value
    return found


SOURCES = ((0,), (1, 2))


def of(every_path, word, *places):
    """The sum over all paths of a word that begin with these places."""
    return sum(
        value
        for path, value in every_path.items()
        if path[0] in SOURCES[word] and path[1 : 1 + len(places)] == places
    )


def test_all_paths_add_up_to_the_influence_of_the_word(refined, every_path):
    for word in range(2):
        assert float(refined.whole[word]) == pytest.approx(of(every_path, word), abs=1e-10)


def test_refinement_is_that_over_all_paths(paths, refined, every_path):
    found = refined.positions(torch.arange(2))
    assert found.gap < 1e-10
    for word in range(2):
        whole, places = of(every_path, word), ()
        for layer in range(paths.layers):
            sums = [of(every_path, word, *places, place) for place in range(paths.tokens)]
            sign = -1 if whole < 0 else 1
            best = max(range(paths.tokens), key=lambda place: sign * sums[place])
            places += (paths.row if layer == paths.layers - 1 else best,)
        assert tuple(found.chosen[word].tolist()) == places
        expected = of(every_path, word, *places)
        assert float(found.influence[word]) == pytest.approx(expected, abs=1e-10)


def test_the_sign_rule_decides(refined):
    """A word whose influence is the other way round has the other pattern's sign."""
    found = refined.positions(torch.arange(2))
    for word in range(2):
        assert float(refined.signs[word] * refined.whole[word]) >= 0
    before = refined.signs.clone()
    refined.signs = -before
    try:
        turned = refined.positions(torch.arange(2))
    finally:
        refined.signs = before
    better = before * (found.influence - turned.influence)
    assert (better >= -1e-12).all()
    assert not torch.equal(found.chosen, turned.chosen)


def test_any_path_can_be_followed(paths, refined, every_path):
    tokens = range(paths.tokens)
    all_places = list(itertools.product(tokens, tokens, [paths.row]))
    for word in range(2):
        words = torch.full((len(all_places),), word)
        found = refined.positions(words, torch.tensor(all_places))
        for places, value in zip(all_places, found.influence.tolist(), strict=True):
            assert value == pytest.approx(of(every_path, word, *places), abs=1e-10)


def test_heads_and_the_way_past_them_split_up_every_path(paths, refined):
    """For fixed positions the influences of all choices of heads add up; the best is found."""
    heads = paths.heads[0].shape[2]
    found = refined.positions(torch.arange(2))
    through = refined.heads(torch.arange(2), found)
    assert through.gap < 1e-10
    options = list(itertools.product(range(heads + 1), repeat=paths.layers))
    for word in range(2):
        words = torch.full((len(options),), word)
        one = type(found)(
            found.chosen[[word]].expand(len(options), -1),
            found.influence[[word]].expand(len(options)),
            0.0,
        )
        each = refined.heads(words, one, torch.tensor(options)).influence
        assert float(each.sum()) == pytest.approx(float(found.influence[word]), abs=1e-10)
        sign, sums = float(refined.signs[word]), {}
        for option, value in zip(options, each.tolist(), strict=True):
            for k in range(1, paths.layers + 1):
                sums[option[:k]] = sums.get(option[:k], 0.0) + value
        chosen: tuple[int, ...] = ()
        here = SOURCES[word]
        for layer in range(paths.layers):
            place = int(found.chosen[word, layer])
            ways = range(heads + (place in here))
            chosen += (max(ways, key=lambda way: sign * sums[(*chosen, way)]),)
            here = (place,)
        assert tuple(through.chosen[word].tolist()) == chosen
        assert float(through.influence[word]) == pytest.approx(sums[chosen], abs=1e-10)


def test_the_pairs_of_the_authors_test_add_up(refined, paths, every_path):
    for word in range(2):
        assert refined.pairs_gap(word) < 1e-10
    # It is no test of nothing: without one position's part it does not hold.
    tokens = range(paths.tokens)
    part = sum(of(every_path, 0, i, j) for i in tokens for j in tokens if i)
    assert abs(part - of(every_path, 0)) > 1e-3
