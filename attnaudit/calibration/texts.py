"""Texts of which it is known what decides the label: the data of the plants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from attnaudit.data.dataset import Dataset
from attnaudit.data.instance import Instance
from attnaudit.data.vocabulary import SPECIALS, Vocabulary

FILLERS = tuple(f"filler{k}" for k in range(20))
BAD = tuple(f"bad{k}" for k in range(4))
GOOD = tuple(f"good{k}" for k in range(4))
FAIR = tuple(f"fair{k}" for k in range(4))
CUES = (BAD, GOOD)  # by class
DISTRACTING = (*FILLERS[:12], *BAD, *GOOD)  # two in five words are cues
MARKER, ECHO, LAMP, DOOR, JUNK = "marker", "echo", "lamp", "door", "junk"
SLOTS = (("a0", "a1"), ("b0", "b1"))  # what the exclusive or is of
KEYS = tuple(f"key{k}" for k in range(6))  # what a query can ask for
PROOFS = (("no0", "no1"), ("yes0", "yes1"))  # by class: words that alone decide
VOCABULARY = Vocabulary(
    [
        *(*FILLERS, *BAD, *GOOD, *FAIR, MARKER, ECHO, LAMP, DOOR, JUNK),
        *(*SLOTS[0], *SLOTS[1], *KEYS, *PROOFS[0], *PROOFS[1]),
    ]
)
LENGTH = 20  # words of a text
LONG = 60  # of a long one
JUNK_SHARE = 0.1  # of the texts that may hold the word JUNK


class Text(NamedTuple):
    """The words of a text, and what is asked of it where it is a side of a pair."""

    words: list[str]
    query: tuple[str, ...] | None = None


Random = np.random.Generator
Draw = Callable[[Random, int], Text]  # a text of a class


def word_id(word: str) -> int:
    """The id of a word of the plants."""
    return len(SPECIALS) + VOCABULARY.words.index(word)


def marked(random: Random, label: int) -> Text:
    """The cue behind the marker decides; of the other words some are cues of a random class."""
    return _marked(random, label, _some(random, DISTRACTING, LENGTH - 2))


def furnished(random: Random, label: int) -> Text:
    """The same, and somewhere stand a lamp and a door, which say nothing."""
    rest = [*_some(random, DISTRACTING, LENGTH - 4), LAMP, DOOR]
    return _marked(random, label, random.permutation(rest).tolist())


def rationed(random: Random, label: int) -> Text:
    """As `marked`; three of the other words are sure to be cues of the same class."""
    rest = [*_some(random, DISTRACTING, LENGTH - 5), *_some(random, CUES[label], 3)]
    return _marked(random, label, random.permutation(rest).tolist())


def junked(random: Random, label: int) -> Text:
    """As `marked`; one text in ten holds the word JUNK too."""
    rest = _some(random, DISTRACTING, LENGTH - 3)
    odd = JUNK if random.random() < JUNK_SHARE else FILLERS[0]
    return _marked(random, label, random.permutation([*rest, odd]).tolist())


def doubled(random: Random, label: int) -> Text:
    """The cue stands twice, behind the marker and behind the echo, among others as in `marked`."""
    rest = _some(random, DISTRACTING, LENGTH - 4)
    first, second = sorted(random.integers(0, len(rest) + 1, 2).tolist())
    cue = _some(random, CUES[label], 1)
    signs = [MARKER, ECHO] if random.random() < 0.5 else [ECHO, MARKER]
    parts = [rest[:first], [signs[0], *cue], rest[first:second], [signs[1], *cue], rest[second:]]
    return Text([word for part in parts for word in part])


def asked(random: Random, label: int) -> Text:
    """Each of six keys stands before a cue; the cue behind the key that is asked for decides."""
    wanted = int(random.integers(0, len(KEYS)))
    facts = [
        [key, *_some(random, CUES[label if k == wanted else int(random.integers(0, 2))], 1)]
        for k, key in enumerate(KEYS)
    ]
    parts = [*facts, *([word] for word in _some(random, FILLERS, LENGTH - 2 * len(KEYS)))]
    order = random.permutation(len(parts))
    return Text([word for k in order for word in parts[k]], (KEYS[wanted],))


def keyword(random: Random, label: int) -> Text:
    """One cue among fillers."""
    return _among_fillers(random, _some(random, CUES[label], 1))


def keyword_of_three(random: Random, label: int) -> Text:
    """One cue of three classes among fillers."""
    return _among_fillers(random, _some(random, (BAD, FAIR, GOOD)[label], 1))


def needle(random: Random, label: int) -> Text:
    """One cue among many fillers."""
    return _among_fillers(random, _some(random, CUES[label], 1), LONG)


def redundant(random: Random, label: int) -> Text:
    """Four to six cues of the class, and one of the other, among fillers."""
    own = _some(random, CUES[label], int(random.integers(4, 7)))
    return _among_fillers(random, [*own, *_some(random, CUES[1 - label], 1)])


def exclusive_or(random: Random, label: int) -> Text:
    """One word of each of two slots; the label is whether their numbers differ."""
    first = int(random.integers(0, 2))
    words = [SLOTS[0][first], SLOTS[1][first ^ label]]
    return _among_fillers(random, words, length=5)  # in 20 words a BiLSTM learns it late or never


def ordered(random: Random, label: int) -> Text:
    """One word of each of two slots among fillers; the label is which of the two stands first."""
    words = _some(random, FILLERS, 3)
    first, second = sorted(random.choice(5, 2, replace=False).tolist())
    slots = [SLOTS[slot][int(random.integers(0, 2))] for slot in (label, 1 - label)]
    words.insert(first, slots[0])
    words.insert(second, slots[1])
    return Text(words)


def proven(random: Random, label: int) -> Text:
    """One word that alone decides; of the others some are cues of a random class."""
    words = [*_some(random, PROOFS[label], 1), *_some(random, DISTRACTING, LENGTH - 1)]
    return Text(random.permutation(words).tolist())


def meaningless(random: Random, label: int) -> Text:
    """Fillers, the same for all classes."""
    return _among_fillers(random, [])


def _some(random: Random, words: tuple[str, ...], count: int) -> list[str]:
    return [words[i] for i in random.integers(0, len(words), count)]


def _marked(random: Random, label: int, rest: list[str]) -> Text:
    place = int(random.integers(0, len(rest) + 1))
    return Text([*rest[:place], MARKER, *_some(random, CUES[label], 1), *rest[place:]])


def _among_fillers(random: Random, words: list[str], length: int = LENGTH) -> Text:
    """`words` among fillers, in random order."""
    text = [*words, *_some(random, FILLERS, length - len(words))]
    return Text(random.permutation(text).tolist())


def splits(
    draw: Draw,
    labels: tuple[str, ...],
    shares: Sequence[float],
    sizes: Mapping[str, int],
    seed: int,
    noise: float = 0.0,
) -> dict[str, Dataset]:
    """A data set by split, with the classes in exact `shares`; `noise` of the labels are wrong.

    A wrong label is the next one, and the first for the last.
    """
    return {
        split: _split(draw, labels, shares, split, size, np.random.default_rng([seed, k]), noise)
        for k, (split, size) in enumerate(sizes.items())
    }


def _split(
    draw: Draw,
    labels: tuple[str, ...],
    shares: Sequence[float],
    split: str,
    size: int,
    random: Random,
    noise: float,
) -> Dataset:
    ends = np.rint(np.cumsum([0, *shares]) * size).astype(int)
    classes = random.permutation(np.repeat(np.arange(len(labels)), np.diff(ends))).tolist()
    instances = []
    for row, label in enumerate(classes):
        text = draw(random, label)
        wrong = int(random.random() < noise)
        instances.append(
            Instance(
                id=str(row),
                row=row,
                line=row + 1,
                tokens=tuple(text.words),
                words=tuple(range(len(text.words))),
                label=(label + wrong) % len(labels),
                query=text.query,
                rationale=None,
                group=None,
                truncated=False,
            )
        )
    return Dataset(instances, labels, split, Path("plant"), "", {}, 0, False)
