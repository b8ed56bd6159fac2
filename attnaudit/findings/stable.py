"""Stable: do models of the same recipe attend to the same words, more than by chance?"""

from __future__ import annotations

from attnaudit.findings.desiderata import STABLE
from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import Finding
from attnaudit.findings.rules import finding
from attnaudit.questions.runs import Runs


def stable(evidence: Evidence, runs: Runs, line: float) -> Finding:
    """What the models of the recipe in `runs` of seed-baseline say, the audited one among them."""
    return finding("not_assessed", STABLE.needs, scope=evidence.scope)
