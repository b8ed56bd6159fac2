"""Names in a row, as a sentence has them."""

from __future__ import annotations

from collections.abc import Iterable


def listed(names: Iterable[str], word: str = "and") -> str:
    """The names, each once: `a, b and c`; `word` stands before the last."""
    *others, last = dict.fromkeys(names)
    return f"{', '.join(others)} {word} {last}" if others else last
