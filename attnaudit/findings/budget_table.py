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
    *("its excess", "low", "high", "excess of units"),
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
        f"What models may change of the answers on split {split}: TVD, the share of flipped labels,"
        f" and the loss of {score}.",
        "The budget of the seeds decides: a further seed of the recipe keeps it at least four times"
        " in five. The others are shown beside it and decide nothing.",
        f"{found.trained} imitators were trained, {found.replaced} of them in place of others that"
        " got stuck. Usable: imitators within the budget and better than a constant answer.",
        "Missing: usable units without an adversary within the budget. Excess: JSD beyond"
        " imitators.",
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
