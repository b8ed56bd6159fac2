"""Patterns that attention or chance choose, beside those that influence chooses.

Attention of a layer is stored as (receiver, sender): row j is what position j attends to. What
stands at a position flows to those that attend to it. So a path goes from a sender, a column, to a
receiver, a row. (The authors' code walks along rows in the stored order, against the flow.)

Letters in shape comments: L layers, H heads, T tokens, W words.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Patterns(NamedTuple):
    """A pattern for each word.

    `places` (W, L) is the position at each layer. `heads` (W, L) is the head by which the pattern
    gets there; H, the number of heads, stands for the way past all heads.
    """

    places: Ints
    heads: Ints


def greedy(alpha: Array, sources: Bools, row: int) -> Patterns:
    """At each layer the largest weight of any head on where the pattern stands.

    `alpha` (L, H, T, T); `sources` (W, T) are the positions of each word; the last layer's position
    is `row`, which the answer is read from.
    """
    layers, words = len(alpha), len(sources)
    places, heads = (np.zeros((words, layers), np.int64) for _ in range(2))
    for word, here in enumerate(sources):
        for layer in range(layers):
            sent = alpha[layer][:, :, here].max(-1)  # (H, T): from here to each position
            if layer == layers - 1:
                sent = sent[:, [row]]
            head, place = np.unravel_index(sent.argmax(), sent.shape)
            places[word, layer] = row if layer == layers - 1 else place
            heads[word, layer] = head
            here = np.arange(alpha.shape[-1]) == places[word, layer]
    return Patterns(places, heads)


def best(alpha: Array, sources: Bools, row: int) -> Patterns:
    """The path of the largest product of weights, by dynamic programming.

    The weights of a layer are the mean over heads and the identity, half each (as in attention
    rollout: Abnar & Zuidema 2020, section 3). A path that stays goes past all heads, since a weight
    is never more than 1; one that moves takes the head of the largest weight.
    """
    layers, count, tokens = alpha.shape[:3]
    words = len(sources)
    with np.errstate(divide="ignore"):
        mixed = np.log((alpha.mean(1) + np.eye(tokens)) / 2)  # (L, T, T)
        score = np.log(sources.astype(np.float64))  # (W, T)
    before = np.zeros((layers, words, tokens), np.int64)
    for layer in range(layers):
        options = score[:, None, :] + mixed[layer]  # (W, receiver, sender)
        before[layer] = options.argmax(-1)
        score = options.max(-1)
    places, heads = (np.zeros((words, layers), np.int64) for _ in range(2))
    here = np.full(words, row)
    for layer in reversed(range(layers)):
        places[:, layer] = here
        sender = before[layer][np.arange(words), here]
        by_head = alpha[layer].argmax(0)[here, sender]
        heads[:, layer] = np.where(sender == here, count, by_head)
        here = sender
    return Patterns(places, heads)


def at_random(
    generator: np.random.Generator, heads: int, layers: int, sources: Bools, row: int
) -> Patterns:
    """Patterns of the same length: any position at each layer, and any way to get there."""
    words, tokens = sources.shape
    places = generator.integers(tokens, size=(words, layers))
    places[:, -1] = row
    ways = generator.integers(heads + stays(places, sources))
    return Patterns(places, ways)


def stays(places: Ints, sources: Bools) -> Bools:
    """(W, L) where a pattern stays at its position, so that there is a way past all heads."""
    first = np.take_along_axis(sources, places[:, :1], axis=1)
    return np.concatenate([first, places[:, 1:] == places[:, :-1]], axis=1)
