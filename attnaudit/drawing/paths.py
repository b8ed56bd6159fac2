"""Paths through layers: from words at the bottom to the answer at the top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from attnaudit.drawing.drawn import Drawn, add_legend, numbers, short, spoken
from attnaudit.drawing.svg import COLOURS, drawing, inline, new_axes
from attnaudit.measures.summary import Cell

_SPREAD = 0.5  # how far apart paths lie that are at one place, all together
_THICK = (0.8, 4.5)  # points of the least and the largest influence
_HIGH, _STEP = 90, 34  # points: what stands around the layers, and a layer
_LONGEST = 14  # letters of a word below the axis


@dataclass(frozen=True)
class Path:
    """A path from a word: it begins at a place, and is at one of `places` after each layer.

    `through` says of each layer whether it goes through a head there, and not past all of them.
    `influence` is above 0 where the word speaks for the answer.
    """

    words: str
    begin: int
    places: Sequence[int]
    through: Sequence[bool]
    influence: float


def paths(
    shown: Sequence[Path],
    words: Sequence[str],
    title: str,
    axes_named: tuple[str, str],
    caption: str,
    name: str,
) -> Drawn:
    """A line for each of the paths `shown`, the wider the larger its influence.

    `words` stand below the places, from the left. `axes_named` says what the axes are, x and y.
    """
    across, up = axes_named
    rows: list[list[Cell]] = [
        [one.words, one.influence, " ".join(map(str, [one.begin, *one.places]))] for one in shown
    ]
    table = numbers(["", "influence", "path"], rows)
    layers = max(len(one.places) for one in shown)
    most = max(abs(one.influence) for one in shown) or 1.0
    with drawing():
        figure, axes = new_axes(_HIGH + _STEP * layers)
        for k, one in enumerate(shown):
            aside = _SPREAD * ((k + 0.5) / len(shown) - 0.5)
            colour = COLOURS["c0" if one.influence >= 0 else "c1"]
            width = _THICK[0] + (_THICK[1] - _THICK[0]) * abs(one.influence) / most
            places = [one.begin, *one.places]
            for layer, through in enumerate(one.through):
                axes.plot(
                    [places[layer] + aside, places[layer + 1] + aside],
                    [layer, layer + 1],
                    color=colour,
                    linewidth=width,
                    linestyle="-" if through else (0, (1.2, 0.8)),
                    solid_capstyle="round",
                )
        axes.set(xlim=(-0.7, len(words) - 0.3), ylim=(-0.15, layers + 0.15))
        axes.set_xticks(
            range(len(words)),
            [word if len(word) <= _LONGEST else f"{word[: _LONGEST - 1]}…" for word in words],
            rotation=90,
            fontsize=9 if len(words) <= 32 else 6,
        )
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel=across, ylabel=up)
        axes.grid(linewidth=0.5)
        axes.set_axisbelow(True)
        ink = COLOURS["ink"]
        add_legend(
            axes,
            [
                Line2D([], [], color=COLOURS["c0"], linewidth=3, label="for the answer"),
                Line2D([], [], color=COLOURS["c1"], linewidth=3, label="against it"),
                Line2D([], [], color=ink, linewidth=2, label="through a head"),
                Line2D([], [], color=ink, linewidth=2, linestyle=":", label="past all heads"),
            ],
        )
        svg = inline(figure, name, spoken(short(title), table, ["influence"]))
    return Drawn(title, svg, caption, table)
