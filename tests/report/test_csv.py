"""CSV is judged by what other readers make of it: Python's csv module, and pandas where it is."""

from __future__ import annotations

import csv as reader
import io
import re

import pytest

from attnaudit.errors import printable
from attnaudit.measures.summary import Summary, Table
from attnaudit.report.csv import COLUMNS, csv
from attnaudit.report.digits import digits


def rows(text: str) -> list[dict[str, str]]:
    found = list(reader.reader(io.StringIO(text, newline=""), strict=True))
    assert found[0] == list(COLUMNS)
    assert all(len(row) == len(COLUMNS) for row in found)
    return [dict(zip(COLUMNS, row, strict=True)) for row in found[1:]]


def number(text: str) -> float | None:
    return float(text) if text else None


@pytest.fixture(autouse=True)
def _exact():
    with digits("interval"):
        yield


def test_metrics_are_there_with_all_their_digits(report):
    found = {row["name"]: row for row in rows(csv(report)) if row["kind"] == "metric"}
    assert list(found) == list(report.metrics)
    for name, metric in report.metrics.items():
        row = found[name]
        assert number(row["value"]) == metric.value
        assert (number(row["low"]), number(row["high"])) == (metric.ci_low, metric.ci_high)
        assert (int(row["n"]), int(row["undefined"])) == (metric.n, metric.undefined)
        assert (row["unit"], row["better"]) == (metric.unit, metric.direction)
        assert row["text"] == (metric.reason or "")


def test_tables_can_be_put_together_again(make_report):
    table = Table(
        "T",
        ["name", "tau", "low", "high", "gain", "low", "high", "n"],
        [
            ["a", 0.1 + 0.2, 0.25, 1 / 3, -1.5, None, None, 7],
            ["b, c", None, None, None, 2, 1, 3, 8],
        ],
        ['A "note".'],
    )
    found = rows(csv(make_report(Summary(tables={"x.y": table}))))
    cells = [row for row in found if row["kind"] == "cell"]
    assert {row["name"] for row in cells} == {"x.y"}
    again = []
    for n in ("1", "2"):
        parts = {row["column"]: row for row in cells if row["row"] == n}
        assert list(parts) == ["name", "tau", "gain", "n"]
        assert {row["label"] for row in parts.values()} == {parts["name"]["text"]}
        spans = [parts[name][end] for name in ("tau", "gain") for end in ("value", "low", "high")]
        again.append([parts["name"]["text"], *map(number, spans), number(parts["n"]["value"])])
    assert again == [list(row) for row in table.rows]
    assert [row["text"] for row in found if row["name"] == "x.y" and row["kind"] == "note"] == [
        'A "note".'
    ]


def test_findings_and_gates_are_there(report, verdicts):
    made = report.model_copy(update={"gates": verdicts})
    found = rows(csv(made))
    gates = [row for row in found if row["kind"] == "gate"]
    assert [(g["name"], g["status"]) for g in gates] == [(g.id, g.status) for g in verdicts]
    assert [number(row["value"]) for row in gates] == [gate.value for gate in verdicts]
    assert {row["name"] for row in found if row["kind"] == "finding"} == set(report.findings)
    facts = {row["name"]: row["text"] for row in found if row["kind"] == "fact"}
    assert facts["model"] == report.model.name
    assert facts["data sha256"] == report.dataset.sha256
    notes = [row["text"] for row in found if row["kind"] == "note" and row["name"] == "report"]
    assert notes == report.notes


def test_it_is_what_the_standard_says(report):
    """RFC 4180, section 2: lines end with CR and LF, and all have as many fields."""
    text = csv(report)
    assert text.endswith("\r\n")
    assert not re.search(r"(?<!\r)\n|\r(?!\n)", text)
    assert {len(row) for row in reader.reader(io.StringIO(text, newline=""))} == {len(COLUMNS)}


def test_texts_of_strangers_stay_texts(evil_report, evil):
    text = csv(evil_report)
    assert text.replace("\r\n", "").isprintable()
    assert not re.search(r"(?m)^\s*::|##\[", text)
    found = rows(text)
    (model,) = [row for row in found if row["kind"] == "fact" and row["name"] == "model"]
    shown = printable(evil)
    if shown.startswith(("=", "+", "-", "@")):
        shown = f"'{shown}"
    assert model["text"].replace("\\x23", "#").replace("\\x3a", ":") == shown
    for row in found:
        for name in ("name", "label", "column", "text", "status"):
            assert not row[name].startswith(("=", "+", "-", "@"))


def test_digits_that_are_asked_for(report):
    with digits(2):
        found = {row["name"]: row["value"] for row in rows(csv(report)) if row["kind"] == "metric"}
    assert found["model.accuracy"] == "0.82"
    assert found["correlate.gradient~random.tau.mean"] == ""


def test_pandas_reads_it(report):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(io.StringIO(csv(report), newline=""))
    metrics = frame[frame.kind == "metric"].set_index("name")
    for name, metric in report.metrics.items():
        value = metrics.value[name]
        assert value == metric.value or (metric.value is None and value != value)
