"""A report from a summary: figures joined with what the registry says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from attnaudit.findings.finding import Finding, FindingName
from attnaudit.findings.rules import not_assessed
from attnaudit.measures.summary import Estimate, Summary, Table
from attnaudit.records.schema import DatasetFacts, Manifest, ModelFacts
from attnaudit.report.ranges import inside
from attnaudit.report.registry import find
from attnaudit.report.schema import Gate, Metric, Report, TableData, with_meaning


def build_report(
    audit: str,
    summary: Summary,
    *,
    model: ModelFacts,
    dataset: DatasetFacts,
    settings: Mapping[str, JsonValue],
    manifest: Manifest,
    gates: Sequence[Gate],
    findings: Mapping[FindingName, Finding] | None = None,
) -> Report:
    """The report of one audit; a records `Header` holds everything but summary and gates.

    Without `findings` none is assessed.

    Raises:
        KeyError: A metric is not in the registry.
        InputError: A figure lies outside the range of its metric.
        pydantic.ValidationError: A figure is NaN or infinite, or a table is not rectangular.
    """
    made = Report(
        audit=audit,
        model=model,
        dataset=dataset,
        settings=dict(settings),
        metrics={name: metric_of(name, estimate) for name, estimate in summary.metrics.items()},
        tables={name: table_of(table, _of(model)) for name, table in summary.tables.items()},
        findings=dict(not_assessed() if findings is None else findings),
        gates=list(gates),
        notes=list(summary.notes),
        manifest=manifest,
    )
    return with_meaning(made)


def _of(model: ModelFacts) -> str | None:
    """What the titles of tables name: an unusual site, and which of several labels."""
    label = None if model.label is None else f"label {model.label}"
    return ", ".join(filter(None, (label, model.site))) or None


def metric_of(name: str, estimate: Estimate) -> Metric:
    """An estimate with what the registry says of it.

    Raises KeyError for an unknown name, InputError for a value outside the range of its metric.
    """
    spec = find(name)
    if spec is None:
        raise KeyError(f"metric {name!r} is not in the registry")
    estimate = inside(name, spec, estimate)
    return Metric(
        value=estimate.value,
        ci_low=estimate.ci_low,
        ci_high=estimate.ci_high,
        n=estimate.n,
        undefined=estimate.undefined,
        reason=estimate.reason,
        direction=spec.direction,
        unit=spec.unit,
    )


def table_of(table: Table, of: str | None = None) -> TableData:
    """A table as reports hold it; its title says what it is `of`, where that is not the usual."""
    return TableData(
        title=table.title if of is None else f"{table.title} ({of})",
        columns=list(table.columns),
        rows=[list(row) for row in table.rows],
        notes=list(table.notes),
        detail=table.detail,
        shown=table.shown,
    )
