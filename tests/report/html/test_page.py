from __future__ import annotations

import builtins
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from attnaudit.errors import InputError
from attnaudit.findings.finding import Finding
from attnaudit.report.html import page
from attnaudit.report.html.page import html_page
from attnaudit.report.schema import Gate, Report, TableData

VOID = {"meta", "br", "hr", "img", "input", "link"}
HOSTILE = "<script>alert(1)</script>\x1b[31m\x00{{ 7*7 }}{% raw %}\"'><img src=x onerror=y>&lt;"


class Strict(HTMLParser):
    """Holds that elements nest and that attributes are well formed; keeps what it has seen."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert "svg" in self.open or tag in VOID, tag
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def parsed(text: str) -> Strict:
    parser = Strict()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    tags = {tag for tag, _ in parser.tags}
    assert not tags & {"script", "img", "iframe", "object", "embed", "link", "base", "form"}
    for tag, attrs in parser.tags:
        assert not any(key.startswith("on") for key in attrs), attrs
        assert "src" not in attrs
        for key in ("href", "clip-path"):
            value = attrs.get(key)
            assert value is None or value.lstrip("url(").startswith("#"), (tag, value)
    ids = [attrs["id"] for _, attrs in parser.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    for reference in re.findall(r'(?:href="|url\()#([^")]+)', text):
        assert reference in ids
    assert not re.search(r"https?:|@import|url\((?!#)", text)
    levels = [int(tag[1]) for tag, _ in parser.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert all(th.get("scope") in ("col", "row") for th in parser.named("th"))
    return parser


@pytest.fixture
def combined(report: Report) -> Report:
    findings: dict[Any, Finding] = {
        "necessary": Finding(
            status="for",
            reason="It helps.",
            statistic=0.03,
            interval=[0.02, 0.04],
            delta=0.01,
            scope="BiLSTM on the test split",
        ),
        "hard_to_manipulate": Finding(status="against", reason="It was moved.", statistic=0.2),
        "out_of_context": Finding(status="not_assessable", reason="No task for it."),
    }
    agreement = report.tables["agreement"]
    tables = {
        "correlate.agreement": agreement,
        "correlate.more": agreement.model_copy(update={"detail": True, "title": "More"}),
        "permute.tvd": TableData(title="Shuffled", columns=["a"], rows=[["x"]], notes=["So."]),
    }
    return report.model_copy(update={"audit": "report", "findings": findings, "tables": tables})


def test_the_page_of_a_combined_report(combined: Report, records: dict[str, Path]) -> None:
    text = html_page(combined, records)
    found = parsed(text)
    for needle in (
        "model.pt", "test.jsonl, split test", "1,725", "97 rows: 93 too short, 4 one word",
        "12 instances cut", "abababababab", "cdcdcdcdcdcd",
        "0.030 [0.020, 0.040], delta 0.01", "BiLSTM on the test split",
        "not assessable", "1 passed, 1 failed, 1 inconclusive", "Because: as agreed",
        "0.351 [0.341, 0.361]", "Gradients are taken at the word embeddings.",
        "No value for correlate.gradient~random.tau.mean: no instance gave a value",
        "Agreement of attention with gradient", "What shuffling the attention changes",
        "How far attention can be moved", "How far other weights for the same answer lie",
        "How far the attention of other seeds lies", "F1 of the probe by guide",
        "5 of 12 instances, at even steps of rank by JSD of the adversary per instance",
        "attnaudit correlate model.pt test.jsonl",
    ):  # fmt: skip
        assert needle in found.text, needle
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings == [
        "Findings", "Gates", "Notes", "Correlate", "Permute", "Adversary", "Seed baseline",
        "Probe", "Heatmaps", "Everything else",
    ]  # fmt: skip
    assert len([a for a in found.named("svg") if a.get("role") == "img"]) == 8
    assert text == html_page(combined, records)


def test_status_is_said_by_word_and_shape(combined: Report) -> None:
    text = html_page(combined, {})
    shown = re.findall(
        r'<strong class="status (\w+)">.*?#icon-(\w+)".*?</svg> ([\w ]+)</strong>', text
    )
    assert shown[:3] == [
        ("good", "good", "for"), ("bad", "bad", "against"), ("none", "none", "not assessable"),
    ]  # fmt: skip
    assert [(look, words) for look, _, words in shown[3:]] == [
        ("good", "pass"), ("bad", "fail"), ("open", "inconclusive"),
    ]  # fmt: skip


def test_without_records_there_are_tables_and_a_hint(report: Report) -> None:
    found = parsed(html_page(report, {}))
    assert "run the audit with --records FILE" in found.text
    assert "0.351 [0.341, 0.361]" in found.text
    assert not [a for a in found.named("svg") if a.get("role") == "img"]
    assert "Heatmaps from" not in found.text


def test_a_report_of_nothing(report: Report) -> None:
    empty = {"metrics": {}, "tables": {}, "gates": [], "notes": []}
    found = parsed(html_page(report.model_copy(update=empty), {}))
    assert "All metrics" not in found.text


def test_records_that_lack_fields_leave_figures_out(report: Report, write_records: Any) -> None:
    bare = [{"row": 0, "id": "x", "gold": 0, "predicted": 0, "probs": [1.0, 0.0], "words": 2}]
    audits = ("correlate", "permute", "adversary", "seed-baseline", "probe")
    files = {audit: write_records(audit, bare) for audit in audits}
    found = parsed(html_page(report, files))
    assert "records of permute do not hold what its figure shows" in found.text
    assert "Heatmaps need records that hold words" in found.text


def test_heatmaps_say_weights_without_colour(combined: Report, records: dict[str, Path]) -> None:
    text = html_page(combined, records, heatmaps=1)
    assert "1 of 12 instances" in text
    assert '<span class="w5" title="1.0000">film<sub>1.00</sub></span>' in text
    assert "P(negative) 0.500, changed by -0.300" in text


def test_details_open_in_print_and_pages_have_a_dark_scheme(report: Report) -> None:
    text = html_page(report, {})
    assert "::details-content" in text.partition("@media print")[2]
    assert "@media screen and (prefers-color-scheme: dark)" in text


def hostile_report(report: Report) -> Report:
    table = TableData(
        title=HOSTILE, columns=[HOSTILE, "low", "n"], rows=[[HOSTILE, HOSTILE, 1]], notes=[HOSTILE]
    )
    gate = Gate(
        id=HOSTILE, status="fail", metric=HOSTILE, reason=HOSTILE, rationale=HOSTILE, line=1
    )
    finding = Finding(status="for", reason=HOSTILE, scope=HOSTILE)
    manifest = report.manifest.model_copy(
        update={
            "command_line": [HOSTILE],
            "settings": {HOSTILE: HOSTILE},
            "files": {HOSTILE: HOSTILE},
        }
    )
    return report.model_copy(
        update={
            "audit": HOSTILE,
            "model": report.model.model_copy(update={"name": HOSTILE}),
            "dataset": report.dataset.model_copy(update={"name": HOSTILE, "skipped": {HOSTILE: 1}}),
            "tables": {"t": table},
            "gates": [gate],
            "notes": [HOSTILE],
            "findings": dict.fromkeys(report.findings, finding),
            "manifest": manifest,
        }
    )  # fmt: skip


def test_hostile_texts_stay_texts(report: Report, write_records: Any) -> None:
    row = {
        "row": 0, "id": HOSTILE, "gold": 0, "predicted": 0, "probs": [1.0, 0.0], "words": 2,
        "attention": [0.5, 0.5], "tokens": [HOSTILE, HOSTILE],
        "importance": {"gradient": [1.0, 2.0]}, "max_attention": 0.5, "tvd": {"median": 0.1},
        "adversary": [{"epsilon": HOSTILE, "jsd": 0.3, "tvd": 0.1, "weights": [[1.0, 0.0]]}],
    }  # fmt: skip
    others = [
        row | {"row": 1, "attention": [0.9, 0.1], "importance": {"gradient": [2.0, 1.0]}},
        row | {"run": {"guide": HOSTILE, "seed": 0, "split": "test"}},
    ]
    names = ("correlate", "permute", "adversary", "probe")
    files = {a: write_records(a, [row, *others], (HOSTILE, HOSTILE)) for a in names}
    text = html_page(hostile_report(report), files)
    found = parsed(text)
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "{{ 7*7 }}" in found.text
    assert found.text.count("<script>alert(1)</script>\\x1b[31m\\x00") > 20
    shown = "<script>alert(1)</script>\\x1b[31m\\x00{{ 7*7 }}{% raw %}\"'><img src=x onerror=y>&lt;"
    assert shown in found.text


def test_what_is_missing_is_said(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError("no such module", name="matplotlib")
        return usual(name, *args, **kwargs)

    page._template.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r'matplotlib.*pip install "attnaudit\[html\]"'):
        html_page(report, {})


def test_records_that_cannot_be_read(report: Report, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl: cannot be read"):
        html_page(report, {"correlate": tmp_path / "none.jsonl"})
