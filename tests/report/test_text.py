from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from attnaudit.findings.desiderata import NECESSARY
from attnaudit.findings.finding import Finding, Look
from attnaudit.findings.meaning import NOTHING
from attnaudit.measures.summary import Estimate, Summary, Table
from attnaudit.report.console import open_console
from attnaudit.report.schema import Gate, Report, with_meaning
from attnaudit.report.text import render
from attnaudit.report.wording import figure

Make = Callable[[Summary], Report]


def shown(report: Report, width: int = 100, detail: bool = False, **options: object) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, highlight=False, **options)  # type: ignore[arg-type]
    render(report, console, detail)
    return stream.getvalue()


def line_with(text: str, start: str) -> str:
    [line] = [line for line in text.splitlines() if line.startswith(start)]
    return " ".join(line.split())


def test_the_heading(report: Report) -> None:
    text = shown(report)
    first, gates, *_ = text.splitlines()
    assert first == "attnaudit correlate"
    assert gates.startswith(
        "Warning, gates inconclusive: The evidence does not decide 'inconclusive"
    )
    cut = text.partition("Warning, texts cut: ")[2].partition("\nmodel ")[0]
    assert " ".join(cut.split()) == (
        "12 of 1,725 texts were cut at the length limit. The model saw only the beginning of "
        "them, and so do all tests."
    )
    assert line_with(text, "model") == "model model.pt"
    assert line_with(text, "data") == "data test.jsonl, split test"
    assert line_with(text, "instances") == "instances 1,725"
    assert line_with(text, "skipped") == "skipped 97 rows: 93 too short, 4 one word"
    assert "partial" not in text


def test_nothing_is_said_of_what_did_not_happen(report: Report) -> None:
    clean = report.dataset.model_copy(update={"skipped": {"empty": 0}, "truncated": 0})
    text = shown(report.model_copy(update={"dataset": clean}))
    assert "skipped" not in text
    assert "Warning" not in text.partition("Gates:")[0].replace("Warning, gates", "")


def test_a_partial_run_is_said_loudly(report: Report) -> None:
    partial = report.dataset.model_copy(update={"partial": True})
    text = shown(report.model_copy(update={"dataset": partial}), force_terminal=True)
    [line] = [line for line in text.splitlines() if "the other rows were not audited" in line]
    assert "\x1b[1m" in line


@pytest.mark.parametrize(("accuracy", "loud"), [(0.61, True), (0.7, False), (0.8, False)])
def test_accuracy_below_the_commonest_class_is_said_at_once(
    report: Report, accuracy: float, loud: bool
) -> None:
    (metric, *_) = report.metrics.values()
    scores = {"model.accuracy": accuracy, "model.majority_accuracy": 0.7}
    made = {name: metric.model_copy(update={"value": value}) for name, value in scores.items()}
    text = shown(report.model_copy(update={"metrics": {**report.metrics, **made}}))
    assert ("low accuracy" in text) == loud
    if loud:
        said = " ".join(text.partition("\nmodel ")[0].split())
        assert "Warning, low accuracy: 0.610; always answering the most common class gives" in said


def test_values_and_intervals_stand_in_line(report: Report) -> None:
    lines = [line.rstrip() for line in shown(report).splitlines()]
    at = next(i for i, line in enumerate(lines) if line.startswith("importance"))
    assert lines[at].split() == ["importance", "tau", "[low,", "high]", "instances"]
    first, second = lines[at + 2 : at + 4]
    assert first.split() == ["gradient", "0.351", "[0.341,", "0.361]", "1,720"]
    assert second.split() == ["random", "-0.002", "1,725"]
    assert first.index("0.351") + 5 == second.index("-0.002") + 6
    assert len(first) == len(second)
    assert lines[at + 4] == "Over words."


def test_which_way_is_better(report: Report) -> None:
    text = shown(report, detail=True)
    assert "↑ higher is better: model.accuracy, correlate.{importance}.tau.mean\n" in text
    assert "↓ lower is better: correlate.{integral}.completeness_error.mean\n" in text
    assert "No value for correlate.gradient~random.tau.mean: no text gave a value\n" in text


def test_families_are_named_once(make_report: Make) -> None:
    names = [f"correlate.{i}.{s}" for i in ("gradient", "gradient_l2") for s in ("tau", "x")]
    names = [n.replace(".x", ".top_overlap.mean").replace(".tau", ".tau.mean") for n in names]
    report = make_report(Summary({name: Estimate(0.1, n=50) for name in names}))
    text = shown(report, detail=True)
    assert "better" not in shown(report)
    assert "better: correlate.{importance}.tau.mean, .top_overlap.mean\n" in text


