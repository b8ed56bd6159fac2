"""Figures as files of their own: PDF, SVG and PNG in colours that need no page.

Within `alone` the figures that are drawn take real colours, and each is kept as files, too. The
same figure gives the same bytes: no date and no name of a program stands in them. In PDF the fonts
are embedded as TrueType, as publishers ask; in SVG the letters are shapes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import matplotlib.style
from matplotlib.figure import Figure

from attnaudit.drawing.palette import Palette

DPI = 300  # of PNG
_NOTHING: Mapping[str, Mapping[str, None]] = {
    "pdf": dict.fromkeys(("CreationDate", "Creator", "Producer")),
    "svg": dict.fromkeys(("Date", "Creator", "Format", "Type")),
    "png": {"Software": None},
}


@dataclass
class Kept:
    """The figures that were drawn, in their colours: bytes by the kind of file, by name."""

    palette: Palette
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)


_kept: ContextVar[Kept | None] = ContextVar("kept", default=None)


@contextmanager
def alone(palette: Palette) -> Iterator[Kept]:
    """Keep the figures that are drawn within this block as files, in the colours of `palette`."""
    kept = Kept(palette)
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)


def colour(name: str, placeholder: str) -> str:
    """The colour called `name` within `alone`; outside of it what stands for it in a page."""
    kept = _kept.get()
    return placeholder if kept is None else kept.palette[name]


def keep(figure: Figure, name: str) -> None:
    """Keep the figure as files, where that is asked for. A name taken gets a number behind it."""
    kept = _kept.get()
    if kept is None:
        return
    free, n = name, 1
    while free in kept.files:
        n += 1
        free = f"{name}-{n}"
    figure.draw_without_rendering()
    figure.set_layout_engine(None)  # all kinds get the same layout, which takes time
    kept.files[free] = {kind: _saved(figure, kind, kept.palette) for kind in _NOTHING}


def _saved(figure: Figure, kind: str, palette: Palette) -> bytes:
    stream = io.BytesIO()
    settings = {"pdf.fonttype": 42, "svg.fonttype": "path", "savefig.facecolor": palette["page"]}
    with matplotlib.style.context(settings):
        figure.savefig(stream, format=kind, dpi=DPI, metadata=dict(_NOTHING[kind]))
    return stream.getvalue()
