"""Whether an audit of the planned size will reach answers, from the seeds of a pilot.

For each figure that a finding rests on, the pilot says how much seeds and texts vary. A few seeds
say little of how much seeds vary: so the chance of an answer is a range, over the 80 % intervals
of the variances (see `measures.power.plausible`). It is given for three true effects:
none, the one that the pilot saw, and twice delta.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
from scipy.special import stdtrit  # type: ignore[import-untyped]

from attnaudit.config import Settings
from attnaudit.execution.observer import Observer
from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import FindingName
from attnaudit.findings.gap import score_gap
from attnaudit.findings.power import Measured, effects
from attnaudit.findings.rules import LEAST_SEEDS
from attnaudit.findings.stable import measured
from attnaudit.measures.power import TOO_WIDE, Components, chance, plausible, seeds_needed
from attnaudit.models.recipe import AnyConfig
from attnaudit.questions.looks import AUTO, LOOKS, most
from attnaudit.questions.runs import BASE, LEARNED, SEED, UNIFORM, Floats, Kind, Runs, kind_of
from attnaudit.questions.seed_baseline.stability import stability
from attnaudit.questions.seed_baseline.stability_metrics import S
from attnaudit.running.planning.pilot import Pilot, run_pilot
from attnaudit.running.planning.plan import (
    ChanceRange,
    Design,
    EffectName,
    Imitators,
    Part,
    PowerPlan,
    PowerRow,
    Span,
    WorkPlan,
)
from attnaudit.running.plans import Plan
from attnaudit.running.suite import Where

MOST_SEEDS = 100  # that the search for a design looks at
MORE_TEXTS = (1, 2, 5, 10)  # times the texts at hand
EFFECTS: tuple[EffectName, ...] = get_args(EffectName)
FURTHER = 0.9  # the chance with which a further seed keeps a bound
LEAST_BOUND = 0.005  # below this, rounding and single texts decide


@dataclass(frozen=True)
class Figure:
    """A figure that a finding rests on: which question's seeds it takes, and what it is called."""

    finding: FindingName
    question: str
    words: str
    found: Measured


def with_power(
    found: WorkPlan,
    config: AnyConfig,
    plan: Plan,
    where: Where,
    seeds: int,
    observer: Observer,
) -> WorkPlan:
    """The plan of a suite with the chances of its findings, from a pilot of so many seeds.

    Raises what `run_pilot` raises.
    """
    pilot = run_pilot(config, plan, where, seeds, observer)
    parts = {part.name: part for part in found.parts}
    return found.model_copy(update={"power": power_plan(plan, pilot, parts)})


def power_plan(plan: Plan, pilot: Pilot, parts: Mapping[str, Part]) -> PowerPlan:
    """The chances of the findings of a plan; `parts` says by question what the audit takes."""
    evidence, rows, notes = pilot.evidence, [], list[str]()
    for figure in figures_of(evidence):
        settings, part = plan.settings[figure.question], parts[figure.question]
        delta = float(getattr(plan.deltas, figure.finding))
        models = _seeds(settings) + (figure.finding == "stable")  # the audited model is one of them
        rows.append(row_of(figure, delta, models, _seconds_each(part, settings)))
    growing = [name for name, settings in plan.settings.items() if _grows(settings)]
    if growing:
        notes.append(
            f"The number of seeds of {' and '.join(growing)} grows until there is an answer. "
            f"These are the chances that {LOOKS[-1]} seeds give an answer."
        )
    missing = sorted({"necessary", "out_of_context"} - {row.finding for row in rows})
    if missing:
        names = " and ".join(name.replace("_", " ") for name in missing)
        notes.append(
            f"The pilot has no figure for {names}: the models it rests on were not trained."
        )
    runs = evidence.of("seed-baseline")
    assert runs is not None
    return PowerPlan(
        pilot_seeds=pilot.seeds,
        split=evidence.audited,
        texts=len(runs.ids),
        seconds=pilot.seconds,
        rows=tuple(rows),
        imitators=_imitators(evidence, parts),
        notes=tuple(notes),
    )


def figures_of(evidence: Evidence) -> Iterator[Figure]:
    """The figures that the pilot has at least two seeds of, with the parts of their variance."""
    yield from _stable(evidence)
    for finding, question, words, ours, theirs, two_sided in _GAPS:
        runs = evidence.of(question)
        if runs is None:
            continue
        seeds = runs.shared_seeds([ours, theirs])
        if len(seeds) > 1:
            found = score_gap(evidence, runs, ours, theirs, seeds)
            if found.parts is not None and found.value is not None:
                yield Figure(finding, question, words, replace(found, two_sided=two_sided))


_GAPS: tuple[tuple[FindingName, str, str, Kind, Kind, bool], ...] = (
    ("necessary", "seed-baseline", "learned minus uniform attention", LEARNED, UNIFORM, False),
    (
        "out_of_context",
        "probe",
        "probe with the model's weights minus probe with uniform weights",
        kind_of(guide="base"),
        kind_of(guide="uniform"),
        False,
    ),
    (
        "out_of_context",
        "probe",
        "leak control: random words removed minus attended words removed",
        kind_of(removed="other"),
        kind_of(removed="attended"),
        True,
    ),
)


