"""How sure each finding is, in words: what fits the data, and what would change the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from attnaudit.findings.finding import Finding, FindingName, Power
from attnaudit.report.layout import number
from attnaudit.report.registry import find
from attnaudit.report.schema import Report
from attnaudit.report.wording import plain
from attnaudit.wording import percent_of

INTERVAL = (
    "An interval says which values fit the data. Of a hundred such intervals, from other seeds "
    "and other texts, about 95 would contain the true value."
)


@dataclass(frozen=True)
class Certainty:
    """How sure one finding is, in sentences.

    `finding` has value, interval and limit where all are known, which a figure can show.
    """

    name: str
    said: list[str]
    finding: Finding | None


def certainties(report: Report) -> list[Certainty]:
    """One for each finding that was assessed, in their order."""
    return [
        _of(name, found)
        for name, found in report.findings.items()
        if found.status != "not_assessed"
    ]


def _of(name: FindingName, found: Finding) -> Certainty:
    said = [*_measured(found), *_changes(found)]
    whole = None not in (found.statistic, found.interval, found.delta)
    return Certainty(plain(name), said, found if whole else None)


def _measured(found: Finding) -> Iterator[str]:
    """The figure, its interval and the limit."""
    if found.statistic is None or found.interval is None:
        return
    low, high = found.interval
    level = 0.95 if found.look is None else found.look.level
    definition = "" if found.metric is None else _definition(found.metric)
    if definition:
        yield f"Measured: {definition[0].lower()}{definition[1:]}"
    yield (
        f"The figure is {number(found.statistic)}, and values from {number(low)} to {number(high)}"
        f" fit the data ({percent_of(level)} interval)."
    )
    if found.delta is None:
        return
    if low > found.delta:
        yield f"All of these values are above the limit of {found.delta:.3g}."
    elif high < found.delta:
        yield f"All of these values are below the limit of {found.delta:.3g}."
    else:
        yield (
            f"The limit of {found.delta:.3g} is one of these values, so the true value may be "
            "above or below it."
        )


def _definition(metric: str) -> str:
    """What a metric is, with the names that its own name holds; empty of an unknown one."""
    spec = find(metric)
    if spec is None:
        return ""
    text = spec.definition
    for key, value in (spec.values(metric) or {}).items():
        text = text.replace(f"{{{key}}}", value)
    return text


def _changes(found: Finding) -> Iterator[str]:
    """What would lead to another answer."""
    if found.status == "not_assessable":
        yield found.reason
    elif found.status == "inconclusive":
        if found.power is not None:
            yield from _needed(found.power)
        elif found.interval is None:
            yield found.reason
        else:
            yield "The finding below says what is missing."
    elif found.interval is not None and found.delta is not None:
        low, high = found.interval
        if low > found.delta:
            yield f"Only a limit above {number(low)} would change this answer."
        elif high < found.delta:
            yield f"Only a limit below {number(high)} would change this answer."


def _needed(power: Power) -> Iterator[str]:
    """The size that would lead to an answer four times in five."""
    if power.seeds_needed is not None:
        yield (
            f"With {power.seeds_needed:,} models instead of {power.seeds:,}, there would be an "
            "answer four times in five, if the true value is the one seen."
        )
    if power.texts_needed is not None:
        yield (
            f"With {power.texts_needed:,} texts instead of {power.texts:,}, there would be an "
            "answer four times in five, if the true value is the one seen."
        )
    if power.seeds_needed is None and power.texts_needed is None:
        if power.both_needed is None:
            yield (
                "If the true value is the one seen, neither more models nor more texts would give "
                "an answer."
            )
        else:
            size = power.both_needed
            yield (
                f"It would take {size.seeds:,} models on {size.texts:,} texts to reach an answer"
                " four times in five, if the true value is the one seen."
            )