def test_without_tables_the_metrics_are_shown(make_report: Make) -> None:
    metrics = {
        "train.test.f1": Estimate(0.81234, 0.8, 0.82, n=100),
        "train.test.auroc": Estimate(None, reason="one class is absent"),
        "correlate.integrated_gradients.completeness_error.mean": Estimate(3.14e-5, n=100),
    }
    text = shown(make_report(Summary(metrics)))
    assert line_with(text, "train.test.f1 ") == "train.test.f1 0.812 [0.800, 0.820] 100"
    assert line_with(text, "train.test.auroc ") == "train.test.auroc n/a 0"
    assert "3.1e-05" in text
    assert "No value for train.test.auroc: one class is absent" in text


def test_gates_are_told_apart_without_colour(report: Report) -> None:
    text = shown(report)
    assert "Gates: 1 passed, 1 failed, 1 inconclusive\n" in text
    metric, only = "correlate.gradient.tau.mean ci_low", "(this figure decides no"
    assert line_with(text, "PASS") == f"PASS pass: {metric} 0.341, for the test {only}"
    assert line_with(text, "FAIL") == f"FAIL fail: {metric} 0.341, for the test {only}"
    assert line_with(text, "INCONCLUSIVE").startswith(f"INCONCLUSIVE inconclusive: {metric}, for")
    assert text.count("because as agreed") == 1
    assert "\x1b" not in text
    assert "Gates" not in shown(report.model_copy(update={"gates": []}))


def test_waivers_are_shown_with_their_gates(report: Report, verdicts: list[Gate]) -> None:
    text = shown(report.model_copy(update={"gates": verdicts}))
    assert "Gates: 2 passed, 3 failed, 1 inconclusive, 1 waived\n" in text
    assert line_with(text, "WAIVED").startswith("WAIVED known: model.f1 ci_low 0.7, below")
    assert "  waived through 2026-12-31: known, see 12" in text
    assert "  its waiver expired on 2026-01-31 and is ignored: was known" in text
    assert line_with(text, "INCONCLUSIVE").endswith("open: finding necessary, not assessed: run it")
    loud = shown(report.model_copy(update={"gates": verdicts}), force_terminal=True)
    [line] = [line for line in loud.splitlines() if "is ignored" in line]
    assert "\x1b[1m" in line


def test_the_words_of_verdicts_alone_are_coloured(report: Report) -> None:
    partial = report.dataset.model_copy(update={"partial": True})
    found = report.findings["stable"].model_copy(update={"status": "against"})
    update = {"dataset": partial, "findings": {**report.findings, "stable": found}}
    made = report.model_copy(update=update)
    text = shown(made, force_terminal=True, color_system="standard")
    coloured = re.findall("\x1b\\[[\\d;]*3[1-6]m([^\x1b]*)\x1b", text)
    assert {word.strip() for word in coloured} == {"AGAINST", "PASS", "FAIL", "INCONCLUSIVE"}


