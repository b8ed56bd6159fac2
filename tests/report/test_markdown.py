"""Markdown is judged by what a renderer makes of it: its HTML, parsed."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from attnaudit.errors import printable
from attnaudit.findings.desiderata import NECESSARY
from attnaudit.measures.summary import Summary, Table
from attnaudit.report.markdown import _code, _line, _text, markdown
from attnaudit.report.schema import Gate, Report, with_meaning

OURS = {"h1", "h2", "h3", "table", "thead", "tbody", "tr", "th", "td", "p", "strong", "code"} | {
    "ul",
    "li",
    "details",
    "summary",
    "pre",
    "br",
}
GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class Page(HTMLParser):
    """Tags that a page opens, its text, and its tables as rows of cell texts."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self._in: list[str] = []
        self.feed(GITHUB.render(source))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag != "br":
            self._in.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "br" and self._in[-1] == "td":
            self.tables[-1][-1][-1] += "\n"

    def handle_endtag(self, tag: str) -> None:
        assert self._in.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if {"td", "th"} & set(self._in):
            self.tables[-1][-1][-1] += data


def clean(text: str) -> str:
    """As a reader sees it: without the space of no width that keeps mentions from being seen."""
    return text.replace("\u200b", "")


def test_the_whole_report(report: Report) -> None:
    page = Page(markdown(report))
    assert page.text.startswith("attnaudit correlate\n")
    heading, gates, agreement, metrics = page.tables
    assert ["instances", "1,725"] in heading
    assert ["skipped", "97 rows: 93 too short, 4 one word"] in heading
    assert len(gates) == 4
    assert agreement == [
        ["importance", "tau [low, high]", "instances"],
        ["gradient", "0.351 [0.341, 0.361]", "1,720"],
        ["random", "-0.002", "1,725"],
    ]
    assert len(metrics) == 1 + len(report.metrics)
    accuracy = ["model.accuracy", "0.823 [0.805, 0.841]", "1,725", "fraction"]
    assert metrics[:2] == [["metric", "value [low, high]", "n", "unit"], accuracy]
    assert "Over words." in page.text
    assert "No value for correlate.gradient~random.tau.mean: no text gave a value" in page.text
    assert "Gradients are taken at the word embeddings." in page.text
    assert "not assessed, because correlate alone cannot decide them" in page.text
    assert '"command_line"' in page.text


def test_gates_with_all_there_is_to_say(report: Report, verdicts: list[Gate]) -> None:
    page = Page(markdown(report.model_copy(update={"gates": verdicts})))
    assert "Gates: 2 passed, 3 failed, 1 inconclusive, 1 waived" in page.text
    rows = {row[1]: row for row in page.tables[1]}
    assert rows["bad"] == [
        "❌ fail",
        "bad",
        "model.f1 ci_low 0.7, below 0.8\nbecause as agreed\npolicy.yaml:7",
    ]
    assert "waived through 2026-12-31: known, see 12" in rows["known"][2]
    assert "expired on 2026-01-31 and is ignored: was known" in rows["old"][2]
    assert rows["open"][0].endswith("inconclusive")


def test_findings_that_were_assessed(report: Report) -> None:
    necessary = report.findings["necessary"].model_copy(
        update={
            "status": "against",
            "reason": "no gap",
            "statistic": 0.004,
            "interval": [-0.01, 0.02],
            "delta": 0.01,
            "scope": "this recipe",
        }
    )
    page = Page(
        markdown(
            with_meaning(
                report.model_copy(update={"findings": {**report.findings, "necessary": necessary}})
            )
        )
    )
    head, row, *_ = page.tables[2]
    assert head == ["question", "answer", "why"]
    asked, answer, why = row
    assert asked.startswith("necessary")
    assert NECESSARY.asks in asked
    assert answer.split("\n") == ["against", "Counts against attention"]
    assert "no gap" in why
    assert "0.004 (95 % interval -0.010 to 0.020); limit 0.01" in why
    assert "The findings are about this recipe." in page.text
    assert "What this means for showing the heatmap" in page.text
    assert "weights that the model hardly needs" in page.text


def test_detail_is_folded(make_report: Callable[[Summary], Report]) -> None:
    tables = {"t": Table("More & more", ["a"], [["x"]], detail=True)}
    page = Page(markdown(make_report(Summary(tables=tables))))
    assert page.tags.count("details") == 2
    assert "More & more" in page.text
    assert [["a"], ["x"]] in page.tables


def test_text_stands_as_it_is(evil: str) -> None:
    shown = printable(evil).strip()
    for source, around in ((f"x {_text(evil)} y", "x {} y"), (_line(evil), "{}")):
        page = Page(source)
        assert clean(page.text).strip() == around.format(shown).strip()
        assert set(page.tags) <= {"p"}
    page = Page(f"| a | b |\n| --- | --- |\n| {_text(evil)} | {_code(evil)} |")
    assert [clean(cell) for cell in page.tables[0][1]] == [shown, shown]


def test_nothing_hostile_breaks_the_page(evil_report: Report, evil: str) -> None:
    text = markdown(evil_report)
    assert all(c.isprintable() or c == "\n" for c in text)
    page = Page(text)
    assert set(page.tags) <= OURS
    assert page.tags.count("h2") == 3
    assert page.tags.count("table") == 6
    shown = printable(evil).strip()
    gates = page.tables[1]
    assert len(gates) == 5
    assert [clean(row[1]) for row in gates[1:]] == [shown] * 4
    table = page.tables[3]
    assert clean(table[1][0]) == shown


@pytest.mark.parametrize("text", ["@team", "see @org/team"])
def test_nobody_is_mentioned(text: str) -> None:
    assert "@&#8203;" in _text(text)


def test_links_are_not_made() -> None:
    assert _text("https://x.y www.x.y") == r"https\://x.y www\.x.y"


def test_plain_names_are_code(report: Report) -> None:
    assert _code("correlate.gradient~leave_one_out.tau.mean[a=1]").startswith("`")
    assert not _code("a|b").startswith("`")
    assert _code("") == ""
