"""The three findings from the evidence: necessary, hard to manipulate, works out of context."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attnaudit.measures.summary import Estimate
from attnaudit.measures.two_level import f1_draws, mean_draws, two_level
from attnaudit.report.findings import manipulation
from attnaudit.report.findings.basis import SEED, UNIFORM, not_reproduced, unusable
from attnaudit.report.findings.evidence import BASE, Evidence, Floats, Kind, Runs, kind_of
from attnaudit.report.findings.manipulation import Curves, Excess
from attnaudit.report.findings.rules import (
    AGREEING_JSD,
    FIXED_TVDS,
    LEAST_ADVERSARIES,
    LEAST_SEEDS,
    LEAST_TVD,
    NEEDED,
    STRONG_JSD,
    Deltas,
    compare,
    finding,
    not_assessed,
    settle,
)
from attnaudit.report.schema import Finding, FindingName, FindingStatus

GAP, EXCESS, CONTEXT = (
    "necessity.f1_gap",
    "manipulation.excess_jsd",
    "probe.base-uniform.f1_gap",
)
BEYOND_LEAK, UNSTABLE = "probe.base-leak.f1_gap", "seed_baseline.jsd.mean_over_seeds"
IMITATORS = "adversary.model[lambda=0.0].jsd.mean"
RULES: dict[FindingName, str] = {
    "necessary": "for: the interval of the gap lies above delta; against: below it",
    "hard_to_manipulate": "against: the excess lies above delta, at a TVD, label flips and loss of"
    " F1 within those of the seeds, or seeds or imitators attend differently; for: it lies below,"
    " the sweep was strong, and seeds and imitators agree",
    "out_of_context": "for: both gaps, to the uniform guide and to the leak control, lie above"
    " delta; against: either lies below it",
}
GUIDED, UNGUIDED, LEAK = (kind_of(guide=name) for name in ("base", "uniform", "leak"))


def assess(evidence: Evidence | None, deltas: Deltas) -> dict[FindingName, Finding]:
    """All three findings; those that the evidence does not reach are not assessed."""
    missing = not_assessed()
    seeds = None if evidence is None else evidence.of("seed-baseline")
    if evidence is None or seeds is None:
        return missing
    barrier = unusable(evidence, seeds) or not_reproduced(evidence, seeds)
    if barrier:
        return {name: finding("not_assessed", barrier, scope=evidence.scope) for name in missing}
    necessary = _necessary(evidence, seeds, deltas.necessary)
    if necessary.status == "against":
        reason = "this task does not need attention (see necessary)"
        other = finding("not_assessable", reason, scope=evidence.scope)
        return {"necessary": necessary, "hard_to_manipulate": other, "out_of_context": other}
    return {
        "necessary": necessary,
        "hard_to_manipulate": _hard(evidence, seeds, deltas),
        "out_of_context": _context(evidence, deltas.out_of_context),
    }


def _necessary(evidence: Evidence, runs: Runs, delta: float) -> Finding:
    seeds = _shared(runs, SEED, UNIFORM)
    if len(seeds) < LEAST_SEEDS:
        reason = f"{len(seeds)} pairs of learned and uniform models, {LEAST_SEEDS} are needed"
        return finding("not_assessed", reason, scope=evidence.scope)
    gap = score_gap(runs, SEED, UNIFORM, seeds, len(evidence.labels))
    status = compare(gap, delta)
    reason = f"F1 of learned attention less that of frozen uniform attention, {len(seeds)} seeds"
    if status == "inconclusive":
        reason = f"{reason}; {settle(gap, delta)}"
    return finding(status, reason, gap, delta, evidence.scope, GAP, RULES["necessary"])


def _shared(runs: Runs, *kinds: Kind) -> list[int]:
    """The seeds that every one of the kinds was trained with."""
    return sorted(set.intersection(*(set(runs.models.get(kind, {})) for kind in kinds)))


def score_gap(runs: Runs, ours: Kind, theirs: Kind, seeds: list[int], classes: int) -> Estimate:
    """F1 of one kind of model less that of another, paired by seed."""
    predicted = np.concatenate([runs.predicted(ours, seeds), runs.predicted(theirs, seeds)])
    scores, draws = f1_draws(np.array(runs.gold), predicted, classes, runs.bootstrap())
    k = len(seeds)
    return two_level(scores[:k] - scores[k:], draws[:, :k] - draws[:, k:], len(runs.gold))


@dataclass(frozen=True)
class SeedRange:
    """How far seeds of the recipe stray from the audited model: what an adversary is allowed.

    `tvd`, `jsd`: means over instances and seeds. `flips` and `loss`: label flips and loss of F1 of
    the worst seed, no less than what counts as none.
    """

    tvd: Estimate
    jsd: Estimate
    flips: float
    loss: float


def seed_range(runs: Runs, classes: int, least_loss: float) -> SeedRange:
    """The range of the seeds in `runs` of seed-baseline."""
    seeds, bootstrap = runs.seeds(model="seed"), runs.bootstrap()
    tvd, jsd = (
        two_level(*mean_draws(runs.values(SEED, seeds, what), bootstrap), len(runs.gold))
        for what in ("tvd", "jsd")
    )
    flips, loss = damage(runs, SEED, seeds, classes)
    return SeedRange(tvd, jsd, max(LEAST_TVD, flips.max()), max(least_loss, loss.max()))


def damage(runs: Runs, kind: Kind, seeds: list[int], classes: int) -> tuple[Floats, Floats]:
    """Share of labels that differ from the audited model's, and loss of F1 to it: (S,) each."""
    base, predicted = runs.predicted(BASE, [0]), runs.predicted(kind, seeds)
    both = np.concatenate([base, predicted])
    scores, _ = f1_draws(np.array(runs.gold), both, classes, runs.bootstrap())
    return (predicted != base).mean(1), scores[0] - scores[1:]


