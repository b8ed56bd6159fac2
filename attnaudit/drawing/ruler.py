"""One figure with its interval on a line, next to the limit that it is compared with."""

from __future__ import annotations

from attnaudit.drawing.svg import COLOURS, drawing, inline, new_axes

_ROOM = 0.08  # of the length, on both sides


def ruler(value: float, low: float, high: float, limit: float, name: str, words: str) -> str:
    """An SVG element that shows where an interval lies: below the limit, above it, or across.

    `words` say the same to readers who cannot see it. Zero is always on the line.
    """
    ends = [low, high, limit, value, 0.0]
    least, most = min(ends), max(ends)
    room = _ROOM * ((most - least) or 1.0)
    with drawing():
        figure, axes = new_axes(62)
        axes.axvline(limit, color=COLOURS["ink"], linewidth=1.6, linestyle="--")
        axes.plot([low, high], [0, 0], color=COLOURS["c0"], linewidth=5, solid_capstyle="butt")
        axes.plot([value], [0], "o", color=COLOURS["c0"], markersize=9)
        left = limit < (least + most) / 2
        axes.annotate(
            f"limit {limit:.3g}",
            (limit, 0.75),
            xytext=(4 if left else -4, 0),
            textcoords="offset points",
            ha="left" if left else "right",
            va="center",
        )
        axes.set(xlim=(least - room, most + room), ylim=(-0.7, 1.1))
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.locator_params(axis="x", nbins=5)
        return inline(figure, name, words)