def _stable(evidence: Evidence) -> Iterator[Figure]:
    """How alike the models of the recipe attend, the audited one among them."""
    runs = evidence.of("seed-baseline")
    if runs is None or len(runs.seeds(model="seed")) < 2:
        return
    found = measured(stability(runs).figures[S])
    if found.parts is not None and found.value is not None:
        yield Figure("stable", "seed-baseline", "s: how alike models attend", found)


def row_of(figure: Figure, delta: float, seeds: int, seconds_each: Span | None) -> PowerRow:
    """The chances of one figure with `seeds` seeds, and the cheapest design that is enough."""
    found = figure.found
    parts, seen = found.parts, found.value
    assert parts is not None
    assert seen is not None
    planned = max(seeds, 2)
    low, high = plausible(parts)
    ranges = [
        _range(name, effect, planned, delta, found, (low, parts, high))
        for name, effect in zip(EFFECTS, effects(seen, delta, found.bounds), strict=True)
    ]
    shares = parts.shares(planned, parts.n)
    return PowerRow(
        finding=figure.finding,
        figure=figure.words,
        delta=delta,
        seeds=planned,
        texts=parts.n,
        share_seeds=shares[0],
        share_texts=shares[1],
        share_both=shares[2],
        chances=tuple(ranges),
        too_small=any(one.low < TOO_WIDE[0] and one.high > TOO_WIDE[1] for one in ranges),
        design=_design(parts, found, seen, delta, seconds_each),
    )


def _range(
    name: EffectName,
    effect: float,
    seeds: int,
    delta: float,
    found: Measured,
    several: tuple[Components, Components, Components],
) -> ChanceRange:
    line, bounds = found.line(delta), found.bounds
    each = [chance(one, seeds, one.n, effect, line, bounds) for one in several]
    return ChanceRange(name=name, effect=effect, low=min(each), likely=each[1], high=max(each))


def _design(
    parts: Components, found: Measured, seen: float, delta: float, each: Span | None
) -> Design | None:
    """The fewest seeds that are enough for the pilot's effect, on as few more texts as it takes.

    Seeds cost time; texts at hand cost none, and others have to be gathered first.
    """
    for times in MORE_TEXTS:
        line, n = found.line(delta), times * parts.n
        seeds = seeds_needed(parts, n, seen, line, LEAST_SEEDS, found.bounds)
        if seeds is not None and seeds <= MOST_SEEDS:
            cost = None if each is None else each.times(seeds)
            return Design(seeds=seeds, texts=n, seconds=cost)
    return None


def _imitators(evidence: Evidence, parts: Mapping[str, Part]) -> Imitators | None:
    """What adversaries cost, and how many imitators of the pilot answer as seeds do."""
    runs, seeds = evidence.of("model-adversary"), evidence.of("seed-baseline")
    if runs is None or seeds is None or "model-adversary" not in parts:
        return None
    trained, usable = usable_imitators(runs, seeds)
    return Imitators(trained=trained, usable=usable, seconds=parts["model-adversary"].seconds)


def usable_imitators(runs: Runs, seeds: Runs) -> tuple[int, int]:
    """How many imitators there are, and how many of them answer as closely as seeds do.

    As closely means: a mean TVD to the audited model, and a share of flipped labels, that a further
    seed of the recipe would have too, by the one-sided bound of a normal prediction.
    """
    numbers = seeds.seeds(model="seed")
    if len(numbers) < 2:
        return 0, 0
    limits = [_bound(values) for values in _moved(seeds, SEED, numbers)]
    trained = usable = 0
    for kind, models in runs.models.items():
        if dict(kind).get("lambda") == 0:
            moved = zip(_moved(runs, kind, sorted(models)), limits, strict=True)
            kept = np.all([values <= limit for values, limit in moved], axis=0)
            trained, usable = trained + len(models), usable + int(kept.sum())
    return trained, usable


def _moved(runs: Runs, kind: Kind, seeds: Sequence[int]) -> tuple[Floats, Floats]:
    """(S,) mean TVD and share of flipped labels, to the audited model."""
    flips = runs.predicted(kind, seeds) != runs.predicted(BASE, [0])
    return runs.values(kind, seeds, "tvd").mean(1), flips.mean(1)


def _bound(values: Floats) -> float:
    """Below which a further one lies with a chance of `FURTHER`, and no less than `LEAST_BOUND`."""
    count = len(values)
    t = float(stdtrit(count - 1, FURTHER))
    spread = float(values.std(ddof=1)) * math.sqrt(1 + 1 / count)
    return max(float(values.mean()) + t * spread, LEAST_BOUND)


def _seeds(settings: Settings) -> int:
    """How many seeds a question has, or may grow to."""
    return most(getattr(settings, "seeds"))  # noqa: B009


def _grows(settings: Settings) -> bool:
    return getattr(settings, "seeds", None) == AUTO


def _seconds_each(part: Part, settings: Settings) -> Span | None:
    """What one seed takes, with all models that it trains; None where nothing is trained."""
    training = [stage.seconds for stage in part.stages if stage.name == "training"]
    return training[0].times(1 / _seeds(settings)) if training else None
