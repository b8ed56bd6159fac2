"""What each kind of predictor sees of the texts of a split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np

from attnaudit.measures.rationales import agreement
from attnaudit.measures.thresholds import Mask
from attnaudit.models.choice_only import two_symbols
from attnaudit.models.removal import Removal, Shortened
from attnaudit.models.retraining import Retraining, View
from attnaudit.questions.maker import Record
from attnaudit.questions.rationalize.make.choosing import (
    Chosen,
    Texts,
    random_rationales,
    rationales,
    texts_of,
)
from attnaudit.questions.rationalize.names import RANDOM
from attnaudit.questions.rationalize.settings import RationalizeSettings
from attnaudit.records.rounding import compact
from attnaudit.records.schema import Run


class Arms:
    """The rationales of all splits, and what each predictor sees; all is computed once.

    With `pieces` the unit is the piece.
    """

    def __init__(self, retraining: Retraining, settings: RationalizeSettings, pieces: bool) -> None:
        self.settings = settings

        def texts(split: str) -> Texts:
            return retraining.ask(split, lambda: texts_of(retraining, split, pieces))

        def chosen(name: str, split: str) -> Sequence[Chosen]:
            return retraining.ask(
                split, lambda: rationales(retraining, split, settings, name, pieces)
            )

        def drawn(seed: int, split: str) -> Sequence[Chosen]:
            return random_rationales(retraining, split, settings, self.texts(split), seed)

        def symbols() -> tuple[int, int]:
            size = len(retraining.spec.vocabulary)
            return two_symbols(retraining.batches("train"), size)

        self.texts = cache(texts)
        self.chosen = cache(chosen)
        self.drawn = lru_cache(maxsize=4)(drawn)  # the splits of one seed
        (self._first_seed,) = retraining.seeds(1, settings.seed)
        self._symbols = cache(symbols)

    def view(self, run: Run) -> View:
        """How the predictor of a run looks on each split."""
        removal = self._removal(run)
        return lambda model, split: Shortened(model, removal(split))

    def told(self, record: Record, audited: str) -> dict[str, Any]:
        """The `rationales` of the support model's `record`; scores stand on the `audited` split."""
        split, row = record["run"]["split"], record["row"]
        people = self.texts(split).people[row]
        drawn = self.drawn(self._first_seed, split)
        found = {name: self.chosen(name, split)[row] for name in self.settings.by}
        made: dict[str, Any] = {}
        for name, one in (*found.items(), (RANDOM, drawn[row])):
            made[name] = {"chosen": np.flatnonzero(one.kept).tolist()}
            if split == audited and name != RANDOM:
                made[name]["scores"] = compact(one.scores) if one.defined else None
            if people is not None:
                made[name]["agreement"] = _agreement(one, people)
        return made

    def _removal(self, run: Run) -> Callable[[str], Removal]:
        sees = run["sees"]

        @cache
        def removal(split: str) -> Removal:
            texts = self.texts(split)
            if sees == "text":
                return texts.whole()
            if sees == "random":
                return texts.rationale(self.drawn(int(run["seed"]), split))
            chosen = self.chosen(str(run["by"]), split)
            if sees == "rationale":
                return texts.rationale(chosen)
            return texts.marked(chosen, self._symbols())

        return removal


def _agreement(one: Chosen, people: Mask) -> dict[str, float | None]:
    """`AGREEMENTS` of a rationale; those of its scores are None where it has none."""
    scores = one.scores if one.defined else np.full(len(people), np.nan)
    figures = agreement(one.kept, scores, people)
    return dict(zip(figures, compact([*figures.values()]), strict=True))


@lru_cache(maxsize=1)  # many predictors see the same rationales
def arms_of(retraining: Retraining, settings: RationalizeSettings, pieces: bool) -> Arms:
    """What the predictors of a run of the question see."""
    return Arms(retraining, settings, pieces)