def _hard(evidence: Evidence, seeds: Runs, deltas: Deltas) -> Finding:
    delta, scope, rule = deltas.hard_to_manipulate, evidence.scope, RULES["hard_to_manipulate"]
    allowed = seed_range(seeds, len(evidence.labels), deltas.necessary)
    if allowed.jsd.ci_low is not None and allowed.jsd.ci_low > AGREEING_JSD:
        reason = (
            "unstable: seeds of the recipe attend differently, by a mean JSD of"
            f" {allowed.jsd.value:.2f} (above {AGREEING_JSD:g})"
        )
        return finding("against", reason, allowed.jsd, AGREEING_JSD, scope, UNSTABLE, rule)
    found = manipulation.of(evidence)
    if found is None:
        return finding("not_assessed", NEEDED["hard_to_manipulate"], scope=scope)
    dev, test, lambdas, trained = found
    if len(trained) < LEAST_ADVERSARIES:
        reason = f"{len(trained)} adversary seeds, and {LEAST_ADVERSARIES} are needed"
        return finding("not_assessed", reason, scope=scope)
    budget = max(_mean_tvd(evidence, "dev"), LEAST_TVD)
    room = max(allowed.tvd.ci_high or 0.0, LEAST_TVD)
    budgets = [*(t for t in FIXED_TVDS if t < budget), budget]
    looked = [manipulation.excess(dev, test, t, room) for t in budgets]
    return _judge(evidence, allowed, test, lambdas, trained, looked, room, delta)


def _mean_tvd(evidence: Evidence, split: str) -> float:
    runs = evidence.of("seed-baseline", split)
    if runs is None:
        return 0.0
    return float(runs.values(SEED, runs.seeds(model="seed"), "tvd").mean())


def _judge(
    evidence: Evidence,
    allowed: SeedRange,
    test: Curves,
    lambdas: list[float],
    trained: list[int],
    looked: list[Excess],
    room: float,
    delta: float,
) -> Finding:
    scope, closest = evidence.scope, float(test.tvd.mean(0).min())
    rule = RULES["hard_to_manipulate"]
    if closest > room:
        reason = (
            f"no model that imitates the audited one answers as closely (TVD {closest:.3f}) as its"
            f" seeds do ({room:.3f}); train adversaries longer"
        )
        return finding("inconclusive", reason, looked[-1].jsd, delta, scope, EXCESS, rule)
    for one in reversed(looked):
        low = one.jsd.ci_low
        if low is not None and low > delta and one.within and _harmless(evidence, one, allowed):
            reason = (
                f"adversaries move attention by {one.jsd.value:.2f} JSD more than imitators, at a"
                f" TVD of {one.cost:.3f}, where seeds of the recipe have {allowed.tvd.value:.3f}"
            )
            return finding("against", reason, one.jsd, delta, scope, EXCESS, rule)
    main = looked[-1]
    imitators = manipulation.imitators(test)
    if (imitators.ci_low or 0.0) > AGREEING_JSD and float(test.tvd[:, 0].mean()) <= room:
        # Nothing pushes them, so that there is no excess: their attention is simply not needed
        # where it is. Attention that is supervised makes seeds agree all the same.
        reason = (
            "unstable: models that only imitate the answers attend differently, by a mean JSD of"
            f" {imitators.value:.2f} (above {AGREEING_JSD:g})"
        )
        return finding("against", reason, imitators, AGREEING_JSD, scope, IMITATORS, rule)
    small = main.jsd.ci_high is not None and main.jsd.ci_high < delta
    weak = _weakness(test, lambdas, room)
    far = _disagreement(allowed.jsd, imitators)
    if small and not weak and not far:
        reason = (
            f"within the seeds' own TVD ({room:.3f}) adversaries move attention no further than"
            f" imitators do, and both seeds (JSD {allowed.jsd.value:.2f}) and imitators"
            f" ({imitators.value:.2f}) agree with the audited model"
        )
        return finding("for", reason, main.jsd, delta, scope, EXCESS, rule)
    if not small:
        weak = weak or settle(main.jsd, delta)
    reason = weak or far or ""
    return finding(
        "inconclusive",
        f"excess JSD of {len(trained)} seeds; {reason}",
        main.jsd,
        delta,
        scope,
        EXCESS,
        rule,
    )


