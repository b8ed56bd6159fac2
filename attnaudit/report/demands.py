"""What a report is checked against: a policy as of a day, and an older report."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attnaudit.measures.summary import Columns
from attnaudit.records.schema import DatasetFacts, Manifest
from attnaudit.report.gates import is_baseline
from attnaudit.report.policy import Policy, evaluate, excuse, load_policy
from attnaudit.report.schema import Gate, Report
from attnaudit.report.warnings import with_warnings

if TYPE_CHECKING:
    from attnaudit.report.baseline import Baseline


@dataclass(frozen=True)
class Demands:
    """A policy, whose waivers hold or have expired as of `today`, and a baseline."""

    today: datetime.date
    policy: Policy | None = None
    baseline: Baseline | None = None

    def check(self, audit: str, dataset: DatasetFacts) -> None:
        """Raise InputError, before any work, for a baseline of another audit or other data."""
        if self.baseline is not None:
            from attnaudit.report.baseline import check_comparable

            check_comparable(self.baseline, audit, dataset)


def read_demands(
    policy: Path | None, baseline: Path | None, today: datetime.date
) -> Demands | None:
    """What a report will be checked against, as of `today`; None where nothing is asked for.

    Raises InputError for files that cannot be used.
    """
    if policy is None and baseline is None:
        return None
    rules = None if policy is None else load_policy(policy)
    older = None
    if baseline is not None:
        from attnaudit.report.rebuild import read_baseline

        older = read_baseline(baseline)
    return Demands(today, rules, older)


def held(report: Report, columns: Columns | None, demands: Demands | None) -> Report:
    """The report with its warnings and the gates that `demands` makes.

    `columns` are what its means are means of.

    A policy takes the place of the policy's gates that the report came with, a baseline that of
    the older comparison; gates that are not judged again stay.

    Raises:
        InputError: The baseline is of another audit or of other data.
    """
    if demands is None:
        return with_warnings(report)
    policy, tables = demands.policy, dict(report.tables)
    own = [gate for gate in report.gates if not is_baseline(gate.id)]
    compared = [gate for gate in report.gates if is_baseline(gate.id)]
    if policy is not None:
        own = evaluate(policy, report.metrics, report.findings, demands.today)
    if demands.baseline is not None:
        from attnaudit.report import baseline  # brings numpy, which other reports do without

        demands.check(report.audit, report.dataset)
        changes = baseline.compare(demands.baseline, report, columns)
        compared = baseline.gates(demands.baseline, changes)
        tables |= baseline.tables(demands.baseline, report, changes)
    if policy is not None:
        compared = excuse([_bare(gate) for gate in compared], policy, demands.today)
    update = {"gates": [*own, *compared], "tables": tables, "manifest": _named(report, demands)}
    return with_warnings(report.model_copy(update=update))


def _named(report: Report, demands: Demands) -> Manifest:
    """The manifest with the files of the demands, which decide the gates."""
    files = {
        str(each.path): each.sha256
        for each in (demands.policy, demands.baseline)
        if each is not None and each.sha256 is not None
    }
    return report.manifest.model_copy(update={"files": {**report.manifest.files, **files}})


def _bare(gate: Gate) -> Gate:
    """A gate of a comparison without the waiver of an older policy; only regressions have any."""
    if gate.waiver is None:
        return gate
    return gate.model_copy(update={"status": "fail", "waiver": None})
