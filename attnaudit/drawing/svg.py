"""Figures as SVG that stands in a page: same bytes every time, in the colours of the page.

Text stays text: it is small, can be searched and read out, and takes the page's own font.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from xml.etree import ElementTree

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from attnaudit.drawing.alone import colour, keep

NAMESPACE = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
_DPI = 72  # of SVG, whose unit is the point
WIDTH = 400  # points of the page's own scale: about as wide as a phone, so that text stays legible


class _Colours(Mapping[str, str]):
    """Colours by name. Within `alone` they are real; else they stand for the page's properties."""

    def __init__(self, *names: str) -> None:
        self._standing = {name: f"#0102{i:02x}" for i, name in enumerate(names)}

    def __getitem__(self, name: str) -> str:
        return colour(name, self._standing[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._standing)

    def __len__(self) -> int:
        return len(self._standing)


COLOURS = _Colours("ink", "muted", "line", "page", "c0", "c1", "c2", "c3")
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "attnaudit",
    "text.parse_math": False,  # a class may be called $x$
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
}
_COLOURED = {
    "axes.edgecolor": "muted",
    "axes.labelcolor": "ink",
    "grid.color": "line",
    "legend.edgecolor": "line",
    "legend.facecolor": "page",
    "text.color": "ink",
    "xtick.color": "muted",
    "ytick.color": "muted",
    "xtick.labelcolor": "ink",
    "ytick.labelcolor": "ink",
}
_STYLED = re.compile("|".join(COLOURS.values()))
_FONT = re.compile(r"font-family: [^;]*;? ?")
_NAMES = {colour: f"var(--{name})" for name, colour in COLOURS.items()}


@contextmanager
def drawing() -> Iterator[None]:
    """Draw and write within this block: whatever the user's own settings, the page's hold."""
    style = _STYLE | {part: COLOURS[name] for part, name in _COLOURED.items()}
    with matplotlib.style.context(["default", style]), warnings.catch_warnings():
        # The browser has fonts of its own for what the measuring font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def new_figure(height: float) -> Figure:
    """A figure of the page's width and `height` points."""
    figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
    FigureCanvasSVG(figure)
    return figure


def new_axes(height: float) -> tuple[Figure, Axes]:
    """A figure of the page's width and `height` points, and its axes."""
    figure = new_figure(height)
    return figure, figure.add_subplot()


def inline(figure: Figure, name: str, label: str) -> str:
    """The figure as an SVG element that says `label` to readers who cannot see it.

    `name` sets its ids apart from those of the other figures of the page.
    """
    keep(figure, name)
    _lay_out(figure)
    stream = io.BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    root = ElementTree.fromstring(stream.getvalue())
    # A style sheet would hold for the whole page.
    for child in [c for c in root if c.find(f"{NAMESPACE}style") is not None]:
        root.remove(child)
    for element in root.iter():
        _adapt(element, name)
    for size in ("width", "height"):
        del root.attrib[size]
    root.set("role", "img")
    root.set("aria-label", label)
    return ElementTree.tostring(root, encoding="unicode")


def _lay_out(figure: Figure) -> None:
    """Place the parts of the figure. Writing would draw all of it once more, only for this."""
    engine = figure.get_layout_engine()
    if engine is not None:
        figure.dpi = _DPI
        engine.execute(figure)
        figure.set_layout_engine(None)


def _adapt(element: ElementTree.Element, name: str) -> None:
    # HTML knows SVG without namespaces, and a page without addresses is easily seen to load none.
    element.tag = element.tag.removeprefix(NAMESPACE)
    for key, value in list(element.attrib.items()):
        if key == "id" and element.tag == "g":
            del element.attrib[key]  # nothing refers to it
        elif key == "id":
            element.set(key, f"{name}-{value}")
        elif key == LINK:
            del element.attrib[key]
            element.set("href", value.replace("#", f"#{name}-"))
        elif key in ("style", "clip-path"):
            adapted = _STYLED.sub(lambda m: _NAMES[m[0]], _FONT.sub("", value))
            element.set(key, adapted.replace("url(#", f"url(#{name}-"))