def _disagreement(seeds: Estimate, imitators: Estimate) -> str | None:
    """Who may not attend as the audited model does; None if all do."""
    for who, found in (("seeds of the recipe", seeds), ("imitators", imitators)):
        if found.ci_high is None or found.ci_high >= AGREEING_JSD:
            up_to = "" if found.ci_high is None else f" (JSD up to {found.ci_high:.2f})"
            return f"{who} may not agree on attention{up_to}"
    return None


def _harmless(evidence: Evidence, one: Excess, allowed: SeedRange) -> bool:
    """Whether the chosen adversaries flip no more labels, and lose no more F1, than seeds do."""
    runs = evidence.of("adversary")
    assert runs is not None
    lambdas = manipulation.lambdas_of(runs)
    seeds = manipulation.common_seeds(runs, lambdas)
    each = [damage(runs, kind_of(**{"lambda": x}), seeds, len(evidence.labels)) for x in lambdas]
    flips, loss = (
        float((one.weights * np.array(part).T).sum(-1).mean()) for part in zip(*each, strict=True)
    )
    return flips <= allowed.flips and loss <= allowed.loss


def _weakness(test: Curves, lambdas: list[float], room: float) -> str | None:
    """Why a sweep that found no excess shows nothing; None if it was strong."""
    tvd, jsd = test.tvd.mean(0)[1:], test.jsd.mean(0)[1:]
    if jsd.max() < STRONG_JSD:
        return f"no lambda moved attention far (JSD {jsd.max():.2f}); try larger ones"
    if tvd.min() > room:
        return f"every lambda costs more than the seeds' TVD ({room:.3f}); try smaller ones"
    if tvd.max() <= room:
        return f"no lambda costs more than the seeds' TVD ({room:.3f}); try larger ones"
    return None


def _context(evidence: Evidence, delta: float) -> Finding:
    runs, scope = evidence.of("probe"), evidence.scope
    if runs is None:
        return finding("not_assessed", NEEDED["out_of_context"], scope=scope)
    seeds = _shared(runs, GUIDED, UNGUIDED, LEAK)
    if len(seeds) < LEAST_SEEDS:
        reason = f"{len(seeds)} seeds of each probe, and {LEAST_SEEDS} are needed"
        return finding("not_assessed", reason, scope=scope)
    classes = len(evidence.labels)
    over = score_gap(runs, GUIDED, UNGUIDED, seeds, classes)
    beyond = score_gap(runs, GUIDED, LEAK, seeds, classes)
    named = (
        (over, CONTEXT, "F1 of the probe under the model's attention less under uniform attention"),
        (
            beyond,
            BEYOND_LEAK,
            "F1 of the probe under the model's attention less that of the leak control, which"
            " does not see the words attended to",
        ),
    )
    statuses = [compare(found, delta) for found, _, _ in named]
    status: FindingStatus
    if "against" in statuses:
        status, chosen = "against", named[statuses.index("against")]
    elif "inconclusive" in statuses:
        status, chosen = "inconclusive", named[statuses.index("inconclusive")]
    else:  # the smaller gap is the one that decides
        status, chosen = "for", min(named, key=lambda one: one[0].ci_low or 0.0)
    found, metric, reason = chosen
    end = settle(found, delta) if status == "inconclusive" else f"{len(seeds)} seeds"
    rule = RULES["out_of_context"]
    return finding(status, f"{reason}; {end}", found, delta, scope, metric, rule)
