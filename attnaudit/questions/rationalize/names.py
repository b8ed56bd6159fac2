"""The kinds of predictors that `rationalize` trains: their runs, and what they are called.

A predictor sees the full text, a rationale, random words, or only which words were chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attnaudit.importance import IMPORTANCES

if TYPE_CHECKING:
    from attnaudit.records.schema import Run

# What metrics call the kinds that no score of words decides. The kind of a rationale is called by
# its score, and that of its places so, with this behind it.
FULL, RANDOM = "full", "random"
PLACES = ".positions"


def kinds_of(by: Sequence[str]) -> list[Run]:
    """The runs of every kind of predictor, without their seeds."""
    kinds: list[Run] = [{"sees": "text"}, {"sees": "random"}]
    for name in by:
        kinds += [{"sees": "rationale", "by": name}, {"sees": "positions", "by": name}]
    return kinds


def places_of(name: str) -> str:
    """The kind that sees only the places of the rationales by `name`."""
    return f"{name}{PLACES}"


def in_words(name: str) -> str:
    """What predictors of a kind see, for readers."""
    if name in (FULL, RANDOM):
        return "the full text" if name == FULL else "random words"
    by = name.removesuffix(PLACES)
    score = by if by in IMPORTANCES or "attention" in by else f"attention ({by})"
    return f"rationales by {score}" if by == name else f"only the places chosen by {score}"


def in_short(name: str) -> str:
    """The same for figures, which have little room: a rationale is called by its score."""
    if name in (FULL, RANDOM):
        return "full text" if name == FULL else "random words"
    by = name.removesuffix(PLACES)
    score = by.replace("_", " ")
    return score if by == name else f"{score}: places"


def called(run: Run) -> str:
    """What a training is called, such as `rationale mean`."""
    return " ".join(str(run[key]) for key in ("sees", "by") if key in run)
