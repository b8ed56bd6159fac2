"""What erasing weights and deleting words does to the answers, beside what chance does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.intervals import intervals
from attnaudit.drawing.marks import Mark
from attnaudit.drawing.steps import steps
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.questions.erase.flip_curve import NAME

# How the orders of the curve are called in the figure.
_ORDERS = {
    "attention": "by attention",
    "random": "in random order",
    "gradient": "by gradient",
    "attention_gradient": "by attention x gradient",
}
_DELETED = "erase.comprehensiveness"
_FLOORS = ("random", "attention_null")  # controls, which stand as lines or last
_UNSUPPORTED = {
    "the model's own attention": "erase.unsupported.attention",
    "random heatmaps": "erase.unsupported.random",
}


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """The curve of flips, comprehensiveness beside its floor, and unsupported heatmaps."""
    found = summaries["erase"]
    return [*_curve(found), *_deleted(found), *_unsupported(found)]


def _curve(found: Summary) -> list[Drawn]:
    rows = list(found.rows(NAME))
    if not rows:
        return []
    shares = {
        words: [float(row[name] or 0.0) for row in rows]
        for name, words in _ORDERS.items()
        if name in rows[0]
    }
    return [
        steps(
            [float(row["erased"] or 0.0) for row in rows],
            shares,
            "Weights erased until the decision flips",
            ("share of the weights erased", "share of the texts flipped"),
            "A line that rises early means that this order puts the words that decide first. "
            "Compare attention with the random order.",
            "erase-flips",
        )
    ]


def _deleted(found: Summary) -> list[Drawn]:
    means = {
        name.removeprefix(f"{_DELETED}."): each
        for name, each in found.metrics.items()
        if name.startswith(f"{_DELETED}.")
    }
    floor = means.get("random")
    if "attention" not in means or means["attention"].value is None:
        return []
    shown: dict[str, Estimate] = {"attention": means["attention"]}
    others = (name for name in means if name not in ("attention", *_FLOORS))
    shown |= {name.replace("_", " "): means[name] for name in others}
    marks = []
    if floor is not None and floor.value is not None:
        marks = [Mark("random floor", floor.value)]
    return [
        intervals(
            shown,
            "How far the probability falls when the top words are deleted",
            "comprehensiveness",
            "To the right of the floor, it does more to delete the words that a ranking puts "
            "first than to delete random words. Bars are 95 % intervals.",
            "erase-comprehensiveness",
            marks,
        )
    ]


def _unsupported(found: Summary) -> list[Drawn]:
    known = {words: found.metrics.get(name) for words, name in _UNSUPPORTED.items()}
    shown = {words: each for words, each in known.items() if each is not None}
    if len(shown) < len(_UNSUPPORTED) or any(each.value is None for each in shown.values()):
        return []
    return [
        intervals(
            shown,
            "Heatmaps that the answer does not support",
            "share of unsupported texts",
            "In an unsupported text the answer moves no more when the highlighted words lose "
            "their weight than when other words do. Random heatmaps show how often this "
            "happens to words chosen at random. Bars are 95 % intervals.",
            "erase-unsupported",
        )
    ]
