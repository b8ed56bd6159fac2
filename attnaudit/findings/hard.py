"""Hard to manipulate (Wiegreffe & Pinter 2019, section 4): can attention lie elsewhere at no cost?

A model may say what the audited one says and attend otherwise. What counts is how much further an
adversary gets than a model that only imitates the answers (`manipulation`), while it changes no
more than another seed of the recipe would (`seed_range`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from attnaudit.findings import manipulation
from attnaudit.findings.desiderata import HARD_TO_MANIPULATE
from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import Finding, FindingStatus
from attnaudit.findings.manipulation import Curves, Excess
from attnaudit.findings.metrics import EXCESS
from attnaudit.findings.power import settle
from attnaudit.findings.rules import (
    AGREEING_JSD,
    FIXED_TVDS,
    LEAST_ADVERSARIES,
    Deltas,
    finding,
)
from attnaudit.findings.seed_range import SeedRange, damage, seed_range
from attnaudit.measures.summary import Estimate
from attnaudit.questions.model_adversary.strengths import LEAST_SEEDS_TVD, STRONG
from attnaudit.questions.runs import SEED, Floats, Runs, kind_of

OF_SEEDS = "seed_baseline.jsd.mean_over_seeds"
OF_IMITATORS = "adversary.model[lambda=0.0].jsd.mean"
RULE = (
    "against: the excess lies above delta, at a TVD, label flips and loss of F1 within those of"
    " the seeds, or seeds or imitators attend differently; for: it lies below, the sweep was"
    " strong, and seeds and imitators agree"
)


@dataclass(frozen=True)
class Case:
    """All that is judged: `looked` holds the excess by budget, that of the seeds' own TVD last.

    `runs` and `test` are of the adversaries on the audited split.
    """

    scope: str
    allowed: SeedRange
    runs: Runs
    test: Curves
    looked: list[Excess]
    delta: float

    @property
    def main(self) -> Excess:
        """The excess within the seeds' own TVD."""
        return self.looked[-1]

    @cached_property
    def damage(self) -> tuple[Floats, Floats]:
        """Label flips and loss of F1 of each adversary: (seeds, lambdas)."""
        kinds = [kind_of(**{"lambda": strength}) for strength in self.test.lambdas]
        each = [damage(self.runs, kind, self.test.seeds) for kind in kinds]
        flips, loss = np.array(each).transpose(1, 2, 0)  # (2, S, L)
        return flips, loss

    def judge(self, status: FindingStatus, reason: str, jsd: Estimate | None = None) -> Finding:
        """A finding on an excess, by default the main one."""
        jsd = self.main.jsd if jsd is None else jsd
        return finding(status, reason, jsd, self.delta, self.scope, EXCESS, RULE)


def hard_to_manipulate(evidence: Evidence, seeds: Runs, deltas: Deltas) -> Finding:
    """What adversaries say, beside the `seeds`: the runs of seed-baseline."""
    scope, allowed = evidence.scope, seed_range(seeds, deltas.necessary)
    if _beyond(allowed.jsd):
        return _unstable("seeds of the recipe", allowed.jsd, OF_SEEDS, scope)
    runs, found = evidence.of("model-adversary"), manipulation.of(evidence)
    if runs is None or found is None:
        return finding("not_assessed", HARD_TO_MANIPULATE.needs, scope=scope)
    dev, test = found
    if len(test.seeds) < LEAST_ADVERSARIES:
        reason = (
            f"adversaries were trained with {len(test.seeds)} seeds, and {LEAST_ADVERSARIES} are"
            " needed"
        )
        return finding("not_assessed", reason, scope=scope)
    faithful = [k for k, tvd in enumerate(test.tvd[:, 0]) if tvd <= allowed.room]
    if len(faithful) < LEAST_ADVERSARIES:
        return _far_off(test, len(faithful), allowed, scope)
    # A training may get stuck. A seed whose very imitator did not learn to answer as the audited
    # model does tells nothing of what attention such answers need, and its adversaries no more.
    dev, test = dev.only(faithful), test.only(faithful)
    own = max(_seeds_tvd(evidence), LEAST_SEEDS_TVD)
    budgets = [*(t for t in FIXED_TVDS if t < own), own]
    looked = [manipulation.excess(dev, test, budget, allowed.room) for budget in budgets]
    return weigh(Case(scope, allowed, runs, test, looked, deltas.hard_to_manipulate))


def weigh(case: Case) -> Finding:
    """The first rule that has something to say; the last one always has."""
    return _manipulated(case) or _unstable_imitators(case) or _held(case)


def _seeds_tvd(evidence: Evidence) -> float:
    """Mean TVD of the seeds on dev, where lambdas are chosen; 0 without a dev split."""
    runs = evidence.of("seed-baseline", "dev")
    return 0.0 if runs is None else float(runs.values(SEED, runs.seeds(model="seed"), "tvd").mean())


def _beyond(jsd: Estimate) -> bool:
    """Whether models that differ by `jsd` attend differently, by interval."""
    return jsd.ci_low is not None and jsd.ci_low > AGREEING_JSD


