"""`attnaudit report` for a paper: tables, figures, comparisons, published figures, citations."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from tests.report.tex import tables

FILES = ("a.jsonl", "a.json", "b.jsonl", "b.json")
_made: dict[str, bytes] = {}


@pytest.fixture
def records(correlate, here):
    """Records and the report of two runs that differ in their split; made once, for all tests."""
    if not _made:
        assert correlate("--records", "a.jsonl", "-o", "a.json").code == 0
        assert correlate("--records", "b.jsonl", "-o", "b.json", "--split", "train").code == 0
        _made.update({name: (here / name).read_bytes() for name in FILES})
    for name, content in _made.items():
        (here / name).write_bytes(content)


def test_tables_go_to_files(cli, records, here):
    assert cli("report", "a.json", "-o", "a.tex", "-q").code == 0
    assert cli("report", "a.json", "-o", "a.csv", "-q").code == 0
    found = json.loads((here / "a.json").read_text())
    shown = tables((here / "a.tex").read_text())
    assert [table.caption for table in shown] == [t["title"] for t in found["tables"].values()]
    raw = (here / "a.csv").read_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n")
    rows = list(csv.DictReader(io.StringIO(raw.decode(), newline="")))
    values = {row["name"]: row["value"] for row in rows if row["kind"] == "metric"}
    assert {name: float(v) if v else None for name, v in values.items()} == {
        name: metric["value"] for name, metric in found["metrics"].items()
    }
    assert cli("report", "a.json", "--format", "csv").out.encode() == raw
    assert cli("report", "a.json", "--format", "latex").out == (here / "a.tex").read_text()


def test_digits(cli, records, refused):
    exact = cli("report", "a.json", "--json").out
    tau = json.loads(exact)["metrics"]["correlate.gradient.tau.mean"]
    for form in ("text", "markdown", "latex", "csv"):
        for n in (1, 5):
            shown = cli("report", "a.json", "--format", form, "--digits", n, "-v").out
            assert f"{tau['value']:.{n}f}" in shown.replace("$-$", "-"), form
    assert cli("report", "a.json", "--json", "--digits", 1).out == exact
    assert f"{tau['value']:.3f} [" in cli("report", "a.json").out
    assert cli("report", "a.json", "--digits", "11").code == 2


def test_figures(cli, records, here, refused):
    result = cli("report", "a.jsonl", "--figures", "figures", "-q")
    assert (result.code, result.out) == (0, "")
    names = {path.name for path in (here / "figures").iterdir()}
    stems = {name.rpartition(".")[0] for name in names} - {"figures"}
    assert stems == {"correlate-taus-gradient"}
    assert names == {"figures.tex", *(f"{s}.{end}" for s in stems for end in ("pdf", "svg", "png"))}
    assert result.err == f"Wrote {len(names)} files into figures\n"
    source = (here / "figures" / "figures.tex").read_text()
    assert "\\includegraphics[width=\\linewidth]{correlate-taus-gradient}" in source
    before = {name: (here / "figures" / name).read_bytes() for name in names}
    figures = cli("report", "a.jsonl", "b.jsonl", "--compare", "--figures", "f", "-q")
    assert figures.code == 0
    assert {path.name for path in (here / "f").iterdir()} == {"a", "b"}
    assert {name: (here / "f" / "a" / name).read_bytes() for name in names} == before
    refused("report", "a.json", "--figures", "other", says=["a.json", "--figures", "records"])
    refused("report", "a.jsonl", "--figures", "a.json", says=["a.json", "folder"])


def test_reports_are_compared(cli, records, here):
    result = cli("report", "a.jsonl", "b.json", "--compare")
    assert result.code == 0
    assert "The data differ" in result.out
    name = "correlate.gradient.tau.mean"
    tau = {side: json.loads((here / f"{side}.json").read_text())["metrics"][name] for side in "ab"}
    spans = {n: f"{m['value']:.3f} [{m['ci_low']:.3f}, {m['ci_high']:.3f}]" for n, m in tau.items()}
    (row,) = re.findall(r"agree\w* with gradient.*|tau with gradient.*", result.out)
    squeezed = re.sub(r"\[\s+", "[", " ".join(row.split()))
    assert squeezed.endswith(f"{spans['a']} {spans['b']}")
    for form in ("json", "markdown", "html", "latex", "csv"):
        shown = cli("report", "a.jsonl", "b.json", "--compare", "--format", form)
        assert shown.code == 0
        assert "What is compared" in shown.out or form == "csv"
        assert "The data differ" in shown.out
    cli("report", "a.jsonl", "b.json", "--compare", "-o", "c.json", "-q")
    assert cli("report", "c.json").out == result.out
    latex = cli("report", "a.jsonl", "b.json", "--compare", "--format", "latex").out
    evidence = next(table for table in tables(latex) if table.caption == "The evidence")
    assert evidence.rows[0] == ["test", "figure", "a [low, high]", "b [low, high]"]


def test_what_cannot_be_compared(cli, records, refused, tiny, here):
    refused("report", "a.json", "--compare", says=["--compare", "two"])
    refused("report", "a.json", "a.jsonl", "--compare", "--format", "junit", says=["no tables"])
    refused("report", "a.json", "b.json", "--compare", "--show", 1, says=["--compare", "--show"])
    cli("permute", tiny / "model.pt", tiny / "data.yaml", "-o", "p.json", "--permutations", 2)
    refused("report", "a.json", "p.json", "--compare", says=["p.json", "no figure in common"])
    drawn = ("--compare", "--figures", "f")
    refused("report", "a.jsonl", "b.json", *drawn, says=["b.json", "--figures"])


def test_published_figures_stand_beside(cli, records, refused):
    result = cli("report", "a.json", "--published", "jw2019:sst")
    assert result.code == 0
    (row,) = re.findall(r"^correlate\.gradient\.tau\.mean .*", result.out, re.MULTILINE)
    assert row.split()[-5:] == ["0.35", "result", "files,", "all", "texts"]
    both = cli("report", "a.json", "b.json", "--compare", "--published", "jw2019:sst")
    assert "Next to published figures: Jain & Wallace 2019, SST" in both.out
    refused("report", "a.json", "--published", "jw", says=["Known: jw2019:DATA", "wp2019"])


def test_citations_take_the_place_of_the_report(cli, records, refused, here):
    result = cli("report", "a.json", "--cite", "-o", "a.tex")
    assert (result.code, (here / "a.tex").exists()) == (0, True)
    assert result.out == cli("report", "a.jsonl", "--cite").out
    entries = re.findall(r"^@(\w+)\{(\w+),$", result.out, re.MULTILINE)
    assert ("inproceedings", "jain2019attention") in entries
    assert len(set(entries)) == len(entries) == result.out.count("\n}\n")
    refused("report", "a.json", "--cite", "--json", says=["--cite", "-o FILE"])
    refused("report", "a.json", "--cite", "-q", says=["--cite", "--quiet"])
