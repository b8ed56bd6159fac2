"""What a metric is: its name, meaning, unit, range and which way is better."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from string import Formatter
from typing import Literal

from attnaudit.importance import IMPORTANCES
from attnaudit.importance.attributed import is_free
from attnaudit.readings import READINGS

Direction = Literal["higher", "lower", "neutral"]

# What chance gives: neither high nor low is good.
CONTROLS = tuple(name for name, importance in IMPORTANCES.items() if importance.control)

PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    "split": ("dev", "test"),
    "importance": tuple(name for name in IMPORTANCES if name not in CONTROLS),
    "control": CONTROLS,
    # What attention is put beside when weights are erased, and when words are deleted.
    "criterion": ("gradient", "attention_gradient", "random", "optimum"),
    "measure": tuple(IMPORTANCES),
    "jsd": ("0.2", "0.3", "0.4"),
    "operator": ("delete", "mask", "weight"),  # how words are erased
    "softness": ("soft", "even"),  # how much of each word is erased
    # Importances that are integrals along a path, which may not converge.
    "integral": tuple(name for name, importance in IMPORTANCES.items() if importance.baseline),
    "a~b": tuple("~".join(pair) for pair in combinations(IMPORTANCES, 2)),
}
# Placeholders that the user's own settings fill: a number, as Python prints it, or a name.
NUMBER, NAME = r"[0-9][0-9.e+-]*", r"[a-z][a-z0-9_]*"
OPEN: dict[str, str] = {
    "lambda": NUMBER,
    "coefficient": NUMBER,
    "epsilon": NUMBER,
    "guide": NAME,
    "other": NAME,
    "rationale": NAME,  # what scores the words of a rationale
    "attribution": NAME,  # an importance whose scores another tool made
    # A reading, or one head.
    "reading": "|".join(name.format(number="[0-9]{1,4}") for name in READINGS),
    "first": NAME,  # of a pair of importances, with attributions as the second
}

# Below these counts an interval is too uncertain itself to decide a gate.
LEAST_MEAN = 30
LEAST_SCORE = 50  # a score also needs some instances of every class

UNIT = (0.0, 1.0)
TAU = (-1.0, 1.0)
JSD = (0.0, 0.693147181)  # ln 2 as records round it


@dataclass(frozen=True)
class MetricSpec:
    """A family of metrics, and all that there is to know about it.

    `pattern` is the name with placeholders in braces, which the texts may hold as well.
    `definition` is one plain sentence, and `formula` what the code computes. `direction` says which
    way speaks for attention as an explanation, or, for the scores of a model, for the model. A gate
    on fewer than `least_n` instances is inconclusive. `range` is closed; None leaves an end open.
    `beside` names metrics and terms that it must be read beside, `traps` says how it misleads, and
    `source` gives the paper and its section.
    """

    pattern: str
    definition: str
    unit: str
    direction: Direction
    least_n: int
    range: tuple[float | None, float | None]
    formula: str = ""
    beside: tuple[str, ...] = ()
    traps: str = ""
    source: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The placeholders of the pattern."""
        return tuple(key for _, key, _, _ in Formatter().parse(self.pattern) if key)

    def names(self) -> Iterator[str]:
        """Every metric name of this family; none where the user's settings make the names."""
        if any(key in OPEN for key in self.keys):
            return
        for values in product(*(PLACEHOLDERS[key] for key in self.keys)):
            yield self.pattern.format_map(dict(zip(self.keys, values, strict=True)))

    def matches(self, name: str) -> bool:
        """Whether `name` is of this family; its numbers must stand as Python prints them."""
        return self.values(name) is not None

    def values(self, name: str) -> dict[str, str] | None:
        """What each placeholder is in `name`; None where that is not of this family."""
        match = _compiled(self.pattern).fullmatch(name)
        if match is None:
            return None
        found = dict(zip(self.keys, match.groups(), strict=True))
        numbers = (value for key, value in found.items() if OPEN.get(key) == NUMBER)
        return found if all(map(_canonical, numbers)) and _names_attributions(found) else None


def range_of(specs: Iterable[MetricSpec], name: str) -> tuple[float | None, float | None]:
    """The range of the metric `name` of one of `specs`; raises KeyError if it is of none."""
    for spec in specs:
        if spec.matches(name):
            return spec.range
    raise KeyError(f"metric {name!r} belongs to none of these families")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """What the names of a family look like; asked for once for each metric of a summary."""
    parts = []
    for literal, key, _, _ in Formatter().parse(pattern):
        parts.append(re.escape(literal))
        if key:
            parts.append(f"({OPEN[key]})" if key in OPEN else f"({_either(key)})")
    return re.compile("".join(parts))


def _either(key: str) -> str:
    return "|".join(map(re.escape, PLACEHOLDERS[key]))


def _names_attributions(found: Mapping[str, str]) -> bool:
    """Whether what stands for attributions may be their name, and a pair is in order.

    Else a slip in the name of an importance would be a metric of attributions.
    """
    name, first = found.get("attribution"), found.get("first")
    if name is None:
        return True
    in_order = first is None or first in IMPORTANCES or (is_free(first) and first < name)
    return is_free(name) and in_order


def _canonical(number: str) -> bool:
    try:
        return repr(float(number)) == number
    except ValueError:
        return False
