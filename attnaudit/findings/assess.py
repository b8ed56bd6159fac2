"""The findings from the evidence, in the order in which one can block the others."""

from __future__ import annotations

from collections.abc import Callable

from attnaudit.findings.basis import barrier
from attnaudit.findings.context import out_of_context
from attnaudit.findings.controls import unmoved, withheld
from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import Finding, FindingName
from attnaudit.findings.hard import hard_to_manipulate
from attnaudit.findings.looks import looked
from attnaudit.findings.necessary import necessary
from attnaudit.findings.rules import Deltas, finding, not_assessed
from attnaudit.findings.stable import stable
from attnaudit.questions.runs import Runs


def assess(evidence: Evidence | None, deltas: Deltas) -> dict[FindingName, Finding]:
    """All findings; those that the evidence does not reach are not assessed.

    There are no findings for a model or recipe that fails `basis.barrier`. If the recipe gains
    nothing from attention, the other findings are not assessable; what they would say is still
    shown. If the controls say that the audited attention cannot be tested, no finding is *against*
    it.
    """
    missing = not_assessed()
    seeds = None if evidence is None else evidence.of("seed-baseline")
    if evidence is None or seeds is None:
        return missing
    in_the_way = barrier(evidence, seeds)
    if in_the_way:
        return {name: finding("not_assessed", in_the_way, scope=evidence.scope) for name in missing}
    why = unmoved(seeds)
    needed = withheld(_on_seeds(evidence, necessary, deltas.necessary), why)
    others: dict[FindingName, Finding] = {
        "stable": _on_seeds(evidence, stable, deltas.stable),
        "hard_to_manipulate": hard_to_manipulate(evidence, seeds, deltas),
        "out_of_context": on_probes(evidence, deltas),
    }
    if needed.status == "against":
        others = {name: _needless(found, deltas) for name, found in others.items()}
    return {"necessary": needed, **{name: withheld(one, why) for name, one in others.items()}}


def on_seeds(evidence: Evidence, deltas: Deltas) -> list[Finding]:
    """The findings that rest on the models of seed-baseline alone."""
    return [
        _on_seeds(evidence, necessary, deltas.necessary),
        _on_seeds(evidence, stable, deltas.stable),
    ]


def on_probes(evidence: Evidence, deltas: Deltas) -> Finding:
    """The finding that rests on probes."""
    return looked(
        evidence,
        "probe",
        lambda seen: out_of_context(seen, deltas.out_of_context, deltas.hard_to_manipulate),
    )


def _on_seeds(
    evidence: Evidence, rule: Callable[[Evidence, Runs, float], Finding], delta: float
) -> Finding:
    def find(seen: Evidence) -> Finding:
        runs = seen.of("seed-baseline")
        assert runs is not None
        return rule(seen, runs, delta)

    return looked(evidence, "seed-baseline", find)


def _needless(found: Finding, deltas: Deltas) -> Finding:
    """What another finding would say, where attention gains the recipe less than delta."""
    if found.status == "not_assessed":
        return found
    status = found.status.replace("_", " ")
    reason = (
        f"Learned attention improves this recipe by less than {deltas.necessary:g} in score "
        "(see necessary), so this question makes little sense. By its own rule the finding "
        f"would be {status}. {found.reason}"
    )
    return found.model_copy(update={"status": "not_assessable", "reason": reason})
