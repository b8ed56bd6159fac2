"""What a record of `compare-readings` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnaudit.measures.agreements import AGREEMENTS
from attnaudit.questions.compare_readings.names import OPERATORS, SOFT
from attnaudit.questions.erase.shares import BINS, KINDS
from attnaudit.questions.recorded import Attended
from attnaudit.records.fields import SLACK, Drop, Fields, Share, Sign


class Erased(Fields, kw_only=True):
    """By ranking, one figure for each share of words."""

    comprehensiveness: dict[str, list[Drop]]
    sufficiency: dict[str, list[Drop]]


class Path(Fields, kw_only=True):
    """Words erased one by one by an operator, by ranking; what is null for never, or undefined."""

    operator: str
    flip_fraction: dict[str, Share | None]
    aopc: dict[str, Drop | None]
    least: Drop | None
    greatest: Drop | None
    exact: bool | None


class Softly(Fields, kw_only=True):
    """By ranking; null where all scores of a ranking are equal."""

    comprehensiveness: dict[str, Drop | None]
    sufficiency: dict[str, Drop | None]


class Soft(Fields, kw_only=True):
    """Parts of words erased; `nothing`: where no part of any word is kept."""

    nothing: Drop
    soft: Softly
    even: Softly


class Compared(Attended, kw_only=True):
    """The scores of every ranking of a text that is defined for it."""

    erased: dict[str, Erased]
    path: Path
    soft: Soft | None
    tau: dict[str, Drop | None]
    plausibility: dict[str, dict[str, Share | None]] | None
    scores: dict[str, list[Share]]
    signs: dict[str, list[Sign]]
    undefined: dict[str, str]

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        Attended.__post_init__(self)
        names = self.scores.keys()
        for name, numbers in self.scores.items():
            self.one_a_word(f"scores.{name}", numbers)
        for name, signs in self.signs.items():
            self.one_a_word(f"signs.{name}", signs)
        if unknown := {*self.erased, self.path.operator} - set(OPERATORS):
            raise ValueError(f"words are erased by an unknown operator {min(unknown)!r}")
        for operator, erased in self.erased.items():
            for kind in KINDS:
                by_name = getattr(erased, kind)
                _of_rankings(f"erased.{operator}.{kind}", by_name, names)
                for name, figures in by_name.items():
                    if len(figures) != len(BINS):
                        raise ValueError(f"{kind}.{name} has {len(figures)} figures")
        for field in ("flip_fraction", "aopc"):
            _of_rankings(f"path.{field}", getattr(self.path, field), names)
        for way in SOFT if self.soft else ():
            for kind in KINDS:
                _of_rankings(f"soft.{way}.{kind}", getattr(getattr(self.soft, way), kind), names)
        if names - self.tau.keys() - {"leave_one_out"} or self.tau.keys() - names:
            raise ValueError("tau is not of the rankings that have scores")
        ends = (self.path.least, self.path.greatest, self.path.exact)
        if len({end is None for end in ends}) > 1:
            raise ValueError("path has one end without the other")
        for name, agreements in (self.plausibility or {}).items():
            if unknown := agreements.keys() - set(AGREEMENTS):
                raise ValueError(f"plausibility.{name} contains an unknown {min(unknown)!r}")
        if self.path.least is not None and self.path.greatest is not None:
            for name, score in self.path.aopc.items():
                low, high = self.path.least - SLACK, self.path.greatest + SLACK
                if score is not None and not low <= score <= high:
                    raise ValueError(f"path.aopc.{name} lies outside the least and the greatest")


def _of_rankings(what: str, found: Mapping[str, Any], names: Any) -> None:
    if found.keys() != names:
        raise ValueError(f"{what} is not of the rankings that have scores")


def kind(record: Mapping[str, Any]) -> type[Compared]:
    """The class that a record must be of."""
    return Compared
