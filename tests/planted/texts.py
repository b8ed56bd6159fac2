"""Texts of which it is known what decides the label: the data of the plants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from attnaudit.data.dataset import Dataset, Instance
from attnaudit.data.vocabulary import SPECIALS, Vocabulary

FILLERS = tuple(f"filler{k}" for k in range(20))
BAD = tuple(f"bad{k}" for k in range(4))
GOOD = tuple(f"good{k}" for k in range(4))
CUES = (BAD, GOOD)  # by class
DISTRACTING = (*FILLERS[:12], *BAD, *GOOD)  # two in five words are cues
MARKER, LAMP, DOOR = "marker", "lamp", "door"
SLOTS = (("a0", "a1"), ("b0", "b1"))  # what the exclusive or is of
VOCABULARY = Vocabulary([*FILLERS, *BAD, *GOOD, MARKER, LAMP, DOOR, *SLOTS[0], *SLOTS[1]])
LABELS = ("bad", "good")
LENGTH = 20  # words of a text

Draw = Callable[[np.random.Generator, int], list[str]]  # the words of a text of a class


def word_id(word: str) -> int:
    """The id of a word of the plants."""
    return len(SPECIALS) + VOCABULARY.words.index(word)


def marked(random: np.random.Generator, label: int) -> list[str]:
    """The cue behind the marker decides; of the other words some are cues of a random class."""
    return _marked(random, label, _some(random, DISTRACTING, LENGTH - 2))


def furnished(random: np.random.Generator, label: int) -> list[str]:
    """The same, and somewhere stand a lamp and a door, which say nothing."""
    rest = [*_some(random, DISTRACTING, LENGTH - 4), LAMP, DOOR]
    return _marked(random, label, random.permutation(rest).tolist())


def keyword(random: np.random.Generator, label: int) -> list[str]:
    """One cue among fillers."""
    return _among_fillers(random, _some(random, CUES[label], 1))


def redundant(random: np.random.Generator, label: int) -> list[str]:
    """Four to six cues of the class, and one of the other, among fillers."""
    own = _some(random, CUES[label], int(random.integers(4, 7)))
    return _among_fillers(random, [*own, *_some(random, CUES[1 - label], 1)])


def exclusive_or(random: np.random.Generator, label: int) -> list[str]:
    """One word of each of two slots; the label is whether their numbers differ."""
    first = int(random.integers(0, 2))
    words = [SLOTS[0][first], SLOTS[1][first ^ label]]
    return _among_fillers(random, words, length=5)  # in 20 words a BiLSTM learns it late or never


def meaningless(random: np.random.Generator, label: int) -> list[str]:
    """Fillers, whatever the class."""
    return _among_fillers(random, [])


def _some(random: np.random.Generator, words: tuple[str, ...], count: int) -> list[str]:
    return [words[i] for i in random.integers(0, len(words), count)]


def _marked(random: np.random.Generator, label: int, rest: list[str]) -> list[str]:
    place = int(random.integers(0, len(rest) + 1))
    return [*rest[:place], MARKER, *_some(random, CUES[label], 1), *rest[place:]]


def _among_fillers(
    random: np.random.Generator, words: list[str], length: int = LENGTH
) -> list[str]:
    """`words` among fillers, in random order."""
    text = [*words, *_some(random, FILLERS, length - len(words))]
    return random.permutation(text).tolist()


def splits(
    draw: Draw, sizes: Mapping[str, int], seed: int, noise: float = 0.0, positive: float = 0.5
) -> dict[str, Dataset]:
    """A data set by split; `positive` of the texts are of class 1, `noise` of the labels wrong."""
    return {
        split: _split(draw, split, size, np.random.default_rng([seed, k]), noise, positive)
        for k, (split, size) in enumerate(sizes.items())
    }


def _split(
    draw: Draw,
    split: str,
    size: int,
    random: np.random.Generator,
    noise: float,
    positive: float,
) -> Dataset:
    instances = []
    for row in range(size):
        label = int(random.random() < positive)
        tokens = tuple(draw(random, label))
        instances.append(
            Instance(
                id=str(row),
                row=row,
                line=row + 1,
                tokens=tokens,
                words=tuple(range(len(tokens))),
                label=label ^ int(random.random() < noise),
                query=None,
                rationale=None,
                group=None,
                truncated=False,
            )
        )
    return Dataset(instances, LABELS, split, Path("plant"), "", {}, 0, False)
