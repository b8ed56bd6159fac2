"""A few seeds of everything that findings rest on, really trained, to see how much they vary.

They are trained by the plan's own recipe and settings, in a temporary folder that is removed again:
nothing of the output folder is read or written.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.execution.observer import Observer
from attnaudit.findings.evidence import Evidence, gather
from attnaudit.models.recipe import AnyConfig
from attnaudit.running.plans import Plan
from attnaudit.running.suite import Where, run_suite

SEEDS = 4  # by default
LEAST = 3  # fewer say next to nothing of how much seeds differ


@dataclass(frozen=True)
class Pilot:
    """What the pilot's models say, how many seeds they have, and what it took in seconds."""

    evidence: Evidence
    seeds: int
    seconds: float


def run_pilot(config: AnyConfig, plan: Plan, where: Where, seeds: int, observer: Observer) -> Pilot:
    """Train the audited model and `seeds` seeds of each kind of model that findings rest on.

    Of the adversaries only imitators are trained. Everything runs on this machine, also where the
    audit itself would use a cluster.

    Raises:
        InputError: the plan leaves out seed-baseline, without which there is no finding; or what
            the audit itself would raise.
    """
    begun = perf_counter()
    small = pilot_plan(plan, seeds)
    with tempfile.TemporaryDirectory() as scratch:
        here = config.model_copy(update={"output": Path(scratch)})
        made = run_suite(here, small, replace(where, cluster=None), None, observer, _COMMAND)
    files = [
        (part.header, part.summary.runs)
        for part in made.parts
        if part.header is not None and part.summary is not None
    ]
    evidence = gather(files)
    assert evidence is not None  # seed-baseline trains models
    return Pilot(evidence, seeds, perf_counter() - begun)


_COMMAND: Sequence[str] = ("attnaudit", "audit", "--dry-run", "--power")


def pilot_plan(plan: Plan, seeds: int) -> Plan:
    """The questions that train models, with so many seeds; InputError without seed-baseline."""
    if "seed-baseline" not in plan.settings:
        raise InputError(
            "the plan leaves out seed-baseline, so there is no finding to plan for",
            hint="remove it from `skip`, or leave --power out",
        )
    asked: dict[str, Settings] = {}
    for question in plan.questions:
        if question.feeds_findings:
            fewer: dict[str, object] = {"seeds": seeds}
            if question.name == "model-adversary":
                fewer |= {"lambdas": (0.0,), "refine": 0}
            asked[question.name] = plan.settings[question.name].model_copy(update=fewer)
    return replace(plan, settings=asked, text=False)