def test_no_color_is_honoured(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[1;31m" in shown(report, force_terminal=True, color_system="standard")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in shown(report, force_terminal=True, color_system="standard")


def test_findings_that_nobody_assessed_take_one_line(report: Report) -> None:
    text = " ".join(shown(report).split())
    assert (
        "Findings (necessary, stable, hard to manipulate, out of context): not assessed, "
        "because correlate alone cannot decide them."
    ) in text
    assert NOTHING in text


def test_an_assessed_finding_shows_all_with_their_reasons(report: Report) -> None:
    necessary = report.findings["necessary"].model_copy(
        update={
            "status": "for",
            "reason": "gap of 5 seeds",
            "statistic": 0.03,
            "interval": [0.02, 0.04],
            "delta": 0.01,
            "rule": "for: above delta",
            "scope": "this recipe",
        }
    )
    text = shown(
        with_meaning(
            report.model_copy(update={"findings": {**report.findings, "necessary": necessary}})
        )
    )
    words = " ".join(text.split())
    assert line_with(text, "necessary:") == "necessary: FOR. Speaks for attention."
    assert NECESSARY.asks in words
    assert "gap of 5 seeds" in text
    assert "0.030 (95 % interval 0.020 to 0.040); limit 0.01" in text
    assert "Rule: for: above delta" in text
    assert "The findings are about this recipe." in text
    assert line_with(text, "hard to manipulate:") == "hard to manipulate: NOT ASSESSED. Not tested."
    assert "adversary with --sweep" in text
    assert "What this means for showing the heatmap" in text
    assert "That does not make the highlighted words the reason" in words


def test_names_from_files_cannot_command_the_terminal(make_report: Make, report: Report) -> None:
    evil = "\x1b[31m[bold]x[/bold]\n:smile:[/]"
    safe = "\\x1b[31m[bold]x[/bold]\\n:smile:[/]"
    made = make_report(Summary(tables={"t": Table(evil, [evil, "n"], [[evil, 1]], [evil])}))
    gates = [report.gates[1].model_copy(update={"id": evil, "rationale": evil})]
    update = {
        "model": made.model.model_copy(update={"name": evil}),
        "dataset": made.dataset.model_copy(update={"name": evil, "skipped": {evil: 1}}),
        "notes": [evil],
        "gates": gates,
    }
    text = shown(made.model_copy(update=update), width=200)
    assert "\x1b" not in text
    assert text.count(safe) == 10


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_wide_tables_are_shown_in_parts_that_fit(make_report: Make, width: int) -> None:
    columns = ["importance", *(f"column number {i}" for i in range(12))]
    rows = [["integrated_gradients", *(i + 0.125 for i in range(12))] for _ in range(2)]
    text = shown(make_report(Summary(tables={"t": Table("Title", columns, rows)})), width)
    assert max(map(len, text.splitlines())) <= width
    numbers = [word for word in text.split() if word.endswith(".125")]
    assert sorted(numbers, key=float) == [f"{i}.125" for i in range(12) for _ in range(2)]
    parts = text.count("importance ")
    assert text.count("integrated_gradients") == 2 * parts


def test_an_empty_table_has_its_header(make_report: Make) -> None:
    text = shown(make_report(Summary(tables={"t": Table("Title", ["a", "b"], [])})))
    assert "Title\na  b\n" in text


def test_plain_encodings_get_plain_arrows(report: Report) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    render(report, Console(file=stream, width=100, highlight=False), detail=True)
    stream.seek(0)
    assert "^ higher is better" in stream.read()


def test_files_are_a_hundred_columns_wide_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert open_console(io.StringIO(), {}).width == 100
    monkeypatch.setenv("COLUMNS", "70")
    assert open_console(io.StringIO(), {"COLUMNS": "70"}).width == 70


def test_parts_repeat_all_that_tells_rows_apart(make_report: Make) -> None:
    columns = ["test", "figure", "value", "low", "high", "compare with"]
    rows = [
        ["seeds", "distance", 0.1, 0.0, 0.2, "a_long_remark_on_it"],
        ["seeds", "scores", 0.3, 0.2, 0.4, "another"],
    ]
    text = shown(make_report(Summary(tables={"t": Table("Title", columns, rows)})), 46)
    table = text.partition("Title")[2].partition("Note")[0]
    assert table.count("seeds  distance") == table.count("seeds  scores") == 2
    narrow = shown(make_report(Summary(tables={"t": Table("Title", columns, rows)})), 34)
    assert narrow.count("seeds") == 2  # both do not fit beside a figure
    assert narrow.count("distance") == narrow.count("scores") == 3
    rows[1][0] = "probe"  # the first column will do
    text = shown(make_report(Summary(tables={"t": Table("Title", columns, rows)})), 46)
    assert text.count("distance") == 1
    assert text.count("seeds") == 2


def test_a_value_and_what_it_is_compared_with_stay_in_one_row(make_report: Make) -> None:
    columns = ["test", "figure", "value", "low", "high", "compare with"]
    rows = [
        ["seed-baseline", "how far the attention of other seeds lies (JSD)", 0.1, 0.0, 0.2, ""],
        ["correlate", "agreement with gradient (tau)", 0.3, 0.2, 0.4, "gradient with other 0.505"],
    ]
    text = shown(make_report(Summary(tables={"t": Table("Title", columns, rows)})), 80)
    assert max(map(len, text.splitlines())) <= 80
    table = text.partition("Title")[2].partition("Note")[0]
    assert table.count("value [low, high]") == table.count("compare with") == 1
    [line] = [line for line in table.splitlines() if "0.300 [0.200, 0.400]" in line]
    assert line.startswith("correlate  ")
    assert "agreement with" in line
    assert line.rstrip().endswith("gradient with other") or "0.505" in line
    assert "0.100 [0.000, 0.200]" in table  # figures are never folded


def test_columns_without_any_interval_do_not_speak_of_it(make_report: Make) -> None:
    columns = ["name", "value", "low", "high"]
    rows = [["a", 0.5, None, None], ["b", None, None, None]]
    text = shown(make_report(Summary(tables={"t": Table("Title", columns, rows)})))
    assert "[low" not in text
    rows[0][2:] = [0.4, 0.6]
    text = shown(make_report(Summary(tables={"t": Table("Title", columns, rows)})))
    assert "[low" in text


def test_the_interval_of_a_look_has_its_own_level() -> None:
    found = Finding(status="for", reason="so", statistic=0.1, interval=[0.05, 0.2], delta=0.01)
    assert figure(found) == "0.100 (95 % interval 0.050 to 0.200); limit 0.01"
    looked = found.model_copy(update={"look": Look(seeds=8, level=0.982), "metric": None})
    assert "98.2 % interval" in figure(looked)
    jsd = found.model_copy(update={"metric": "seed_baseline.jsd.mean_over_seeds"})
    assert figure(jsd).startswith("seed_baseline.jsd.mean_over_seeds is 0.100 nats (95 %")
