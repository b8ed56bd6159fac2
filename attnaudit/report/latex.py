r"""A report as LaTeX: a table a float, with rules of booktabs, for a paper to take in.

The file compiles by itself, and `\input` takes it into a paper that loads array, booktabs and
longtable.
Names, labels and reasons come from files. They are shown as they stand: whatever in them TeX would
take for a command is escaped, and the file is ASCII, so that every engine reads it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence

from attnaudit.errors import printable
from attnaudit.report.controls_table import spelt_out
from attnaudit.report.gates import counts, described
from attnaudit.report.layout import Column, close, laid_out, named_tables
from attnaudit.report.schema import Report, TableData
from attnaudit.report.warnings import warnings
from attnaudit.report.wording import facts, findings, missing, scopes

_LONG = 40  # rows from which a table breaks over pages
_WIDE = 36  # letters from which the words of a cell are broken into lines
_FULL = 84  # letters from which a table gets small letters, and long headers two lines
_BREAK = r"\\{}"  # of a line; behind it [ and * are no options
_SMALL = 105  # small letters that a line holds
_NARROW = 10  # letters up to which no header is broken

# Before the document begins, \@nodocument is an error; after that it is \relax.
_HEAD = r"""% Compiles by itself. A paper that takes it in needs array, booktabs and longtable.
\expandafter\ifx\csname @nodocument\endcsname\relax\else
\documentclass{article}
\usepackage{array,booktabs,longtable}
\usepackage[margin=2cm]{geometry}
\begin{document}
\def\attnauditalone{}
\fi
\providecommand{\attnauditchar}[2]{\ifdefined\Umathchar\char#2\relax\else[U+#1]\fi}"""
_FOOT = r"\ifdefined\attnauditalone\expandafter\enddocument\fi"

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",  # a command of German babel, and no letter of the old fonts
    "`": r"{\char96}",
    "’": "'",
    "‘": "{\\char96}",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "−": "$-$",
    "ß": r"\ss{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "\u00a0": "~",
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}
# Two of these in a row would become another character.
_LIGATURES = re.compile(r"-(?=-)|'(?=')|,(?=,)|[?!](?=\{\\char96\})")
_NEGATIVE = re.compile(r"(?<![^\s\[(])-(?=\d)")
_JOINTS = re.compile(r"(?<=\w)\.(?=[a-z])|\\_|\\textasciitilde\{\}")  # within names of metrics
_POWER = re.compile(r"\b(\d\.\d)e-0?(\d+)\b")


def latex(report: Report) -> str:
    """All tables of a report, its findings and gates; what was audited stands in comments."""
    warned = (f"Warning, {one.name}: {one.words}" for one in warnings(report))
    known = (f"{fact.name}: {fact.words}" for fact in facts(report))
    head = [f"attnaudit {report.audit}", *warned, *known]
    last = [*scopes(report), *missing(report), *report.notes]
    tables = {**spelt_out(named_tables(report)), **_findings(report), **_gates(report)}
    labels: dict[str, None] = {}
    parts = [_comments(head), _HEAD]
    for name, table in tables.items():
        parts.append(_shown(table, _label(name, labels)))
    return "\n\n".join(part for part in [*parts, _comments(last), _FOOT] if part) + "\n"


def escaped(text: object) -> str:
    """`text` as TeX that shows it as it is, in ASCII and in one line."""
    shown = "".join(map(_character, printable(text)))
    return _LIGATURES.sub(lambda found: f"{found[0]}{{}}", shown)


def _character(c: str) -> str:
    if c in _SPECIAL:
        return _SPECIAL[c]
    if c.isascii():
        return c
    letter, *marks = list(unicodedata.normalize("NFD", c))
    if len(marks) == 1 and marks[0] in _ACCENTS and letter.isascii():
        return f"\\{_ACCENTS[marks[0]]}{{{letter}}}"
    return f"\\attnauditchar{{{ord(c):04X}}}{{{ord(c)}}}"


def _comments(lines: Iterable[str]) -> str:
    # What is not ASCII is escaped: old engines stumble over it in comments, too.
    shown = (printable(line).encode("ascii", "backslashreplace").decode() for line in lines)
    return "\n".join(f"% {line}" for line in shown)


