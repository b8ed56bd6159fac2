"""The gates of a report as JUnit XML, which every CI system shows as tests.

One test suite a report, one test case a gate. Readers of the format know failures and skips only:
an inconclusive gate is skipped (a failure under `strict`), and so is a waived one, each with its
reason. Metrics and what was audited are properties of the suite.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from attnaudit.errors import printable
from attnaudit.report.gates import counts_as_failure, place, said
from attnaudit.report.schema import Gate, Report
from attnaudit.report.warnings import besides_gates


def junit(report: Report, strict: bool) -> str:
    """The XML document; `strict` as in the run, so that it fails where the exit code does."""
    failures = sum(counts_as_failure(gate, strict) for gate in report.gates)
    skipped = sum(gate.status != "pass" for gate in report.gates) - failures
    counts = {
        "tests": str(len(report.gates)),
        "failures": str(failures),
        "errors": "0",
        "skipped": str(skipped),
        "time": "0",
    }
    name = printable(f"attnaudit {report.audit}")
    root = ET.Element("testsuites", {"name": "attnaudit", **counts})
    started = printable(report.manifest.started.removesuffix("Z"))
    suite = ET.SubElement(root, "testsuite", {"name": name, "timestamp": started, **counts})
    properties = ET.SubElement(suite, "properties")
    for key, value in _properties(report):
        ET.SubElement(properties, "property", {"name": printable(key), "value": printable(value)})
    for gate in report.gates:
        _add_case(suite, gate, f"attnaudit.{printable(report.audit)}", strict)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _properties(report: Report) -> Iterator[tuple[str, str]]:
    for warned in besides_gates(report):
        yield f"warning.{warned.name.replace(' ', '_')}", warned.words
    yield "attnaudit", report.manifest.attnaudit
    yield "model", report.model.name
    yield "model.sha256", report.model.sha256 or ""
    yield "dataset", report.dataset.name
    yield "dataset.sha256", report.dataset.sha256 or ""
    yield "dataset.split", report.dataset.split
    yield "dataset.instances", str(report.dataset.instances)
    yield "dataset.partial", str(report.dataset.partial).lower()
    if (calibration := report.manifest.calibration) is not None:
        yield "calibration.holds", f"{calibration.holds} of {calibration.plants}"
        yield "calibration.current", str(calibration.current).lower()
    for desideratum, finding in report.findings.items():
        yield f"finding.{desideratum}", finding.status
    for name, metric in report.metrics.items():
        for end in ("value", "ci_low", "ci_high"):
            figure = getattr(metric, end)
            if figure is not None:
                yield (name if end == "value" else f"{name}.{end}"), repr(figure)


def _add_case(suite: ET.Element, gate: Gate, classname: str, strict: bool) -> None:
    case = ET.SubElement(
        suite, "testcase", {"classname": classname, "name": printable(gate.id), "time": "0"}
    )
    if gate.file is not None:
        case.set("file", printable(gate.file))
        if gate.line is not None:
            case.set("line", str(gate.line))
    lines = [printable(line) for line in said(gate)]
    if where := place(gate):
        lines.append(f"at {printable(where)}")
    text, message = "\n".join(lines), lines[0]
    if counts_as_failure(gate, strict):
        ET.SubElement(case, "failure", {"type": gate.status, "message": message}).text = text
    elif gate.status != "pass":
        message = f"{gate.status}: {lines[1] if gate.status == 'waived' else message}"
        ET.SubElement(case, "skipped", {"message": message}).text = text
    else:
        ET.SubElement(case, "system-out").text = text
