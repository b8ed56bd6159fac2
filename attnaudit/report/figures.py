"""The figures of a report as files for a paper, and the LaTeX that shows them."""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING

from attnaudit.errors import InputError
from attnaudit.execution.files import atomic, output_errors, write_text
from attnaudit.questions import all_questions

if TYPE_CHECKING:
    from attnaudit.report.combine import Combined

LATEX = "figures.tex"


def check_figures() -> None:
    """Raise InputError where what draws is not installed."""
    try:
        import matplotlib  # noqa: F401 - asked for here, so that the hint is given before the work
    except ImportError:
        raise InputError(
            "--figures needs matplotlib, which is not installed",
            hint='pip install "attnaudit[html]"',
        ) from None


def write_figures(made: Combined, folder: Path) -> list[Path]:
    """Write every figure of the records into `folder`, as PDF, SVG and PNG; what was written.

    Beside them stands `figures.tex`, which shows each with its caption. The same records give the
    same bytes, whatever else is in the folder.

    Raises:
        InputError: There are no records, or they hold nothing to draw.
        OutputError: A file cannot be written.
    """
    from attnaudit.report.latex import escaped

    figures = drawn(made)
    if not figures:
        raise InputError(
            "--figures: there is nothing to draw",
            hint="figures are drawn from records; give the files that --records wrote",
        )
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    written = []
    floats = ["% In a paper: \\usepackage{graphicx}, and \\graphicspath for this folder."]
    for name, (title, caption, files) in figures.items():
        for kind, content in files.items():
            path = folder / f"{name}.{kind}"
            with atomic(path, "wb") as stream:
                stream.write(content)
            written.append(path)
        floats.append(
            f"\\begin{{figure}}[htbp]\n\\centering\n\\includegraphics[width=\\linewidth]{{{name}}}\n"
            f"\\caption{{{escaped(f'{title}. {caption}')}}}\n\\label{{fig:attnaudit-{name}}}\n"
            "\\end{figure}"
        )
    write_text(folder / LATEX, "\n\n".join(floats) + "\n")
    return [*written, folder / LATEX]


def drawn(made: Combined) -> dict[str, tuple[str, str, dict[str, bytes]]]:
    """The title, the caption and the files of each figure, by a name that a file can have."""
    from attnaudit.drawing.alone import alone
    from attnaudit.drawing.palette import LIGHT

    found: dict[str, tuple[str, str, dict[str, bytes]]] = {}
    summaries = made.summaries
    for question in all_questions():
        if question.name not in summaries:
            continue
        with alone(LIGHT) as kept:
            figures = question.figures(summaries, made.labels)
        for figure, (name, files) in zip(figures, kept.files.items(), strict=True):
            found[_free(name, found)] = (figure.title, figure.caption, files)
    return found


def slug(name: str) -> str:
    """`name` as files and labels can be called."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "report"


def _free(name: str, taken: Container[str]) -> str:
    stem = slug(name)
    free, n = stem, 1
    while free in taken:
        n += 1
        free = f"{stem}-{n}"
    return free
