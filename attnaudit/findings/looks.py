"""Findings on seeds that grew: each keeps the answer of the look at which it was decided."""

from __future__ import annotations

from collections.abc import Callable

from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import Finding, Look
from attnaudit.measures.spending import levels
from attnaudit.questions.looks import LOOKS
from attnaudit.wording import percent_of

OPEN = ("inconclusive", "not_assessed")


def looked(evidence: Evidence, audit: str, find: Callable[[Evidence], Finding]) -> Finding:
    """What `find` says of the evidence, whose models of `audit` may have grown look by look.

    The first look that has an answer decides, and its interval is shown, at the level of that look.
    Without an answer it is the last look. Where the number of seeds was fixed there is one look.
    """
    if audit not in evidence.growing or (runs := evidence.of(audit)) is None:
        return find(evidence)
    kinds = (*runs.models, *runs.diverged)
    count = max((len(runs.tried(kind)) for kind in kinds), default=0)
    found = None
    for size, level in zip(LOOKS, levels(LOOKS), strict=True):
        if found is not None and size > count:
            break
        found = _told(find(evidence.at(audit, size, level)), min(size, count), level)
        if found.status not in OPEN:
            break
    assert found is not None
    return found


def _told(found: Finding, seeds: int, level: float) -> Finding:
    """A finding with its look. Its figure is not the metric of all seeds, whose name it loses."""
    reason = (
        f"{found.reason} The number of seeds was not fixed beforehand: this is the look at "
        f"{seeds} seeds. Its interval is wider for this reason ({percent_of(level)})."
    )
    look = Look(seeds=max(seeds, 1), level=level)
    return found.model_copy(update={"reason": reason, "look": look, "metric": None})
