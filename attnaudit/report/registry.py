"""Every metric the reports may hold, from the questions and findings that give them.

Tables, JSON, policies and documentation all take names and facts from here.
"""

from __future__ import annotations

import re
from pathlib import Path

from attnaudit.errors import InputError, did_you_mean
from attnaudit.findings import metrics as findings
from attnaudit.questions import all_questions, scores, text_facts
from attnaudit.records.metric import NUMBER, MetricSpec
from attnaudit.records.retired import retired

_SPECS: tuple[MetricSpec, ...] = (
    *scores.SPECS,
    *text_facts.SPECS,
    *(spec for question in all_questions() for spec in question.metrics),
    *findings.SPECS,
)
_BY_NAME = {name: spec for spec in _SPECS for name in spec.names()}
_OPEN_SPECS = tuple(spec for spec in _SPECS if not any(True for _ in spec.names()))


def all_specs() -> tuple[MetricSpec, ...]:
    """Every family of metrics, in the order of the documentation."""
    return _SPECS


def find(name: str) -> MetricSpec | None:
    """The family that the metric `name` belongs to, or None where there is none."""
    return _BY_NAME.get(name) or next((s for s in _OPEN_SPECS if s.matches(name)), None)


def require(name: str, where: str | Path | None = None, line: int | None = None) -> MetricSpec:
    """The family of `name`; raises InputError with the nearest known name where there is none.

    A name that an older version used is refused with the name in its place.
    """
    gone = retired(name)
    if gone is not None:
        raise InputError(
            f"the metric {name!r} is now {gone.replaced}", where=where, line=line, hint=gone.hint
        )
    spec = find(name)
    if spec is None:
        raise InputError(f"unknown metric {name!r}", where=where, line=line, hint=nearest(name))
    return spec


def nearest(name: str) -> str | None:
    """A hint at the metric that `name` may have meant."""
    stem, _, rest = name.partition(".")
    pair, _, statistic = rest.partition(".")
    turned = f"{stem}.{'~'.join(reversed(pair.split('~')))}.{statistic}"
    printed = re.sub(rf"(?<==){NUMBER}(?=\])", _as_printed, name)
    if find(printed):
        return f"did you mean {printed!r}?"
    return did_you_mean(turned if turned in _BY_NAME else name, _BY_NAME)


def _as_printed(number: re.Match[str]) -> str:
    try:
        return repr(float(number[0]))
    except ValueError:
        return number[0]
