"""The findings from the evidence, in the order in which one stands in the way of others."""

from __future__ import annotations

from attnaudit.findings.basis import barrier
from attnaudit.findings.context import out_of_context
from attnaudit.findings.controls import unmoved, withheld
from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import Finding, FindingName
from attnaudit.findings.hard import hard_to_manipulate
from attnaudit.findings.necessary import necessary
from attnaudit.findings.rules import Deltas, finding, not_assessed
from attnaudit.findings.stable import stable


def assess(evidence: Evidence | None, deltas: Deltas) -> dict[FindingName, Finding]:
    """All findings; those that the evidence does not reach are not assessed.

    None rests on a model or recipe that fails `basis.barrier`. Where attention gains the recipe
    nothing, the other findings are not assessable; what they would say is shown all the same.
    Where the controls say that the audited attention cannot be tested, none is *against* it.
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
    others: dict[FindingName, Finding] = {
        "stable": stable(evidence, seeds, deltas.stable),
        "hard_to_manipulate": hard_to_manipulate(evidence, seeds, deltas),
        "out_of_context": out_of_context(evidence, deltas.out_of_context),
    }
    if needed.status == "against":
        others = {name: _needless(found, deltas) for name, found in others.items()}
    return {"necessary": needed, **{name: withheld(one, why) for name, one in others.items()}}


def _needless(found: Finding, deltas: Deltas) -> Finding:
    """What another finding would say, where attention gains the recipe less than delta."""
    if found.status == "not_assessed":
        return found
    status = found.status.replace("_", " ")
    reason = (
        f"learned attention gains this recipe less than {deltas.necessary:g} in score (see"
        f" necessary); by its own rule this would be {status}: {found.reason}"
    )
    return found.model_copy(update={"status": "not_assessable", "reason": reason})