def _label(name: str, taken: dict[str, None]) -> str:
    r"""A name for `\ref`, which no other table has; `taken` holds those that are given away."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "table"
    label, n = stem, 1
    while label in taken:
        n += 1
        label = f"{stem}-{n}"
    taken[label] = None
    return f"tab:attnaudit-{label}"


def _shown(table: TableData, label: str) -> str:
    """A table with its caption and its notes; a long one breaks over pages."""
    columns = laid_out(table)
    caption = f"\\caption{{{escaped(table.title)}}}\n\\label{{{label}}}"
    notes = escaped(" ".join(table.notes))
    crowded = _letters(columns) > _FULL
    small = "\\footnotesize\\setlength{\\tabcolsep}{4pt}\n" if crowded else ""
    head, rows = _rows(columns, crowded)
    form = _form(columns)
    if len(rows) > _LONG:
        below = f"\n\\par\\noindent{{\\footnotesize\\raggedright {notes}\\par}}" if notes else ""
        return (
            f"\\begingroup\n{small}\\begin{{longtable}}{{{form}}}\n{caption}\\\\\n\\toprule\n"
            f"{head}\\midrule\n\\endfirsthead\n\\toprule\n{head}\\midrule\n\\endhead\n"
            f"\\bottomrule\n\\endfoot\n{''.join(rows)}\\end{{longtable}}{below}\n\\endgroup"
        )
    below = f"\\par\\smallskip\n{{\\footnotesize\\raggedright {notes}\\par}}\n" if notes else ""
    body = (
        f"\\begin{{tabular}}{{{form}}}\n\\toprule\n{head}\\midrule\n{''.join(rows)}\\bottomrule\n"
        f"\\end{{tabular}}\n"
    )
    return (
        f"\\begin{{table}}[htbp]\n\\centering\n{caption}\n{small}"
        f"{body if columns else ''}{below}\\end{{table}}"
    )


def _rows(columns: Sequence[Column], crowded: bool) -> tuple[str, list[str]]:
    """The line of the headers, and a line a row; in a `crowded` table long headers have two."""
    head = _row([_header(column, crowded) for column in columns])
    cells = ([_cell(cell, _is_wide(column)) for cell in close(column)] for column in columns)
    return head, [_row(row) for row in zip(*cells, strict=True)]


def _header(column: Column, crowded: bool) -> str:
    """A header; of two lines where it would make its column wider than the cells are."""
    words = column.header.split()
    widest = max(map(len, close(column)), default=0)
    if not crowded or len(words) < 2 or len(column.header) <= max(widest, _NARROW):
        return escaped(column.header)
    ends = (len(" ".join(words[:i])) for i in range(1, len(words)))
    cut = 1 + min(enumerate(ends), key=lambda one: abs(one[1] - len(column.header) / 2))[0]
    lines = (escaped(" ".join(part)) for part in (words[:cut], words[cut:]))
    side = "r" if column.justify == "right" else "l"
    return f"\\shortstack[{side}]{{{_BREAK.join(lines)}}}"


def _row(cells: Sequence[str]) -> str:
    line = " & ".join(cells)
    # Behind the end of a row, [ and * are read as its options.
    guard = "{}" if line.lstrip().startswith(("[", "*")) else ""
    return f"{guard}{line} \\\\\n"


def _cell(text: str, broken: bool) -> str:
    """A cell; where lines are `broken`, long names may be broken too."""
    shown = _NEGATIVE.sub("$-$", escaped(text))
    if broken:
        shown = _JOINTS.sub(r"\g<0>\\allowbreak{}", shown)
    return _POWER.sub(r"$\1\\times10^{-\2}$", shown)


def _form(columns: Sequence[Column]) -> str:
    """What each column is: to the left, to the right, or of broken lines.

    Columns of broken lines share what the others leave of the line, from a quarter to .6 of it, by
    the square roots of their longest cells.
    """
    others = _letters([column for column in columns if not _is_wide(column)])
    left = min(max(1 - others / _SMALL, 0.25), 0.6)
    roots = [math.sqrt(max(map(len, close(c)))) if _is_wide(c) else 0.0 for c in columns]
    shares = [left * root / (sum(roots) or 1) for root in roots]
    letters = (
        f">{{\\raggedright\\arraybackslash}}p{{{share:.2f}\\linewidth}}"
        if share
        else ("r" if column.justify == "right" else "l")
        for column, share in zip(columns, shares, strict=True)
    )
    return f"@{{}}{''.join(letters)}@{{}}"


def _is_wide(column: Column) -> bool:
    return column.justify == "left" and max(map(len, close(column)), default=0) > _WIDE


def _letters(columns: Sequence[Column]) -> int:
    """How many letters a row has at most, where broken cells count what a line holds."""
    return sum(min(max(map(len, [c.header, *close(c)])), _WIDE) + 2 for c in columns)


def _findings(report: Report) -> dict[str, TableData]:
    """What each finding says, with the figure that decided."""
    words = findings(report)
    if not words:
        return {}
    rows: list[list[str | int | float | None]] = []
    for said, found in zip(words, report.findings.values(), strict=True):
        low, high = found.interval or (None, None)
        metric = found.metric or ""
        rows.append([said.name, said.status, metric, found.statistic, low, high, found.delta])
    columns = ["finding", "status", "figure", "value", "low", "high", "limit"]
    table = TableData(title="Findings", columns=columns, rows=rows, notes=list(report.meaning))
    return {"findings": table}


def _gates(report: Report) -> dict[str, TableData]:
    if not report.gates:
        return {}
    rows: list[list[str | int | float | None]] = [
        [gate.id, gate.status, described(gate)] for gate in report.gates
    ]
    title = f"Gates: {counts(report.gates)}"
    return {"gates": TableData(title=title, columns=["gate", "status", "why"], rows=rows, notes=[])}
