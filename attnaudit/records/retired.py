"""Names of metrics that older versions used, and what stands in their place.

A metric whose meaning changes gets a new name, so that no policy goes on with another figure than
the one it was written for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import Formatter

from attnaudit.records.metric import NAME

_MACRO = "the score is macro-F1 instead of the F1 of the last class"
_SCORE = "The score is macro-F1 instead of the F1 of the last class."


@dataclass(frozen=True)
class Retired:
    """A family of metrics that is no longer made.

    `pattern` is the name with placeholders in braces. `now` names the metrics in its place, with
    the same placeholders. `change` says in one sentence how their meaning differs.
    """

    pattern: str
    now: tuple[str, ...]
    change: str

    def named(self, name: str) -> Retired | None:
        """This family with the placeholders as they are in `name`; None for another's name."""
        parts = []
        for literal, key, _, _ in Formatter().parse(self.pattern):
            parts.append(re.escape(literal) + (f"(?P<{key}>{NAME})" if key else ""))
        match = re.fullmatch("".join(parts), name)
        if match is None:
            return None
        now = tuple(new.format_map(match.groupdict()) for new in self.now)
        return Retired(name, now, self.change)

    @property
    def keys(self) -> tuple[str, ...]:
        """The placeholders of the pattern."""
        return tuple(key for _, key, _, _ in Formatter().parse(self.pattern) if key)

    @property
    def hint(self) -> str:
        """How the meaning differs, as the end of a line."""
        return f"{self.change[0].lower()}{self.change[1:].rstrip('.')}"

    @property
    def replaced(self) -> str:
        """Which metrics stand in its place, as one phrase."""
        return " and ".join(self.now)


# The first that fits a name counts.
RETIRED = (
    Retired(
        "necessity.f1_gap",
        ("necessity.score_gap",),
        f"Both models are now trained until they stop improving, and {_MACRO}.",
    ),
    Retired(
        "seed_baseline.uniform_f1.mean",
        ("necessity.uniform_score.mean",),
        f"Models with uniform attention are now trained until they stop improving, and {_MACRO}.",
    ),
    Retired(
        "probe.base-leak.f1_gap",
        ("probe.leak.score_gap",),
        "The leak control now compares models trained without the attended words with models "
        "trained without as many random other words.",
    ),
    Retired(
        "probe.leak.f1",
        ("probe.leak.score_gap",),
        "The leak control now compares models trained without the attended words with models "
        "trained without as many random other words.",
    ),
    Retired("probe.base-{guide}.f1_gap", ("probe.base-{guide}.score_gap",), _SCORE),
    Retired("probe.{guide}-uniform.f1_gap", ("probe.{guide}-uniform.score_gap",), _SCORE),
    Retired("probe.{guide}.f1", ("probe.{guide}.score",), _SCORE),
    Retired(
        "manipulation.excess_jsd",
        ("manipulation.adversary_excess_jsd", "manipulation.units_excess_jsd"),
        "It was split in two: one metric is about the single adversary that decides against "
        "attention, the other is the mean over seeds that decides for attention.",
    ),
)


def retired(name: str) -> Retired | None:
    """What has become of the metric `name` of an older version; None where nothing has."""
    return next((found for one in RETIRED if (found := one.named(name))), None)
