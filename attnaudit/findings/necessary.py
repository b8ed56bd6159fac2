"""Necessary (Wiegreffe & Pinter 2019, section 3.2): does the task need learned attention at all?"""

from __future__ import annotations

from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import Finding
from attnaudit.findings.gap import score_gap
from attnaudit.findings.power import settle
from attnaudit.findings.rules import LEAST_SEEDS, compare, finding
from attnaudit.questions.runs import LEARNED, UNIFORM, Runs

METRIC = "necessity.score_gap"
RULE = "for: the interval of the gap lies above delta; against: below it"


def necessary(evidence: Evidence, runs: Runs, delta: float) -> Finding:
    """What the `runs` of seed-baseline say: F1 of learned less that of frozen uniform attention."""
    seeds = runs.shared_seeds([LEARNED, UNIFORM])
    if len(seeds) < LEAST_SEEDS:
        reason = f"{len(seeds)} pairs of learned and uniform models, and {LEAST_SEEDS} are needed"
        return finding("not_assessed", reason, scope=evidence.scope)
    gap = score_gap(evidence, runs, LEARNED, UNIFORM, seeds)
    status = compare(gap, delta)
    reason = f"F1 of learned attention less that of frozen uniform attention, {len(seeds)} seeds"
    if status == "inconclusive":
        reason = f"{reason}. {settle(gap, delta)}"
    return finding(status, reason, gap, delta, evidence.scope, METRIC, RULE)
