"""The usable rows of a split, as models and audits see them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from attnaudit.data.cutting import Cut
from attnaudit.data.instance import Instance
from attnaudit.data.settings import Order

JOINED = "joined_with_prompt"  # by the tokenizer, see `prompted`
REASONS = ("empty", "one_word", "too_short", "too_long", "empty_query", JOINED)


@dataclass(frozen=True)
class Dataset:
    """The usable rows of a split, and what became of the others.

    `labels` name the classes in order; `sha256` is of the file's bytes; `skipped` counts rows left
    out by reason (one of REASONS); `partial` says that a limit cut the data short; `order` is that
    of the sides of a pair, None where nobody said it. `cut` says how the file was cut into splits,
    where a spec asked for that, and `renamed` what it calls the labels of the rows. Of texts that
    may have several labels, `having` counts those that have each, by the name in the data, and
    `unlabelled` those that have none.
    """

    instances: Sequence[Instance]
    labels: tuple[str, ...]
    split: str
    path: Path
    sha256: str
    skipped: dict[str, int]
    truncated: int
    partial: bool
    order: Order | None = None
    cut: Cut | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    having: Mapping[str, int] = field(default_factory=dict)
    unlabelled: int = 0

    @property
    def digest(self) -> str:
        """What tells its rows from others: the SHA-256 of the file where nothing else decides."""
        if self.cut is None and not self.renamed:
            return self.sha256
        cut = None if self.cut is None else [self.cut.facts, self.split]
        told = json.dumps([self.sha256, cut, dict(self.renamed)], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    @property
    def paired(self) -> bool:
        """Whether its instances have a query."""
        return self.instances[0].query is not None

    def texts(self) -> Iterator[tuple[str, ...]]:
        """The tokens of every text and query: what a vocabulary is counted on."""
        for instance in self.instances:
            yield instance.tokens
            yield instance.query or ()
