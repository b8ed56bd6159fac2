"""The usable rows of a split, as models and audits see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attnaudit.data.instance import Instance
from attnaudit.data.settings import Order

REASONS = ("empty", "one_word", "too_short", "too_long", "empty_query")


@dataclass(frozen=True)
class Dataset:
    """The usable rows of a split, and what became of the others.

    `labels` name the classes in order; `sha256` is of the file's bytes; `skipped` counts rows left
    out by reason (one of REASONS); `partial` says that a limit cut the data short; `order` is that
    of the sides of a pair, None where nobody said it.
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

    @property
    def paired(self) -> bool:
        """Whether its instances have a query."""
        return self.instances[0].query is not None

    def texts(self) -> Iterator[tuple[str, ...]]:
        """The tokens of every text and query: what a vocabulary is counted on."""
        for instance in self.instances:
            yield instance.tokens
            yield instance.query or ()
