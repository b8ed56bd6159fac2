"""What *hard to manipulate* rests on, for readers: its metrics, and a table of the budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from attnaudit.findings.evidence import Evidence
from attnaudit.findings.manipulation import Manipulation
from attnaudit.findings.metrics import ADVERSARY_EXCESS, UNITS_EXCESS
from attnaudit.findings.rules import FIXED_TVDS
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.scored import IN_WORDS

TABLE = "adversary.budget"
COLUMNS = (
    *("budget", "TVD", "flips", "loss", "usable", "missing", "chosen"),
    *("its excess", "low", "high", "mean excess of units"),
)


@dataclass(frozen=True)
class Shown:
    """Metrics and tables by name."""

    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)


def shown_of(evidence: Evidence | None) -> Shown:
    """What the evidence holds of adversaries and their budget; nothing where it lacks either."""
    found = None if evidence is None else Manipulation.of(evidence)
    if evidence is None or found is None:
        return Shown()
    metrics = {ADVERSARY_EXCESS: found.excess, UNITS_EXCESS: found.units_excess}
    known = {name: excess for name, excess in metrics.items() if excess is not None}
    return Shown(known, {TABLE: _table(found, IN_WORDS[evidence.score], evidence.audited)})


def _table(found: Manipulation, score: str, split: str) -> Table:
    rows = [_row("of the seeds", found)]
    rows += [_row(f"TVD {tvd:g}", found.at(tvd)) for tvd in FIXED_TVDS]
    notes = [
        f"The budget says how far a trained model may change the answers on split {split} and "
        "still count as giving the same answers: by TVD, by the share of flipped labels, and "
        f"by the loss of {score}.",
        "Only the budget of the seeds (first row) decides the finding: a further seed of the "
        "recipe stays within it at least four times in five. The other budgets are shown for "
        "comparison.",
        f"{found.trained} imitators were trained, {found.replaced} of them to replace others "
        "that got stuck. usable: imitators that stay within the budget and answer better than "
        "a constant.",
        "A unit is an imitator and its adversaries, with the same start and seed. missing: "
        "usable units without an adversary within the budget. excess: how much farther the "
        "adversary moves the attention than imitators do, as a JSD.",
    ]
    return Table("The budget of adversaries", list(COLUMNS), rows, notes, detail=True)


def _row(name: str, found: Manipulation) -> list[Cell]:
    budget, excess, units = found.budget, found.excess, found.units_excess
    return [
        name,
        budget.tvd,
        budget.flips,
        budget.loss,
        len(found.usable),
        len(found.missing),
        None if found.chosen is None else found.chosen.words,
        *((None, None, None) if excess is None else (excess.value, excess.ci_low, excess.ci_high)),
        None if units is None else units.value,
    ]
