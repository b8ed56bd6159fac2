"""Heatmaps on the terminal: ink behind the words in colour, bars under them elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from attnaudit.errors import printable
from attnaudit.questions.gallery import Gallery, Heatmap, Weights
from attnaudit.report.heatmaps import caption, chosen, heading, remark, scores, signed
from attnaudit.report.text import render_table

# Black on each is legible; from the pale to the deep end of one hue, none for level 0.
INKS = ("", "#dcebf7", "#b5d7ee", "#86bde0", "#56a0d0", "#3a8bc2")
INKS_BELOW = ("", "#fbe9dc", "#f7d0b3", "#f1b488", "#e99b64", "#e0854b")  # of weights below 0
_BARS = " ▁▃▅▆█"
_ASCII_BARS = " .-=+#"
_INDENT = 2


def print_heatmaps(gallery: Gallery, console: Console) -> None:
    """Print each heatmap with its numbers; words are shown with control characters escaped."""
    if not gallery.heatmaps:
        console.print(Text("Heatmaps: no text has both words and attention.", style="dim"))
        return
    console.print(Text("Heatmaps", style="bold"))
    console.print(Text(chosen(gallery), style="dim"))
    if signed(gallery):
        console.print(Text("A minus sign marks words that speak against the answer.", style="dim"))
    for heatmap in gallery.heatmaps:
        console.print()
        console.print(Text(heading(heatmap, gallery.labels), style="bold"))
        if warning := remark(heatmap):
            console.print(Text(warning, style="bold yellow"))
        for row in heatmap.rows:
            console.print(Text(caption(heatmap, row, gallery.labels), style="dim"))
            for line in _lines(heatmap, row, console):
                console.print(line, no_wrap=True, overflow="ignore", crop=False)
        for missing in heatmap.missing:
            console.print(Text(printable(missing)))
        table = scores(heatmap)
        if table is not None:
            console.print()
            render_table(table, console)


def _lines(heatmap: Heatmap, row: Weights, console: Console) -> Iterator[Text]:
    coloured = console.color_system is not None and not console.no_color
    bars = _ASCII_BARS if console.options.ascii_only else _BARS
    levels, numbered = heatmap.levels(row), heatmap.numbered(row)
    words, under = Text(" " * _INDENT), " " * _INDENT
    used = _INDENT
    for i, token in enumerate(heatmap.tokens):
        word = printable(token)
        if i in numbered:
            word += f"[{row.weights[i]:.2f}]"
        elif row.weights[i] < 0 and levels[i]:
            word += "[-]"
        width = cell_len(word)
        if used > _INDENT and used + width > console.width:
            yield from _flush(words, under, coloured)
            words, under, used = Text(" " * _INDENT), " " * _INDENT, _INDENT
        ink = (INKS_BELOW if row.weights[i] < 0 else INKS)[levels[i]] if coloured else ""
        words.append(word, Style(color="#000000", bgcolor=ink) if ink else Style())
        words.append(" ")
        under += bars[levels[i]] * width + " "
        used += width + 1
    yield from _flush(words, under, coloured)


def _flush(words: Text, under: str, coloured: bool) -> Iterator[Text]:
    yield words
    if not coloured and under.strip():
        yield Text(under.rstrip())
