"""Works out of context (Wiegreffe & Pinter 2019, section 5): do the weights help without context?

A probe sees each word by itself, weighted by the model's attention. It must be better than one
under uniform attention, and better than the leak control (models/probes.py): attention can also
spell the label out by where it lies, and a probe reads that as well as a reason.

The leak control is a model of the recipe. Where that is pretrained the control knows words that the
probe has to learn, and may beat it whatever the attention is worth: there a probe below the control
is not shown to work, but nothing speaks against the attention.
"""

from __future__ import annotations

from attnaudit.findings.desiderata import OUT_OF_CONTEXT
from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import Finding, FindingStatus
from attnaudit.findings.gap import score_gap
from attnaudit.findings.power import settle
from attnaudit.findings.rules import LEAST_SEEDS, compare, finding
from attnaudit.questions.runs import kind_of

GUIDED, UNIFORM, LEAK = (kind_of(guide=name) for name in ("base", "uniform", "leak"))
METRICS = ("probe.base-uniform.f1_gap", "probe.base-leak.f1_gap")
GAPS = (
    "F1 of the probe under the model's attention less that under uniform attention",
    "F1 of the probe under the model's attention less that of the leak control, which does not see"
    " the words attended to",
)
RULE = (
    "for: both gaps, to the uniform guide and to the leak control, lie above delta; against:"
    " either lies below it"
)
OF_PRETRAINED = (
    "for: both gaps, to the uniform guide and to the leak control, lie above delta; against: the"
    " one to the uniform guide lies below it; the control is pretrained and the probe is not, so"
    " that the other gap alone is never against"
)


def out_of_context(evidence: Evidence, delta: float) -> Finding:
    """What the probes say: the gap that decides is shown, the smaller one where both are for."""
    runs, scope = evidence.of("probe"), evidence.scope
    if runs is None:
        return finding("not_assessed", OUT_OF_CONTEXT.needs, scope=scope)
    seeds = runs.shared_seeds([GUIDED, UNIFORM, LEAK])
    if len(seeds) < LEAST_SEEDS:
        reason = f"{len(seeds)} seeds of each probe, and {LEAST_SEEDS} are needed"
        return finding("not_assessed", reason, scope=scope)
    gaps = [score_gap(evidence, runs, GUIDED, other, seeds) for other in (UNIFORM, LEAK)]
    statuses = [compare(gap, delta) for gap in gaps]
    outdone = evidence.pretrained and statuses[1] == "against"
    if outdone:
        statuses[1] = "inconclusive"
    status: FindingStatus
    if "against" in statuses:
        status, which = "against", statuses.index("against")
    elif "inconclusive" in statuses:
        status, which = "inconclusive", statuses.index("inconclusive")
    else:
        status, which = "for", min((0, 1), key=lambda k: gaps[k].ci_low or 0.0)
    end = settle(gaps[which], delta) if status == "inconclusive" else f"{len(seeds)} seeds"
    if outdone and which == 1:
        end = "the control is pretrained and the probe is not, so that this decides nothing"
    reason = f"{GAPS[which]}; {end}"
    rule = OF_PRETRAINED if evidence.pretrained else RULE
    return finding(status, reason, gaps[which], delta, scope, METRICS[which], rule)
