"""The three findings from the evidence, in the order in which one stands in the way of others."""

from __future__ import annotations

from attnaudit.findings.basis import barrier
from attnaudit.findings.context import out_of_context
from attnaudit.findings.controls import unmoved, withheld
from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import Finding, FindingName
from attnaudit.findings.hard import hard_to_manipulate
from attnaudit.findings.necessary import necessary
from attnaudit.findings.rules import Deltas, finding, not_assessed


def assess(evidence: Evidence | None, deltas: Deltas) -> dict[FindingName, Finding]:
    """All three findings; those that the evidence does not reach are not assessed.

    None rests on a model or recipe that fails `basis.barrier`. Where attention is not necessary,
    it is no use asking whether it can be moved or helps elsewhere: the other two are then not
    assessable. Where the controls say that the audited attention cannot be tested, none is
    *against* it.
    """
    missing = not_assessed()
    seeds = None if evidence is None else evidence.of("seed-baseline")
    if evidence is None or seeds is None:
        return missing
    in_the_way = barrier(evidence, seeds)
    if in_the_way:
        return {name: finding("not_assessed", in_the_way, scope=evidence.scope) for name in missing}
    why = unmoved(seeds)
    needed = withheld(necessary(evidence, seeds, deltas.necessary), why)
    if needed.status == "against":
        reason = "this task does not need attention (see necessary)"
        other = finding("not_assessable", reason, scope=evidence.scope)
        return {"necessary": needed, "hard_to_manipulate": other, "out_of_context": other}
    return {
        "necessary": needed,
        "hard_to_manipulate": withheld(hard_to_manipulate(evidence, seeds, deltas), why),
        "out_of_context": withheld(out_of_context(evidence, deltas.out_of_context), why),
    }
