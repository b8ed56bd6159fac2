"""A small review corpus whose decisive words are known, made on the spot: no download needed.

Every text is written by a grammar that notes which tokens decide the label. Four kinds take turns,
evenly over both labels:

- plain: one word of sentiment, and it decides;
- negation: the word is negated, which flips the label; both it and the negator decide;
- distractor: an aside judges something that is not under review. Its polarity agrees with the
  label in half of the texts, so that only the word about the reviewed thing decides;
- redundant: two or three agreeing words, each of which is enough.

Asides may be negated and neutral sentences hold negators too, so that a negator on its own says
nothing. Counting words does not solve the corpus; a small recurrent network does.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

from attnaudit.data import review_words as words
from attnaudit.errors import OutputError

KINDS = ("plain", "negation", "distractor", "redundant")
LABELS = ("negative", "positive")
# The tenths of all possible texts, by their hash, that each split draws from: splits share no
# text, whatever their sizes and seeds.
SPLITS = {"train": range(0, 6), "dev": range(6, 8), "test": range(8, 10)}
MIN_TOKENS, MAX_TOKENS = 8, 30


class Review(TypedDict):
    """One labelled text; `rationale` holds a 1 for each whitespace token that decides."""

    id: str
    text: str
    label: str
    rationale: list[int]
    kind: str


Marked = list[tuple[str, int]]  # tokens, each with 1 if it decides


class _Random:
    """Choices that stay the same in every version of Python.

    Of the standard generator only random() is promised to.
    """

    def __init__(self, seed: str) -> None:
        digest = hashlib.sha256(seed.encode()).digest()
        self._random = random.Random(int.from_bytes(digest, "big")).random

    def below(self, n: int) -> int:
        return int(self._random() * n)

    def pick(self, choices: Sequence[str]) -> str:
        return choices[self.below(len(choices))]


class _Writer:
    """Writes one review of one thing; no filler stands in it twice."""

    def __init__(self, chance: _Random) -> None:
        self._chance = chance
        self._domain = chance.pick(tuple(words.THINGS))
        self._thing = chance.pick(words.THINGS[self._domain])
        self._used: set[str] = set()

    def review(self, kind: str, label: int, aside: int) -> Marked:
        """A review of a kind and label; `aside` is the polarity of a distractor's aside."""
        if kind == "negation":
            core = self._write(words.NEGATED_CLAIMS, 1 - label)
        else:
            core = self._write(words.CLAIMS, label)
        if kind == "distractor":
            core = self._join(core, self._aside(aside))
        elif kind == "redundant":
            for _ in range(1 + self._chance.below(2)):
                core = self._join(core, self._write(words.CLAIMS, label))
        return self._pad([*core, (".", 0)])

    def _aside(self, polarity: int) -> Marked:
        if self._chance.below(3):
            marked = self._write(words.ASIDES, polarity)
        else:
            marked = self._write(words.NEGATED_ASIDES, 1 - polarity)
        return [(word, 0) for word, _ in marked]

    def _join(self, a: Marked, b: Marked) -> Marked:
        first, second = (a, b) if self._chance.below(2) else (b, a)
        joint = self._chance.pick(words.JOINTS).split()
        return [*first, *((word, 0) for word in joint), *second]

    def _pad(self, text: Marked) -> Marked:
        """The text with one to three different neutral sentences around it, as far as they fit."""
        templates = [*words.NEUTRAL["any"], *words.NEUTRAL[self._domain]]
        for _ in range(1 + self._chance.below(3)):
            template = templates.pop(self._chance.below(len(templates)))
            sentence: Marked = [*self._fill(template), (".", 0)]
            if len(text) + len(sentence) <= MAX_TOKENS:
                text = sentence + text if self._chance.below(2) else text + sentence
        return text

    def _write(self, templates: Sequence[str], polarity: int) -> Marked:
        return self._fill(self._chance.pick(templates), polarity)

    def _fill(self, template: str, polarity: int = 0) -> Marked:
        marked: Marked = []
        for word in template.split():
            slot = word[1:-1] if word.startswith("{") else None
            if slot is None:
                marked.append((word.removeprefix("*"), int(word.startswith("*"))))
            else:
                marked.append((self._filler(slot, polarity), int(slot in words.SENTIMENT)))
        for i, (word, mark) in enumerate(marked[:-1]):
            if word == "a" and marked[i + 1][0][0] in "aeiou":
                marked[i] = ("an", mark)
        return marked

    def _filler(self, slot: str, polarity: int) -> str:
        if slot == "part":
            slot = "detail" if self._chance.below(3) or self._thing in self._used else "thing"
        if slot == "thing":
            filler = self._thing
        else:
            if slot in words.SENTIMENT:
                choices = words.SENTIMENT[slot][polarity]
            else:
                choices = words.DETAILS[self._domain] if slot == "detail" else words.FILLERS[slot]
            filler = self._chance.pick([c for c in choices if c not in self._used])
        self._used.add(filler)
        return filler


def _owns(split: str, text: str) -> bool:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % 10 in SPLITS[split]


def reviews(split: str, size: int, seed: int) -> Iterator[Review]:
    """Reviews of one split, all different; kinds and labels take turns.

    The first reviews are the same for every `size`, and all are the same on every machine and
    version of Python. Splits share no text, even with the same seed.

    Args:
        split: "train", "dev" or "test".
        size: How many.
        seed: Another seed gives other reviews.

    Raises:
        ValueError: `split` is none of the three.
    """
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; known: {', '.join(SPLITS)}")
    chance = _Random(f"{split} {seed}")
    seen: set[str] = set()
    turns = itertools.cycle(itertools.product((0, 1), (0, 1), KINDS))
    for number, (aside, label, kind) in zip(range(size), turns, strict=False):
        while True:
            marked = _Writer(chance).review(kind, label, aside)
            text = " ".join(word for word, _ in marked)
            fits = MIN_TOKENS <= len(marked) <= MAX_TOKENS
            if fits and text not in seen and _owns(split, text):
                break
        seen.add(text)
        yield Review(
            id=f"{split}-{number:05d}",
            text=text,
            label=LABELS[label],
            rationale=[mark for _, mark in marked],
            kind=kind,
        )


def write_reviews(
    folder: Path, train: int = 2000, dev: int = 300, test: int = 500, seed: int = 0
) -> Path:
    """Write train.jsonl, dev.jsonl, test.jsonl and the dataset spec data.yaml into `folder`.

    The folder is made if need be. Equal arguments give the same bytes. Each file is written whole
    or not at all, and the spec last.

    Returns:
        The path of the spec.

    Raises:
        OutputError: The folder cannot be made or written to.
    """
    spec = folder / "data.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for split, size in (("train", train), ("dev", dev), ("test", test)):
            rows = (json.dumps(review) + "\n" for review in reviews(split, size, seed))
            _write(folder / f"{split}.jsonl", "".join(rows))
        keys = "".join(f"{split}: {split}.jsonl\n" for split in SPLITS)
        _write(spec, f"{keys}labels: [{', '.join(LABELS)}]\n")
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})", where=folder, hint="choose another folder"
        ) from None
    return spec


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(text.encode())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
