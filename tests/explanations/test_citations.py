"""The works that a report rests on are those of what it holds."""

from __future__ import annotations

from attnaudit.explanations.citations import cited
from attnaudit.findings.finding import Finding
from attnaudit.findings.rules import not_assessed
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.questions import find_question
from attnaudit.records.schema import Header
from attnaudit.report.build import build_report
from attnaudit.report.literature import works_named


def keys(header: Header, *metrics: str, **findings: Finding) -> set[str]:
    report = build_report(
        "correlate",
        Summary(
            {name: Estimate(0.5, n=9) for name in metrics} | {"permute.tvd.mean": Estimate(None)}
        ),
        model=header.model,
        dataset=header.dataset,
        settings={"reading": "max"},
        manifest=header.manifest,
        gates=[],
        findings={**not_assessed(), **findings},
    )
    works = cited(report)
    assert [work.key for work in works] == sorted((w.key for w in works), key=str.casefold)
    return {work.key for work in works}


def test_only_what_was_used_is_cited(header):
    tau = keys(header, "correlate.integrated_gradients.tau.mean")
    assert {"Sundararajan et al. 2017", "Kendall 1970", "Jain & Wallace 2019"} <= tau
    assert "Vigna 2015" not in tau
    assert "Vigna 2015" in keys(header, "correlate.gradient.weighted_tau.mean")
    pair = keys(header, "correlate.gradient~integrated_gradients.tau.mean")
    assert "Sundararajan et al. 2017" in pair
    assert "Sundararajan et al. 2017" not in keys(header, "correlate.gradient.tau.mean")


def test_questions_and_findings_bring_theirs(header):
    source = find_question("seed-baseline").source
    assert {w.key for w in works_named(source)} <= keys(header, "seed_baseline.tvd.mean")
    assert "Wiegreffe & Pinter 2019" not in keys(header, "model.accuracy")
    found = Finding(status="for", reason="r")
    assert "Wiegreffe & Pinter 2019" in keys(header, "model.accuracy", necessary=found)
