"""LaTeX is judged by what TeX would print: a small reader decodes it, and refuses the rest."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attnaudit.errors import printable
from attnaudit.measures.summary import Estimate, Summary, Table
from attnaudit.report.digits import digits
from attnaudit.report.latex import escaped, latex
from attnaudit.report.layout import close, laid_out, named_tables
from attnaudit.report.schema import TableData
from tests.report.tex import decoded, tables


def test_every_character_is_printed_as_it_stands():
    for code in range(1, 0x250):
        c = printable(chr(code))
        assert decoded(escaped(c)) == {"’": "'"}.get(c, c)
    for text in ("--seed", "a---b", "''x''", "?`", "x,,y", "n°5", "τ = 中", "“q” – …", "ŝ ő ç Å"):
        plain = text.replace("–", "--").replace("…", "…")
        assert decoded(escaped(text)).replace("…", "…") == plain.replace("’", "'")


def test_tables_hold_what_the_report_holds(report):
    report = report.model_copy(
        update={"tables": {**report.tables, "x.y": report.tables["agreement"]}}
    )
    with digits("interval"):
        shown = tables(latex(report))
        expected = list(named_tables(report).values())
        assert [t.caption for t in shown] == [*(t.title for t in expected), shown[-1].caption]
        for table, source in zip(shown, expected, strict=False):
            columns = laid_out(source)
            assert table.rows[0] == [column.header for column in columns]
            rows = [list(row) for row in zip(*(close(c) for c in columns), strict=True)]
            assert table.rows[1:] == rows
            assert table.notes == " ".join(source.notes)
    assert shown[0].rows[1] == ["gradient", "0.351 [0.341, 0.361]", "1,720"]
    assert shown[0].form == "llr"
    assert shown[-1].caption == "Gates: 1 passed, 1 failed, 1 inconclusive"
    assert [table.label for table in shown[:2]] == ["tab:attnaudit-agreement", "tab:attnaudit-x-y"]


def test_whatever_a_report_holds_tex_can_read(evil_report, evil):
    shown = tables(latex(evil_report))
    assert " ".join(shown[0].caption.split()) == " ".join(printable(evil).split())
    kinds = [shown[0].caption, shown[0].rows[1][0], *shown[-1].rows[1][:1]]
    assert len({" ".join(text.split()) for text in kinds}) == 1


AWKWARD = st.text(st.one_of(st.sampled_from("%&_#${}~^\\<>|\"`'-,?![]* δ±τ−’"), st.characters()))


@settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(AWKWARD, AWKWARD), min_size=1, max_size=3), AWKWARD)
def test_awkward_names_are_printed_as_they_stand(report, rows, header):
    """Whatever names are, environments are balanced and each row has the columns of its table."""
    columns = ["name", header, "value", "low", "high"]
    filled = [[one, other, 0.5, 0.25, 0.75] for one, other in rows]
    table = TableData(title=header, columns=columns, rows=filled, notes=[header])
    (shown,) = tables(latex(report.model_copy(update={"tables": {"t": table}, "gates": []})))

    def plain(text):
        return " ".join(decoded(escaped(text)).split())

    assert [[" ".join(cell.split()) for cell in row[:2]] for row in shown.rows[1:]] == [
        [plain(one), plain(other)] for one, other in rows
    ]
    assert " ".join(shown.caption.split()) == plain(header)


def test_in_a_crowded_table_long_headers_have_two_lines(make_report):
    names = [f"predicted class number {i}" for i in range(5)]
    table = Table("T", ["", *names], [["gradient", *(0.1 * i for i in range(5))]])
    source = latex(make_report(Summary(tables={"t": table})))
    assert source.count("\\shortstack[r]{predicted\\\\{}class number") == 5
    (shown,) = tables(source)
    assert shown.rows[0] == ["", *names]


def test_long_names_may_be_broken_where_lines_are(make_report):
    name = "correlate.gradient_flowing~leave_one_out.tau.mean"
    table = Table("T", ["metric", "other"], [[name, "0.5 a.b"], ["x", "y"]])
    source = latex(make_report(Summary(tables={"t": table})))
    assert r"correlate.\allowbreak{}gradient\_\allowbreak{}flowing\textasciitilde{}" in source
    assert "0.5 a.b" in source
    (shown,) = tables(source)
    assert shown.rows[1] == [name, "0.5 a.b"]
    assert shown.form == "pl"


def test_comments_end_nothing(evil_report):
    for line in latex(evil_report).split("\n\n")[0].split("\n"):
        assert line.startswith("% ")


def test_long_tables_break_and_wide_ones_are_small(make_report):
    rows = [[f"text {i}", "[0] words " * 9, -i / 7] for i in range(50)]
    table = Table("Long", ["a", "b", "c"], rows, ["Below."])
    source = latex(make_report(Summary(tables={"long": table, "short": Table("S", ["a"], [[1]])})))
    long, short = tables(source)
    assert source.count("\\begin{longtable}") == 1
    assert "\\endhead" in source
    assert (long.form, short.form) == ("lpr", "r")
    assert len(long.rows) == 51
    assert long.rows[8] == ["text 7", ("[0] words " * 9).strip(), "-1.000"]
    assert (long.notes, short.notes) == ("Below.", "")
    assert "\\setlength" not in source
    wide = Table("W", list("abcdefg"), [["some words here"] * 7])
    assert "\\footnotesize\\setlength" in latex(make_report(Summary(tables={"wide": wide})))


def test_tiny_figures_are_powers_of_ten(make_report):
    table = Table("T", ["v", "w"], [[-2.5e-7, 1e-9], [0.5, -0.25]])
    source = latex(make_report(Summary(tables={"t": table})))
    assert r"$1.0\times10^{-9}$" in source
    (shown,) = tables(source)
    assert shown.rows[1:] == [["-2.5e-07", "1.0e-09"], ["0.500", "-0.250"]]


def test_a_report_without_tables_shows_its_metrics(make_report):
    made = make_report(Summary({"model.accuracy": Estimate(0.9, 0.85, 0.95, 100)}))
    with digits("interval"):
        (shown,) = tables(latex(made))
    assert shown.rows == [
        ["metric", "value [low, high]", "n"],
        ["model.accuracy", "0.900 [0.850, 0.950]", "100"],
    ]


def test_it_begins_a_document_only_where_none_has_begun(report):
    head = latex(report).split("\n\n")[1]
    condition, _, rest = head.partition("\\else\n")
    assert "\\csname @nodocument\\endcsname\\relax" in condition
    alone, _, always = rest.partition("\\fi\n")
    assert alone.count("\\begin{document}") == 1
    assert not re.search(r"\\(if|else|fi)", alone)  # or skipping it would end elsewhere
    assert always.startswith("\\providecommand{\\attnauditchar}[2]")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_pdflatex_compiles_it(report, tmp_path):
    names = ["[", "*", '% & _ # $ { } ~ ^ \\ < > | " `', "δ ± τ − ’ ß ő 中", "?` -- '' ,,"]
    rows = [[name, name, 0.1 * i, 0.0, 1.0] for i, name in enumerate(names * 9)]
    columns = ["a long name of a column", "words " * 9, "value", "low", "high"]
    awkward = TableData(title=" ".join(names), columns=columns, rows=rows, notes=names)
    short = awkward.model_copy(update={"rows": rows[:5]})
    report = report.model_copy(update={"tables": {**report.tables, "x": awkward, "y": short}})
    (tmp_path / "audit.tex").write_text(latex(report))
    packages = "\\usepackage{array,booktabs,longtable}"
    paper = f"\\documentclass{{article}}{packages}\\begin{{document}}\n"
    (tmp_path / "paper.tex").write_text(f"{paper}\\input{{audit}}\n\\end{{document}}\n")
    for name in ("audit", "paper"):
        call = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", f"{name}.tex"]
        done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
        assert (tmp_path / f"{name}.pdf").stat().st_size > 1000
