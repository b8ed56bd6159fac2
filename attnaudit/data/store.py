"""Instances of a data set, which takes a few bytes of memory each where it is large."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from attnaudit.data.instance import Instance
from attnaudit.measures.columns import Stored
from attnaudit.measures.spool import Spool

MOST_TOKENS = 2**18  # of texts that stay in memory: about 15 MiB
_READ = 256  # instances that are read at once where all are
_MASK = 2**64 - 1


class Instances(Stored[Instance]):
    """The instances of a data set: as they are while they are few, else in a temporary file.

    There each is a line of JSON, and made anew, in some microseconds, whenever it is asked for.
    """

    def __init__(self, instances: Iterable[Instance] = ()) -> None:
        self._held: list[Instance] | None = []  # None from when they are in the spool
        self._held_tokens = 0
        self._spool, self._ends = Spool(), array("q")
        self._tokens, self._query = array("i"), array("i")  # of each; -1 where there is no query
        self._words: array[int] | None = None  # of each, unless each token is a word everywhere
        for instance in instances:
            self.add(instance)

    def __len__(self) -> int:
        return len(self._tokens)

    def add(self, instance: Instance) -> None:
        """Append an instance."""
        asked = -1 if instance.query is None else len(instance.query)
        words = _words_of(instance)
        if self._words is None and words != len(instance.tokens):
            self._words = self._tokens[:]
        if self._words is not None:
            self._words.append(words)
        self._tokens.append(len(instance.tokens))
        self._query.append(asked)
        if self._held is None:
            self._write(instance)
            return
        self._held.append(instance)
        self._held_tokens += len(instance.tokens) + max(0, asked) + len(instance.text or "")
        if self._held_tokens > MOST_TOKENS:
            held, self._held = self._held, None
            for one in held:
                self._write(one)

    def _write(self, instance: Instance) -> None:
        self._spool.append(_line(instance))
        self._ends.append(len(self._spool))

    @property
    def token_counts(self) -> NDArray[np.int64]:
        """(n,) the tokens of each text."""
        return np.array(self._tokens, np.int64)

    @property
    def word_counts(self) -> NDArray[np.int64]:
        """(n,) the words of each text."""
        return np.array(self._tokens if self._words is None else self._words, np.int64)

    @property
    def query_counts(self) -> NDArray[np.int64] | None:
        """(n,) the tokens of each query; None where there is no query."""
        counts = np.array(self._query, np.int64)
        return None if (counts < 0).any() or not len(counts) else counts

    @override
    def item(self, index: int) -> Instance:
        if self._held is not None:
            return self._held[index]
        start = self._ends[index - 1] if index else 0
        return _instance(self._spool.read(start, self._ends[index] - start))

    @override
    def __iter__(self) -> Iterator[Instance]:
        return iter(self._held) if self._held is not None else self._read()

    def _read(self) -> Iterator[Instance]:
        start = 0
        for first in range(0, len(self), _READ):
            ends = self._ends[first : first + _READ]
            lines, base = self._spool.read(start, ends[-1] - start), start
            for end in ends:
                yield _instance(lines[start - base : end - base])
                start = end


def token_counts(instances: Sequence[Instance]) -> NDArray[np.int64]:
    """(n,) the tokens of each text; a large data set knows them without making its instances."""
    if isinstance(instances, Instances):
        return instances.token_counts
    return np.array([len(i.tokens) for i in instances], np.int64)


def word_counts(instances: Sequence[Instance]) -> NDArray[np.int64]:
    """(n,) the words of each text, as `token_counts`."""
    if isinstance(instances, Instances):
        return instances.word_counts
    return np.array([_words_of(i) for i in instances], np.int64)


def query_counts(instances: Sequence[Instance]) -> NDArray[np.int64] | None:
    """(n,) the tokens of each query; None where there is no query."""
    if isinstance(instances, Instances):
        return instances.query_counts
    if not instances or instances[0].query is None:
        return None
    return np.array([len(i.query or ()) for i in instances], np.int64)


def _words_of(instance: Instance) -> int:
    return instance.words[-1] + 1 if instance.words else 0


def _line(instance: Instance) -> bytes:
    i = instance
    plain = len(i.words) == len(i.tokens)  # each token a word: their numbers are told by that
    words = None if plain and i.words == tuple(range(len(i.words))) else i.words
    values = (i.id, i.row, i.line, i.tokens, words, i.label, i.query, i.rationale)
    others = (i.group, i.truncated, i.surface, i.text, i.impermissible)
    told = json.dumps((*values, *others), separators=(",", ":"))
    return told.encode("ascii")


def _instance(line: bytes) -> Instance:
    name, row, number, tokens, words, label, query, rationale, *others = json.loads(
        line.decode("ascii")
    )
    group, truncated, surface, text, impermissible = others
    return Instance(
        name,
        row,
        number,
        tuple(tokens),
        tuple(range(len(tokens))) if words is None else tuple(words),
        label,
        None if query is None else tuple(query),
        None if rationale is None else tuple(rationale),
        group,
        truncated,
        None if surface is None else tuple(surface),
        text,
        None if impermissible is None else tuple(impermissible),
    )


class Hashes:
    """The 64-bit hashes of the strings that were added: 12 to 24 bytes each.

    An open-addressed table with linear probing, at most two thirds full; 0 is an empty slot.
    """

    def __init__(self, hash_of: Callable[[str], int] = hash) -> None:
        self._hash_of = hash_of
        self._slots = _empty(1024)
        self._count = 0

    def add(self, text: str) -> bool:
        """Whether a string of the same hash, most likely the same string, was added before."""
        met = self._put(self._number(text))
        if 3 * self._count > 2 * len(self._slots):
            old, self._slots, self._count = self._slots, _empty(2 * len(self._slots)), 0
            for number in old:
                if number:
                    self._put(number)
        return met

    def __contains__(self, text: str) -> bool:
        """Whether a string of the same hash was added."""
        return bool(self._slots[self._place(self._number(text))])

    def _number(self, text: str) -> int:
        return (self._hash_of(text) & _MASK) or 1

    def _place(self, number: int) -> int:
        """The slot that holds a number, or the empty one in which it would be put."""
        slots, last = self._slots, len(self._slots) - 1
        place = number & last
        while slots[place] and slots[place] != number:
            place = (place + 1) & last
        return place

    def _put(self, number: int) -> bool:
        place = self._place(number)
        if self._slots[place]:
            return True
        self._slots[place] = number
        self._count += 1
        return False


def _empty(size: int) -> array[int]:
    return array("Q", bytes(8 * size))
