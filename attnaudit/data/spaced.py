"""Which white-space tokens of a text its words stand on: for files that count such tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnaudit.data.aligned import units
from attnaudit.data.dataset import Dataset
from attnaudit.data.loading import load_dataset
from attnaudit.data.prompted import text_tokeniser
from attnaudit.data.spec import DatasetSpec
from attnaudit.errors import InputError

_TOKEN = re.compile(r"\S+")


@dataclass(frozen=True)
class Spaced:
    """The words of a text and its white-space tokens.

    `row`, `id` and `group` are those of the instance. The text has `count` tokens. Word i touches
    the tokens from `first[i]` up to, but without, `stop[i]`; both are (words,).
    """

    row: int
    id: str
    group: str | None
    count: int
    first: NDArray[np.int64]
    stop: NDArray[np.int64]


def spaced(
    spec: DatasetSpec, data: Dataset, *, min_words: int, limit: int | None, pieces: bool = False
) -> Iterator[Spaced]:
    """The words of each text of `data`, which was read with the same `min_words` and `limit`.

    With `pieces` each token of the tokeniser is a word. The words of a text that was cut are only
    those that are left. Raises InputError where the data has changed since.
    """
    known = load_dataset(
        spec, data.split, labels=data.labels, min_words=min_words, limit=limit, keep_text=True
    )
    if known.sha256 != data.sha256:
        raise InputError("has changed since it was read", where=data.path)
    tokenise = text_tokeniser(spec)
    for instance in known.instances:
        text = instance.text or ""
        starts, ends = units(text, tokenise(text)[: len(instance.tokens)], pieces)
        places = np.array([m.span() for m in _TOKEN.finditer(text)], np.int64).reshape(-1, 2)
        first = np.searchsorted(places[:, 1], starts, "right")
        stop = np.maximum(np.searchsorted(places[:, 0], ends, "left"), first)
        yield Spaced(instance.row, instance.id, instance.group, len(places), first, stop)
