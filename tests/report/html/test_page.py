from __future__ import annotations

import base64
import builtins
import hashlib
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from attnaudit.errors import InputError
from attnaudit.findings.finding import Finding
from attnaudit.measures.summary import Summary, Table
from attnaudit.questions import all_questions, find_question
from attnaudit.questions.gallery import Gallery, Heatmap, Support, Weights
from attnaudit.report.combine import Combined
from attnaudit.report.compared import Side
from attnaudit.report.comparison import compare_reports
from attnaudit.report.controls_table import control_rows, with_controls
from attnaudit.report.html.page import html_page
from attnaudit.report.html.template import template
from attnaudit.report.literature import works
from attnaudit.report.schema import Gate, Report, TableData, with_meaning
from attnaudit.report.wording import MEANING

QUESTIONS = [question.name for question in all_questions()]
# What tables are called, a few of each question.
PREFIXES = (
    "correlate",
    "permute",
    "adversary.instance",
    "seed_baseline",
    "adversary.model",
    "probe",
)
TABLES = (
    *("correlate.strata", "permute.bins", "erase.flips", "plausibility", "adversary.instance"),
    *("adversary.instance_bins", "adversary.search", "seed_baseline.runs", "adversary.model"),
    *("adversary.curve", "adversary.seeds", "probe.gaps", "heads.ablation"),
    *("identify.lengths", "compare_readings.order", "ladder.rungs", "patterns.shares"),
    *("deceive.verdicts", "rationalize.scores"),
)
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
        if not {"style", "script"} & set(self.open):
            self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def parsed(text: str) -> Strict:
    parser = Strict()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    tags = {tag for tag, _ in parser.tags}
    assert not tags & {"img", "iframe", "object", "embed", "link", "base", "form"}
    papers = {work.link for work in works()}
    for tag, attrs in parser.tags:
        assert not any(key.startswith("on") for key in attrs), attrs
        assert "src" not in attrs
        for key in ("href", "clip-path"):
            value = attrs.get(key)
            inside = value is None or value.lstrip("url(").startswith("#")
            assert inside or (tag == "a" and value in papers), (tag, value)
    check_script(text)
    ids = [attrs["id"] for _, attrs in parser.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    for reference in re.findall(r'(?:href="|url\()#([^")]+)', text):
        assert reference in ids
    unlinked = re.sub(r'<a rel="noopener noreferrer" href="[^"]+">[^<]+</a>', "", text)
    assert not re.search(r"https?:|@import|url\((?!#)", unlinked)
    levels = [int(tag[1]) for tag, _ in parser.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert all(th.get("scope") in ("col", "row") for th in parser.named("th"))
    return parser


def check_script(text: str) -> None:
    """Hold that the one script of a page is the one that its policy names by its hash."""
    [policy] = re.findall('http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert text.count("<script") == text.count("</script") == len(scripts) <= 1
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert rules["script-src"] == f"'sha256-{digest}'"
        assert not re.search(r"innerHTML|eval|Function|fetch|XMLHttp|import", script)


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
    update = {"audit": "report", "findings": findings, "tables": tables}
    return with_meaning(report.model_copy(update=update))


@pytest.fixture
def whole(
    combined: Report, combine: Any, summaries: dict[str, Summary], gallery: Gallery
) -> Combined:
    made: Combined = combine(combined, summaries, gallery)
    return made


def test_the_page_of_a_combined_report(whole: Combined, drawn: dict[bytes, Any]) -> None:
    text = html_page(whole)
    found = parsed(text)
    for needle in (
        "model.pt", "test.jsonl, split test", "1,725", "97 rows: 93 too short, 4 one word",
        "12 of 1,725 texts were cut", "model abababababab, data cdcdcdcdcdcd",
        "0.030 (95 % interval 0.020 to 0.040); limit 0.01",
        MEANING, *whole.report.meaning, "BiLSTM on the test split",
        "not assessable", "1 passed, 1 failed, 1 inconclusive", "Because: as agreed",
        "0.351 [0.341, 0.361]", "Gradients are taken at the word embeddings.",
        "No value for correlate.gradient~random.tau.mean: no text gave a value",
        "Agreement of attention with gradient", "What shuffling the attention changes",
        "How far attention can be moved", "How far away other weights for the same answer are",
        "How far the attention of other seeds is from this model's",
        "F1 of the probe, by the source of its weights",
        "1 of 12 texts, at even steps of rank by something",
        "attnaudit correlate model.pt test.jsonl",
    ):  # fmt: skip
        assert needle in found.text, needle
    asked = [question.asks for question in all_questions() if question.name in whole.summaries]
    assert headings(text) == [
        *("What was tested", "What was found", "How sure", MEANING, "Contents"),
        "What does the evidence say about each claim?",
        "Does the report stay within the agreed limits?",
        "What else must a reader know?",
        *asked,
        *("What do heatmaps of this model show?", "What does it take to repeat this?"),
        *("What do the words mean?", "Where do the methods come from?"),
    ]
    contents = re.findall(r'<li><a href="#([^"]+)">(.*?)</a></li>', text)
    assert [title for _, title in contents] == headings(text)[5:]
    for place, title in contents:
        assert f'<h2 id="{place}">{title}</h2>' in text
    drawn.clear()  # so that its figures are drawn anew
    assert text == html_page(whole)


def headings(text: str) -> list[str]:
    return re.findall(r"<h2[^>]*>(.*?)</h2>", text)


def test_every_figure_stands_with_its_question(whole: Combined) -> None:
    tables = {f"{name}.x": whole.report.tables["permute.tvd"] for name in PREFIXES}
    report = whole.report.model_copy(update={"tables": tables})
    text = html_page(replace(whole, report=report))
    sections = dict(zip(headings(text), unescape(text).split("<h2")[1:], strict=True))
    found = {
        name: re.findall("<figcaption><b>(.*?)[.]</b>", sections[find_question(name).asks])
        for name in whole.summaries
    }
    assert found == {
        "correlate": [
            "Agreement of attention with gradient",
            "Agreement of attention with leave one out",
        ],
        "permute": ["What shuffling the attention changes"],
        "erase": [
            "Weights erased until the decision flips",
            "How far the probability falls when the top words are deleted",
            "Heatmaps that the answer does not support",
        ],
        "instance-adversary": ["How far away other weights for the same answer are"],
        "seed-baseline": [
            "How far the attention of other seeds is from this model's",
            "How alike models of the recipe attend",
            "macro-F1 of the recipe, trained again",
        ],
        "model-adversary": ["How far attention can be moved, and how far answers move with it"],
        "probe": [
            "How much better the audited model's weights serve the probe",
            "F1 of the probe, by the source of its weights",
        ],
    }
    images = [a.get("role") for a in parsed(text).named("svg")].count("img")
    assert images == 13 + 1  # and one ruler


def test_without_adversaries_the_seeds_have_the_curve(whole: Combined) -> None:
    parts = [p for p in whole.parts if p.header and p.header.audit != "model-adversary"]
    tables = {"seed_baseline.x": whole.report.tables["permute.tvd"]}
    report = whole.report.model_copy(update={"tables": tables})
    text = html_page(replace(whole, report=report, parts=parts))
    assert text.index("how far answers move with it") < text.index(
        "How far the attention of other seeds is from this model's"
    )


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_table_belongs_to_one_question(question: str) -> None:
    owned = [name for name in TABLES if find_question(question).owns(name)]
    others = [q.name for name in owned for q in all_questions() if q.owns(name)]
    assert owned
    assert set(others) == {question}


def test_status_is_said_by_word_and_shape(combined: Report) -> None:
    text = html_page(Combined(combined))
    shown = re.findall(
        r'<strong class="status (\w+)">.*?#icon-(\w+)".*?</svg> ([\w ]+)</strong>', text
    )
    assert shown[:3] == [
        ("good", "good", "for"), ("bad", "bad", "against"), ("none", "none", "not assessable"),
    ]  # fmt: skip
    assert shown[:3] == shown[3:6]  # in short, and in full
    assert [(look, words) for look, _, words in shown[6:]] == [
        ("good", "pass"), ("bad", "fail"), ("open", "inconclusive"),
    ]  # fmt: skip


def test_without_records_there_are_tables_and_a_hint(report: Report) -> None:
    found = parsed(html_page(Combined(report)))
    assert "run the audit with --records FILE" in found.text
    assert "0.351 [0.341, 0.361]" in found.text
    assert not [a for a in found.named("svg") if a.get("role") == "img"]
    assert "Heatmaps from" not in found.text


def test_a_report_of_nothing(report: Report) -> None:
    empty = {"metrics": {}, "tables": {}, "gates": [], "notes": []}
    found = parsed(html_page(Combined(report.model_copy(update=empty))))
    assert "All metrics" not in found.text


def test_what_records_lack_is_said(report: Report, combine: Any) -> None:
    names = ("correlate", "permute", "erase", "instance-adversary", "seed-baseline", "probe")
    found = parsed(html_page(combine(report, dict.fromkeys(names, Summary()))))
    assert "The records of permute do not contain what its figures show." in found.text
    assert "The records of erase do not contain" in found.text
    assert "Heatmaps need records with words" in found.text
    alone = parsed(html_page(combine(report, {"patterns": Summary()})))  # it holds no attention
    assert "Heatmaps need records" not in alone.text


def test_heatmaps_say_weights_without_colour(whole: Combined) -> None:
    text = html_page(whole)
    assert '<span class="w5" title="1.0000">film<sub>1.00</sub><sup>↑</sup></span>' in text
    assert "P(negative) 0.500, changed by -0.300" in text


def test_details_open_in_print_and_pages_have_a_dark_scheme(report: Report) -> None:
    text = html_page(Combined(report))
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


def test_a_heatmap_that_nothing_supports_carries_a_remark(
    report: Report, combine: Any, summaries: dict[str, Summary], gallery: Gallery
) -> None:
    [heatmap] = gallery.heatmaps
    warned = {}
    for status in ("unsupported", "supported"):
        shown = replace(heatmap, support=Support(status, 2, 0.004, 0.2))
        drawn = replace(gallery, heatmaps=[shown], judged=12, unsupported=5)
        found = parsed(html_page(combine(report, summaries, drawn)))
        assert "Of 12 judged texts, 5 are not supported" in found.text
        warned[status] = "Not supported: setting the weights of the highlighted words" in found.text
        assert ("p", {"class": "warning"}) in found.tags or status == "supported"
    assert warned == {"unsupported": True, "supported": False}


def test_long_lists_are_cut_and_say_so(report: Report, combine: Any) -> None:
    rows: list[list[Any]] = [[f"text {i}", 1] for i in range(7)]
    table = TableData(
        title="Unsupported texts", columns=["text", "n"], rows=rows, notes=[], detail=True, shown=5
    )
    made = report.model_copy(update={"tables": {"erase.unsupported_texts": table}})
    text = parsed(html_page(combine(made))).text
    assert "text 4" in text
    assert "text 5" not in text
    assert "2 more rows: the JSON report has all of them." in text


def test_hostile_texts_stay_texts(
    report: Report, combine: Any, summaries: dict[str, Summary]
) -> None:
    probes = Table("", ["guide", "seed", "F1"], [[HOSTILE, 1, 0.5], [HOSTILE, None, 0.5]])
    summaries["probe"] = Summary(tables={"probe.runs": probes})
    rows = [Weights(HOSTILE, [0.5, 0.5], [0.5, 0.5]), Weights(HOSTILE, [1.0, 0.0], [1.0, 0.0], 0.3)]
    heatmap = Heatmap(HOSTILE, [HOSTILE, HOSTILE], 0, 0, rows)
    gallery = Gallery([heatmap], 1, HOSTILE, (HOSTILE, HOSTILE))
    tables = dict.fromkeys(("t", *PREFIXES), hostile_report(report).tables["t"])
    made = hostile_report(report).model_copy(update={"tables": tables})
    text = html_page(combine(made, summaries, gallery, (HOSTILE, HOSTILE)))
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

    template.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r'matplotlib.*pip install "attnaudit\[html\]"'):
        html_page(Combined(report))


TRANSFORMER = {
    "kind": "transformer",
    "architecture": "BertForSequenceClassification",
    "layers": 12,
    "heads": 12,
    "row": "[CLS]",
}


def test_the_page_opens_with_what_was_tested_and_found(whole: Combined) -> None:
    model = whole.report.model.model_copy(update=TRANSFORMER)
    note = "13 % of the attention lies outside the words shown."
    report = with_meaning(whole.report.model_copy(update={"model": model, "notes": [note]}))
    sheet = parsed(html_page(replace(whole, report=report))).text.partition("Contents")[0]
    for needle in (
        "BertForSequenceClassification, 12 layers", "layer 12 of 12, the row of [CLS]",
        f"{note} The tests do not change it.", "Does this recipe answer better",
        "The figure is 0.030, and values from 0.020 to 0.040 fit the data (95 % interval).",
        "All of these values are above the limit of 0.01. Only a limit above 0.020 would "
        "change this answer.",
        "effective attention (Brunner et al. 2020)",
    ):  # fmt: skip
        assert needle in sheet, needle
    assert sheet.index("cut at the length limit") < sheet.index("What was tested")


def test_terms_lead_to_the_glossary_and_methods_to_papers(whole: Combined) -> None:
    model = whole.report.model.model_copy(update={"kind": "transformer"})
    report = with_meaning(whole.report.model_copy(update={"model": model}))
    text = html_page(replace(whole, report=report))
    parsed(text)  # every link within the page has its place
    for term in ("jsd", "tvd", "tau", "lambda", "seed", "interval", "conicity", "imitator"):
        assert f'href="#term-{term}"' in text, term
        assert f'<div id="term-{term}"><dt>' in text, term
    for key in ("Jain & Wallace 2019", "Serrano & Smith 2019", "Abnar & Zuidema 2020"):
        [work] = [work for work in works() if work.key == key]
        assert f'href="#ref-{work.label}"' in text
        assert f'<li id="ref-{work.label}">' in text
        assert work.link in text


def test_a_summary_is_the_first_sheet_alone(whole: Combined) -> None:
    text = html_page(whole, summary=True)
    found = parsed(text)
    assert headings(text) == ["What was tested", "What was found", "How sure", MEANING]
    assert not found.named("a")
    assert not found.named("script")
    page_text = html_page(whole)
    assert len(text) < len(page_text) / 4
    assert found.text.split() == parsed(page_text).text.partition("Contents")[0].split()


def test_heatmaps_can_be_looked_for(whole: Combined) -> None:
    assert whole.gallery is not None
    [first] = whole.gallery.heatmaps
    wrong = replace(first, id="text 1", gold=1, support=Support("unsupported", 1, 0.0, 0.1))
    gallery = replace(whole.gallery, heatmaps=[first, wrong])
    found = parsed(html_page(replace(whole, gallery=gallery)))
    maps = [attrs for attrs in found.named("section") if attrs.get("class") == "heatmap"]
    assert [attrs["data-id"] for attrs in maps] == ["text 0", "text 1"]
    assert [attrs["data-answer"] for attrs in maps] == ["right", "wrong"]
    assert [attrs["data-support"] for attrs in maps] == ["", "unsupported"]
    assert [attrs["data-gold"] for attrs in maps] == ["negative", "positive"]
    assert not [attrs for attrs in maps if "hidden" in attrs]  # all are shown without the script
    fields = {attrs["data-by"] for tag, attrs in found.tags if "data-by" in attrs}
    assert fields == {"id", "gold", "predicted", "answer", "support"}
    [box] = [attrs for attrs in found.named("div") if attrs.get("id") == "filter"]
    assert "hidden" in box


def test_signs_are_shown(report: Report, combine: Any, summaries: dict[str, Summary]) -> None:
    signed = Weights("signed", [-0.3, 0.25, -0.25, -0.2])
    rows = [Weights("the model's attention", [0.5, 0.1, 0.2, 0.2]), signed]
    words = ["bad", "film", "no", "dull"]
    gallery = Gallery([Heatmap("t", words, 0, 0, rows)], 1, "by rank", ("negative", "positive"))
    text = html_page(combine(report, summaries, gallery))
    assert '<span class="w3 minus" title="-0.3000">bad<sub>−0.30</sub><sup>↓</sup></span>' in text
    assert '<span class="w3" title="0.2500">film<sub>0.25</sub><sup>↑</sup></span>' in text
    assert '<span class="w2 minus" title="-0.2000">dull<sub>−</sub><sup>↓</sup></span>' in text
    assert "mark words that speak against the answer" in text
    assert '<span class="minus">− against the answer</span>' in text
    assert all(f".w{i}.minus {{ background: var(--m{i})" in text for i in range(1, 6))


def test_without_a_sign_there_is_no_key_to_it(whole: Combined) -> None:
    text = html_page(whole)
    assert 'class="key"' not in text
    assert "against the answer" not in text


@pytest.mark.parametrize(
    "first",
    [
        f"The figure is 0.5 (J. Doe) and lies near {'the limit and ' * 13}zero.",
        "The figure is 0.5. It lies near the limit. More texts would not help. " + "Few do. " * 20,
        f"The figure is above {'the limit and ' * 13}zero. But it is below {'that, ' * 9}too.",
    ],
)
def test_of_a_long_reason_whole_sentences_are_shown(whole: Combined, first: str) -> None:
    first = first.strip()
    rest = f"More models would decide as usual. {'Most of the uncertainty is theirs. ' * 9}"
    [short] = [f for f in whole.report.findings.values() if f.reason == "It helps."]
    long = short.model_copy(update={"reason": f"{first} {rest.strip()}", "rule": "By rule."})
    report = whole.report.model_copy(update={"findings": {"necessary": short, "stable": long}})
    text = unescape(html_page(replace(whole, report=report)))
    cards = re.findall('<section class="card.*?</section>', text, re.DOTALL)
    assert len(cards) == 2
    assert "<details>" not in cards[0]
    before, _, folded = cards[1].partition("<details>")
    assert first in parsed_text(before)
    assert rest.strip() in parsed_text(folded)
    assert "Rule: By rule." in folded


def parsed_text(text: str) -> str:
    return " ".join(re.sub("<[^>]+>", "", text).split())


def test_controls_say_in_their_row_what_they_would_mean(whole: Combined) -> None:
    [row] = [row for row in control_rows() if row.metric == "seed_baseline.control.erased.tvd.mean"]
    metric = whole.report.metrics["model.accuracy"]
    metrics = {**whole.report.metrics, row.metric: metric}
    made = with_controls(whole.report.model_copy(update={"metrics": metrics}))
    text = html_page(replace(whole, report=made))
    [cell] = re.findall('data-label="what it would mean"><span>(.*?)</span>', text)
    assert unescape(parsed_text(cell)) == row.meaning


def test_notes_that_are_broken_lines_are_one_paragraph(whole: Combined) -> None:
    notes = ["The first ends", "here.", "The second."]
    table = TableData(title="T", columns=["a"], rows=[["x"]], notes=notes)
    report = whole.report.model_copy(update={"tables": {"t": table}})
    text = html_page(replace(whole, report=report))
    assert '<p class="notes">The first ends here.</p>' in text
    assert '<p class="notes">The second.</p>' in text


@pytest.mark.parametrize("same", [True, False])
def test_a_comparison_opens_with_what_is_compared(whole: Combined, same: bool) -> None:
    digest = whole.report.dataset.sha256 if same else "ab" * 32
    data = whole.report.dataset.model_copy(update={"sha256": digest})
    other = whole.report.model_copy(update={"dataset": data})
    reports = {"one.json": whole.report, "other.json": other}
    sides = [Side(name, Path(name), Combined(report)) for name, report in reports.items()]
    text = html_page(Combined(compare_reports(sides)))
    found = parsed(text)
    assert headings(text)[:4] == [
        *("What differs", "What is compared", "What each found", "How to read the columns"),
    ]
    assert "How do these audits of attention compare?" in found.text
    sheet = found.text.partition("Contents")[0]
    assert ("are the same in all columns" in sheet) == same
    for words in ("one.json, other.json", "model.pt", "hard to manipulate", "against"):
        assert words in sheet, words
    assert "What was tested" not in found.text
    assert "run the audit with --records" not in found.text
    below = found.text.partition("Contents")[2]
    assert "What did each test measure in each report?" in below
    assert "What is compared" not in below


def test_a_page_of_one_test_says_what_was_found(report: Report) -> None:
    sheet = parsed(html_page(Combined(report))).text.partition("Contents")[0]
    assert "not assessed, because correlate alone cannot decide them" in sheet
    assert "agreement with gradient (tau)" in sheet
    assert "No finding was assessed." in sheet


def test_tables_say_on_a_phone_what_their_figures_are(whole: Combined) -> None:
    text = html_page(whole)
    assert '<td role="cell" data-label="tau [low, high]" class="n"><span>0.351' in text
    assert "content: attr(data-label)" in text
