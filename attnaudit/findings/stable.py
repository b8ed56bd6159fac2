"""Stable: do models of the same recipe attend to the same words, more than by chance?

Wiegreffe & Pinter (2019, section 3.3) ask how far attention varies between seeds, to compare
adversaries with it. Here it is a question of its own: if seeds attend differently, a heatmap
depends on the seed as much as on the text.

Two figures decide. Models that choose between two words in each text agree far more than by chance
(s about .5), although they often point at different words. kappa detects this.
"""

from __future__ import annotations

from dataclasses import replace

from attnaudit.findings.desiderata import STABLE
from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import Finding, FindingStatus
from attnaudit.findings.power import Measured, settle
from attnaudit.findings.rules import LEAST_SEEDS, compare, finding
from attnaudit.measures.limits import LEVEL
from attnaudit.measures.pairs import ABOVE, BELOW, OfPairs
from attnaudit.measures.power import components
from attnaudit.measures.summary import Estimate
from attnaudit.questions.runs import Runs
from attnaudit.questions.seed_baseline.stability import KAPPA_LINE, Stability, stability
from attnaudit.questions.seed_baseline.stability_metrics import AGREEMENT, ALIKE, KAPPA, SHUFFLED, S
from attnaudit.wording import decimal, percent

FLAT_JSD = 0.02  # shuffled attention that lies nearer than this is too flat to compare, in nats
RULE = (
    "s says how alike models attend (1: identical, 0: by chance), and kappa how often they "
    "share the top word. For, if the whole interval of s lies above the limit, and that of "
    f"kappa above {KAPPA_LINE:g}. Against, if the interval of s lies below the limit. Not "
    f"assessable, if attention is flat: shuffling it changes it by a JSD below {FLAT_JSD:g}."
)
RARE = (
    "Five seeds may not show a failure that is rarer than one seed in five. If each seed "
    "chooses one of two words for all texts, this finding is seldom against: with 20 seeds in "
    "about half of all cases, with 5 seeds nearly never."
)


def stable(evidence: Evidence, runs: Runs, line: float) -> Finding:
    """What the models of the recipe in `runs` of seed-baseline say, the audited one among them.

    `line` is how much more alike than chance their attention must be: s, from 0 to 1.
    """
    seeds = len(runs.seeds(model="seed"))
    if not seeds:
        return finding("not_assessed", STABLE.needs, scope=evidence.scope)
    if seeds < LEAST_SEEDS:
        reason = f"{seeds} seeds were trained, but {LEAST_SEEDS} are needed."
        return finding("not_assessed", reason, scope=evidence.scope)
    found = stability(runs, evidence.level)
    status, reason = _judged(found, line)
    if evidence.supervised:
        reason = f"Supervised: training itself tells these models where to attend. {reason}"
    s = None if status == "not_assessed" else measured(found.figures[S], evidence.level)
    if s is not None and status == "inconclusive" and compare(s, line) == status:
        reason = f"{reason} {settle(s, line)}"
    return finding(status, reason, s, line, evidence.scope, S, RULE)


def measured(s: OfPairs, level: float = LEVEL) -> Measured:
    """The figure s of all pairs of models, with the parts of its variance.

    The audited model is one of the models, beside the seeds. `level` is that of its interval.
    """
    stretch = (ABOVE + BELOW) / 2
    parts = None if s.parts is None else components(s.parts, stretch=stretch, level=level)
    found = Measured.of(s.estimate, parts, LEAST_SEEDS + 1, ALIKE, "s", "models")
    return replace(found, shrinks=True)


def _judged(found: Stability, line: float) -> tuple[FindingStatus, str]:
    s, kappa, shuffled = (found.metrics[name] for name in (S, KAPPA, SHUFFLED))
    if shuffled.value is None:
        return "not_assessed", f"Attention cannot be compared: {shuffled.reason}."
    if shuffled.value < FLAT_JSD:
        return "not_assessable", (
            "Attention is flat: shuffling its weights among the words of a text changes it by "
            f"a JSD of only {shuffled.value:.3f}, but at least {FLAT_JSD:g} is needed."
        )
    alike, same_top = compare(s, line), compare(kappa, KAPPA_LINE)
    agreement = found.metrics[AGREEMENT].value
    told = (
        "On a scale from 0 (no more alike than by chance) to 1 (identical), the attention of "
        f"{found.models} models of this recipe reaches {s.value:.2f} (s{_interval(s)}). Two "
        f"models have the same top word in {percent(agreement or 0.0)} of all cases; "
        f"corrected for chance, this is {kappa.value:.2f} (kappa{_interval(kappa)})."
    )
    if alike == "against":
        return "against", f"{told} {RARE}"
    if alike == same_top == "for":
        return "for", f"{told} {RARE}"
    return "inconclusive", f"{told} {_open(alike, same_top, line)} {RARE}"


def _interval(found: Estimate) -> str:
    if found.ci_low is None or found.ci_high is None:
        return f", {found.reason}"
    return f", interval {decimal(found.ci_low, 2)} to {decimal(found.ci_high, 2)}"


def _open(alike: FindingStatus, same_top: FindingStatus, line: float) -> str:
    """Which of the two figures is open, where s is not below its line."""
    s = f"The true s may be above or below {line:.2f}"
    kappa = {
        "for": f"kappa is above {KAPPA_LINE:g}",
        "against": f"kappa is below {KAPPA_LINE:g}: models often point at different words",
        "inconclusive": f"kappa may be above or below {KAPPA_LINE:g}",
    }[same_top]
    if alike == "for":
        return f"s is above {line:.2f}, but {kappa}."
    joined = "but" if same_top == "for" else "and"
    return f"{s}, {joined} {kappa}."
