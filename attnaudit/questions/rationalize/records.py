"""What a record of `rationalize` holds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from attnaudit.measures.agreements import AGREEMENTS
from attnaudit.questions.recorded import Base, GaveUp, Trained, run_of
from attnaudit.records.fields import Count, Fields, Magnitude, Record, Seed, Share


class Rationale(Fields, kw_only=True):
    """The words of a text that are kept, by number; see `make` for the rest."""

    chosen: list[Count]
    scores: list[Magnitude] | UnsetType | None = UNSET
    agreement: dict[str, Share | None] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        if not self.chosen or any(b <= a for a, b in pairwise(self.chosen)):
            raise ValueError("chosen holds no words, or not in their order")
        if self.agreement is not UNSET and self.agreement.keys() != set(AGREEMENTS):
            raise ValueError(f"agreement does not hold {', '.join(AGREEMENTS)}")


class Support(Base, kw_only=True):
    """The support model's record of a text, with the rationales that it gives."""

    rationales: dict[str, Rationale]

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        Base.__post_init__(self)
        for name, one in self.rationales.items():
            if one.chosen[-1] >= self.words:
                raise ValueError(f"the rationale {name} has a word beyond the {self.words} words")
            if isinstance(one.scores, list):
                self.one_a_word(f"the scores of {name}", one.scores)


class ShownRun(Fields, kw_only=True):
    """A predictor of full texts, or of random words, on one split."""

    sees: Literal["text", "random"]
    seed: Seed
    split: str


class ChosenRun(Fields, kw_only=True):
    """A predictor of rationales, or of the places of their words, on one split."""

    sees: Literal["rationale", "positions"]
    by: str
    seed: Seed
    split: str


class OfShown(Trained, kw_only=True):
    """Such a predictor's record of a text."""

    run: ShownRun


class OfChosen(Trained, kw_only=True):
    """Such a predictor's record of a text."""

    run: ChosenRun


class ShownGaveUp(GaveUp, kw_only=True):
    """A predictor of full texts, or of random words, whose training diverged."""

    run: ShownRun


class ChosenGaveUp(GaveUp, kw_only=True):
    """A predictor of rationales, or of places, whose training diverged."""

    run: ChosenRun


def kind(record: Mapping[str, Any]) -> type[Record]:
    """The class that a record must be of."""
    run = run_of(record)
    if run.get("model") == "base":
        return Support
    if "diverged" in record:
        return ChosenGaveUp if "by" in run else ShownGaveUp
    return OfChosen if "by" in run else OfShown
