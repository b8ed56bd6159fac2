"""The rules of the findings: their constants, and what a status is decided by.

A finding is about one recipe, data set and split. It is *for* if the whole 95 % interval of its
statistic lies above delta, the smallest effect that matters. It is *against* if the interval lies
below delta, and otherwise inconclusive.
"""

from __future__ import annotations

from typing import Any

import pydantic

from attnaudit.config import Settings
from attnaudit.findings.desiderata import (
    FINDINGS,
    HARD_TO_MANIPULATE,
    NECESSARY,
    OUT_OF_CONTEXT,
    STABLE,
    Desideratum,
)
from attnaudit.findings.finding import Finding, FindingName, FindingStatus
from attnaudit.measures.summary import Estimate

LEAST_SEEDS = 5  # of the recipe, its uniform twin, and each probe
LEAST_ADVERSARIES = 3  # usable imitators, and units with an adversary inside the budget
LEAST_UNITS = 6  # imitators that were trained
LEAST_RARE = 50  # instances of the rarer class
FIXED_TVDS = (0.02, 0.05)  # other limits of TVD at which the excess is shown, deciding nothing


def _size(of: Desideratum) -> Any:
    return pydantic.Field(of.delta, ge=0, le=of.most, description=of.effect)


class Deltas(Settings):
    """The smallest effects of interest."""

    necessary: float = _size(NECESSARY)
    stable: float = _size(STABLE)
    hard_to_manipulate: float = _size(HARD_TO_MANIPULATE)
    out_of_context: float = _size(OUT_OF_CONTEXT)


def not_assessed() -> dict[FindingName, Finding]:
    """The findings of a report that has no evidence on them."""
    return {one.name: Finding(status="not_assessed", reason=one.needs) for one in FINDINGS}


def compare(found: Estimate, delta: float) -> FindingStatus:
    """*for* above delta by interval, *against* below it, else inconclusive."""
    if found.ci_low is None or found.ci_high is None:
        return "inconclusive"
    if found.ci_low > delta:
        return "for"
    return "against" if found.ci_high < delta else "inconclusive"


def finding(
    status: FindingStatus,
    reason: str,
    found: Estimate | None = None,
    delta: float | None = None,
    scope: str | None = None,
    metric: str | None = None,
    rule: str | None = None,
) -> Finding:
    """A finding with the figure that decided it, its metric's name, and the rule applied to it.

    An inconclusive one whose interval holds delta also says what would lead it to an answer, where
    the figure knows it (see `findings.power`).
    """
    interval, power = None, None
    if status == "inconclusive" and found is not None and delta is not None:
        from attnaudit.findings.power import power_of  # brings numpy, which a report does not need

        power = power_of(found, delta)
    if found is not None and found.ci_low is not None and found.ci_high is not None:
        interval = [found.ci_low, found.ci_high]
    return Finding(
        status=status,
        reason=reason,
        statistic=None if found is None else found.value,
        interval=interval,
        metric=metric,
        delta=delta,
        rule=rule,
        scope=scope,
        power=power,
    )
