from __future__ import annotations

import xml.sax
from xml.etree import ElementTree as ET

import pytest

from attnaudit.errors import printable
from attnaudit.report.junit import junit
from attnaudit.report.schema import Gate, Report


class Counting(xml.sax.ContentHandler):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def startElement(self, name: str, attrs: object) -> None:  # noqa: N802
        self.names.append(name)


def parsed(text: str) -> ET.Element:
    """The document as two parsers read it."""
    handler = Counting()
    xml.sax.parseString(text.encode(), handler)
    root = ET.fromstring(text.encode())
    assert handler.names == [element.tag for element in root.iter()]
    return root


def cases(root: ET.Element) -> dict[str, ET.Element]:
    return {case.attrib["name"]: case for case in root.iter("testcase")}


def test_a_suite_with_a_case_for_each_gate(report: Report, verdicts: list[Gate]) -> None:
    root = parsed(junit(report.model_copy(update={"gates": verdicts}), strict=False))
    [suite] = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    for element in (root, suite):
        found = [element.attrib[k] for k in ("tests", "failures", "skipped", "errors")]
        assert found == ["7", "3", "2", "0"]
    assert suite.attrib["name"] == "attnaudit correlate"
    assert suite.attrib["timestamp"] == "2026-01-02T03:04:05"
    assert list(cases(root)) == [gate.id for gate in verdicts]
    kinds = {
        name: [c.tag for c in case if c.tag != "system-out"] for name, case in cases(root).items()
    }
    assert kinds == {
        "good": [],
        "bad": ["failure"],
        "open": ["skipped"],
        "known": ["skipped"],
        "old": ["failure"],
        "early": [],
        "baseline:model.f1": ["failure"],
    }


def test_strict_turns_the_inconclusive_into_a_failure(report: Report, verdicts: list[Gate]) -> None:
    root = parsed(junit(report.model_copy(update={"gates": verdicts}), strict=True))
    assert (root.attrib["failures"], root.attrib["skipped"]) == ("4", "1")
    [failure] = cases(root)["open"]
    assert (failure.tag, failure.attrib["type"]) == ("failure", "inconclusive")


def test_what_a_case_says(report: Report, verdicts: list[Gate]) -> None:
    found = cases(parsed(junit(report.model_copy(update={"gates": verdicts}), strict=False)))
    bad = found["bad"]
    assert (bad.attrib["file"], bad.attrib["line"]) == ("policy.yaml", "7")
    assert bad.attrib["classname"] == "attnaudit.correlate"
    assert bad[0].attrib["message"] == "model.f1 ci_low 0.7, below 0.8"
    assert bad[0].text == ("model.f1 ci_low 0.7, below 0.8\nbecause as agreed\nat policy.yaml:7")
    known = found["known"][0].attrib["message"]
    assert known == "waived: waived through 2026-12-31: known, see 12"
    assert "expired on 2026-01-31" in str(found["old"][0].text)
    assert "file" not in found["baseline:model.f1"].attrib


def test_figures_are_properties(report: Report) -> None:
    root = parsed(junit(report, strict=False))
    properties = {p.attrib["name"]: p.attrib["value"] for p in root.iter("property")}
    assert properties["correlate.gradient.tau.mean"] == "0.351"
    assert properties["correlate.gradient.tau.mean.ci_low"] == "0.341"
    assert "correlate.gradient~random.tau.mean" not in properties
    assert properties["dataset.sha256"] == "cd" * 32
    assert properties["finding.necessary"] == "not_assessed"


def test_a_report_without_gates(report: Report) -> None:
    root = parsed(junit(report.model_copy(update={"gates": []}), strict=True))
    assert root.attrib["tests"] == "0"


@pytest.mark.parametrize("strict", [False, True])
def test_nothing_hostile_breaks_it(evil_report: Report, evil: str, strict: bool) -> None:
    text = junit(evil_report, strict)
    assert all(c.isprintable() or c == "\n" for c in text)
    root = parsed(text)
    shown = printable(evil)
    assert root[0].attrib["name"] == f"attnaudit {shown}"
    found = list(root.iter("testcase"))
    assert [case.attrib["name"] for case in found] == [shown] * 4
    assert [case.attrib["file"] for case in found] == [shown] * 4
    assert f"because {shown}" in str(found[0][0].text) or not evil
    assert {e.tag for e in root.iter()} <= {
        "testsuites",
        "testsuite",
        "properties",
        "property",
        "testcase",
        "failure",
        "skipped",
        "system-out",
    }
