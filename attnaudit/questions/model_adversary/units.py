"""Which seeds the models of an adversary begin from, and which ones replace those that get stuck.

Half of the units begin from scratch and half from seeds of the recipe, which a warm-started model
goes on from. Units from scratch take other seeds than warm ones, so that all units are independent.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from attnaudit.questions.model_adversary.choice import SCRATCH, WARM, Unit

MOST_REPLACED = 6  # imitators in all
HOPELESS = 6  # units of one kind of start, all of them stuck: if half could do it, 1 in 64


def shares(count: int) -> dict[str, int]:
    """How many of `count` units begin in each way; an odd one begins from scratch."""
    return {SCRATCH: count - count // 2, WARM: count // 2}


@dataclass
class Seeds:
    """The seeds that are left for units of each kind of start, in the order of their use."""

    left: dict[str, list[int]]
    replaced: int = field(default=0, init=False)
    _used: Counter[str] = field(default_factory=Counter, init=False)
    _stuck: Counter[str] = field(default_factory=Counter, init=False)

    @classmethod
    def of(cls, count: int, seeds: Callable[[int], Sequence[int]], kept: Sequence[int]) -> Seeds:
        """For `count` units.

        `seeds(n)` are the first n seeds of the recipe other than the audited model's own. `kept`
        are those of which there are models to start from. Where there are none, such models are
        trained, of as many seeds as it takes.
        """
        need = {start: share + MOST_REPLACED for start, share in shares(count).items()}
        warm = list(kept) or list(seeds(need[WARM]))
        others = (seed for seed in seeds(len(warm) + need[SCRATCH]) if seed not in warm)
        return cls({SCRATCH: list(itertools.islice(others, need[SCRATCH])), WARM: warm})

    def first(self, count: int) -> list[Unit]:
        """The first `count` units: fewer where there are not as many models to start from."""
        return [
            self._next(start)
            for start, share in shares(count).items()
            for _ in range(min(share, len(self.left[start])))
        ]

    def replace(self, stuck: Sequence[Unit]) -> list[Unit]:
        """Further units in place of `stuck` ones, each of the same kind of start.

        There are at most `MOST_REPLACED` of them in all, and none of a kind whose seeds are used
        up. A kind whose first units all got stuck, at least `HOPELESS` of them, is given up:
        further ones would only take time.
        """
        self._stuck.update(unit.start for unit in stuck)
        hopeless = {s for s, n in self._used.items() if self._stuck[s] == n >= HOPELESS}
        found = []
        for unit in stuck:
            if unit.start in hopeless or self.replaced == MOST_REPLACED:
                continue
            if self.left[unit.start]:
                self.replaced += 1
                found.append(self._next(unit.start))
        return found

    def _next(self, start: str) -> Unit:
        self._used[start] += 1
        return Unit(start, self.left[start].pop(0))