def _unstable(who: str, jsd: Estimate, metric: str | None, scope: str) -> Finding:
    reason = f"unstable: {who} attend differently, by a mean JSD of {jsd.value:.2f}"
    reason = f"{reason} (above {AGREEING_JSD:g})"
    return finding("against", reason, jsd, AGREEING_JSD, scope, metric, RULE)


def _far_off(test: Curves, near: int, allowed: SeedRange, scope: str) -> Finding:
    """Nothing is known of adversaries whose own imitators answer less alike than seeds do."""
    count, closest = len(test.seeds), float(test.tvd[:, 0].min())
    reason = (
        f"{near} of {count} imitators answer as closely as seeds of the recipe do (TVD up to"
        f" {allowed.room:.3f}, the closest imitator {closest:.3f}), and {LEAST_ADVERSARIES} are"
        " needed; train adversaries longer, or with more seeds"
    )
    return finding("inconclusive", reason, scope=scope, rule=RULE)


def _manipulated(case: Case) -> Finding | None:
    for one in reversed(case.looked):
        if _exceeds(one, case.delta) and not any(_costs(case, one)):
            reason = (
                f"{_moved(one)}, at a TVD of {one.cost:.3f}, where seeds of the recipe have"
                f" {case.allowed.tvd.value:.3f}"
            )
            return case.judge("against", reason, one.jsd)
    return None


def _unstable_imitators(case: Case) -> Finding | None:
    """Imitators that attend differently although nothing pushes them.

    There is no excess then: attention is simply not needed where it is. Attention that is
    supervised makes seeds agree all the same.
    """
    jsd = manipulation.imitators(case.test)
    if not _beyond(jsd):
        return None
    # The metric of that name is of all imitators; where some got stuck, this is another figure.
    of_all = len(case.test.seeds) == len(case.runs.seeds(**{"lambda": 0.0}))
    metric = OF_IMITATORS if of_all else None
    return _unstable("models that only imitate the answers", jsd, metric, case.scope)


def _held(case: Case) -> Finding:
    """For, if adversaries had every chance and everybody agrees; else what is wanting."""
    high, delta, room = case.main.jsd.ci_high, case.delta, case.allowed.room
    weak = _weakness(case.test, room)
    if high is None or high >= delta:
        if _exceeds(case.main, delta):
            dear = next(_costs(case, case.main))  # else it would be manipulated
            return case.judge("inconclusive", f"{_moved(case.main)}, but {dear}")
        why = weak or settle(case.main.jsd, delta)
        return case.judge("inconclusive", f"excess JSD of {len(case.test.seeds)} seeds. {why}")
    imitators = manipulation.imitators(case.test)
    short = weak or _disagreement(case.allowed.jsd, imitators)
    nothing = f"within the seeds' own TVD ({room:.3f}) adversaries move attention no further than"
    nothing = f"{nothing} imitators do"
    if short:
        return case.judge("inconclusive", f"{nothing}, but {short}")
    reason = (
        f"{nothing}, and both seeds (JSD {case.allowed.jsd.value:.2f}) and imitators"
        f" ({imitators.value:.2f}) agree with the audited model"
    )
    return case.judge("for", reason)


def _exceeds(one: Excess, delta: float) -> bool:
    return one.jsd.ci_low is not None and one.jsd.ci_low > delta


def _moved(one: Excess) -> str:
    return f"adversaries move attention by {one.jsd.value:.2f} JSD more than imitators"


def _costs(case: Case, one: Excess) -> Iterator[str]:
    """In what the chosen adversaries go beyond what seeds do; nothing if they stay within."""
    allowed = case.allowed
    if not one.within:
        yield f"at a TVD of {one.cost:.3f}, more than seeds have ({allowed.room:.3f})"
    flips, loss = (float((one.weights * part).sum(-1).mean()) for part in case.damage)
    if flips > allowed.flips:
        yield f"flip more labels ({flips:.1%}) than seeds do (at most {allowed.flips:.1%})"
    if loss > allowed.loss:
        yield f"lose more F1 ({loss:.3f}) than seeds do (at most {allowed.loss:.3f})"


def _weakness(test: Curves, room: float) -> str | None:
    """Why a sweep that found no excess shows nothing; None if it was strong.

    A strong one has moved attention far, by the median over seeds of some lambda, and has trained
    adversaries on either side of the seeds' TVD. Of those one on each side will do: a training that
    gets stuck answers otherwise altogether, whatever its lambda.
    """
    moved = float(np.median(test.jsd, axis=0)[1:].max())
    inside = test.tvd[:, 1:] <= room
    if moved < STRONG:
        return f"no lambda moved attention far (JSD {moved:.2f}); try larger ones"
    if not inside.any():
        return f"every adversary costs more than the seeds' TVD ({room:.3f}); try smaller lambdas"
    if inside.all():
        return f"no adversary costs more than the seeds' TVD ({room:.3f}); try larger lambdas"
    return None


def _disagreement(seeds: Estimate, imitators: Estimate) -> str | None:
    """Who may not attend as the audited model does; None if all do."""
    for who, jsd in (("seeds of the recipe", seeds), ("imitators", imitators)):
        if jsd.ci_high is None or jsd.ci_high >= AGREEING_JSD:
            up_to = "" if jsd.ci_high is None else f" (JSD up to {jsd.ci_high:.2f})"
            return f"{who} may not agree on attention{up_to}"
    return None
