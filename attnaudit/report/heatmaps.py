"""What every format says of a heatmap in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from attnaudit.errors import printable
from attnaudit.questions.gallery import Gallery, Heatmap, Weights
from attnaudit.report.layout import number
from attnaudit.report.schema import TableData


def chosen(gallery: Gallery) -> str:
    """Which instances are shown, and of how many texts the attention is unsupported."""
    said = f"{len(gallery.heatmaps)} of {gallery.of:,} texts, {gallery.rule}."
    if not gallery.judged:
        return said
    return (
        f"{said} Of {gallery.judged:,} judged texts, {gallery.unsupported:,} "
        f"{'is' if gallery.unsupported == 1 else 'are'} not supported: there the answer depends "
        "on the highlighted words no more than on other words."
    )


def legend(gallery: Gallery) -> str:
    """How a heatmap is read."""
    said = (
        "The darker a word and the thicker the line below it, the larger its weight. All rows "
        "of a text have the same scale. The words with the largest weights show them as "
        "numbers."
    )
    if any(len(heatmap.rows) > 1 for heatmap in gallery.heatmaps):
        said += (
            " Below the first row, ↑ and ↓ mark words whose weight is at least a step larger or"
            " smaller than in the model's attention."
        )
    if signed(gallery):
        said += (
            " Some rows have a sign: a second colour, a dashed line and a minus sign mark words"
            " that speak against the answer."
        )
    return said


def signed(gallery: Gallery) -> bool:
    """Whether any weight that is shown lies below 0."""
    rows = (row for heatmap in gallery.heatmaps for row in heatmap.rows)
    return any(weight < 0 for row in rows for weight in row.weights)


def heading(heatmap: Heatmap, labels: Sequence[str]) -> str:
    """What the instance is called, and what the model and the data say of it."""
    gold, predicted = (printable(labels[c]) for c in (heatmap.gold, heatmap.predicted))
    probs = heatmap.rows[0].probs
    sure = "" if probs is None else f" ({probs[heatmap.predicted]:.3f})"
    return f"{printable(heatmap.id)}: predicted {predicted}{sure}, gold {gold}"


def remark(heatmap: Heatmap) -> str | None:
    """A warning below a heatmap that nothing supports; None where it passed, or was not tested.

    A pass proves nothing, and so it is not shown.
    """
    support = heatmap.support
    if support is None or support.status == "supported":
        return None
    if support.tvd is None or support.largest is None:
        return (
            "Not judged: the text has too few words to compare the highlighted words with others."
        )
    if support.words == 1:
        what = "the weight of the highlighted word (the word with the largest weight)"
    else:
        what = (
            f"the weights of the highlighted words (the {support.words} words with the largest "
            "weights)"
        )
    said = f"Not supported: setting {what} to zero"
    if support.tvd > support.largest:
        return f"{said} hardly moves the answer (TVD {number(support.tvd)})."
    figures = f"TVD {number(support.tvd)}; other words: up to {number(support.largest)}"
    return f"{said} moves the answer no more than for other words ({figures})."


def caption(heatmap: Heatmap, row: Weights, labels: Sequence[str]) -> str:
    """What a row shows: its name, how far it lies from the attention, and what it answers."""
    parts = [row.name]
    if row.jsd is not None:
        parts.append(f"JSD {row.jsd:.3f}")
    change = heatmap.change(row)
    if change is not None and row.probs is not None:
        label = printable(labels[heatmap.predicted])
        moved = round(change, 3) + 0.0  # takes the sign off a negative zero
        parts.append(f"P({label}) {row.probs[heatmap.predicted]:.3f}, changed by {moved:+.3f}")
    return ", ".join(parts)


def scores(heatmap: Heatmap) -> TableData | None:
    """What tests say of each row in this text, side by side; None where they say nothing."""
    rows = heatmap.rows
    fullest_first = sorted(rows, key=lambda row: -len(row.figures))
    columns = list(dict.fromkeys(what for row in fullest_first for what, _ in row.figures))
    if not columns:
        return None
    cells = [[row.name, *map(dict(row.figures).get, columns)] for row in rows if row.figures]
    notes = [said for part, said in _MEANT.items() if any(part in what for what in columns)]
    if signed(Gallery([heatmap], 1, "", ())):
        notes.append("Rankings ignore the sign.")
    return TableData(
        title="Scores on this text", columns=["ranking", *columns], rows=cells, notes=notes
    )


_MEANT = {
    "tau": "tau: how alike two rankings of the words are (1: the same order, 0: no relation).",
    "compr": "comprehensiveness (compr.): how much less probable the answer is without the top"
    " words; higher is better.",
    "suff": "sufficiency (suff.): the same without all other words; lower is better.",
    "NAOPC": "NAOPC: 0 is the least and 1 the greatest score that any order of these words has;"
    " higher is better.",
    "flips": "flips: the share of words that must go until the decision flips; lower is better.",
    "F1": "token F1: how well the top words match the words that people marked.",
}
