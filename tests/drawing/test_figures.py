"""The figures as they are drawn: what they plot, and what they say to those who do not see them."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest

from attnaudit.drawing.dots import score_dots
from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.histogram import BINS, histogram, shares
from attnaudit.drawing.intervals import intervals
from attnaudit.drawing.lines import Band, lines
from attnaudit.drawing.maps import maps
from attnaudit.drawing.marks import Mark
from attnaudit.drawing.paths import Path, paths
from attnaudit.drawing.ruler import ruler
from attnaudit.drawing.steps import steps
from attnaudit.drawing.svg import COLOURS, drawing, inline, new_axes
from attnaudit.drawing.violins import density, violins
from attnaudit.measures.summary import Estimate
from attnaudit.questions.curve_figure import tvd_jsd_curve
from attnaudit.questions.curve_points import Point

LABELS = ("negative", "positive")
TAUS = {0: np.array([0.1, 0.3, 0.2]), 1: np.array([-0.5, 0.5])}
CELLS = {(0, 0): np.array([0.1, 0.2, 0.4]), (3, 1): np.array([0.6])}


MARKS = (Mark("floor", 0.05), Mark("line", 0.5, "--"))
ESTIMATES = {
    "ours": Estimate(0.2, 0.1, 0.3),
    "none": Estimate(None, reason="no"),
    "theirs": Estimate(0.1),
}
POINTS = (
    Point("text", 0.65, 0.01),
    Point("lambda", 0.02, 0.01, 0.0, 1),
    Point("lambda", 0.4, 0.02, 0.5, 1),
    Point("lambda", 0.6, 0.04, 0.5, 2),
    Point("seed", 0.1, 0.03, None, 1),
    Point("uniform", 0.1, 0.03, None, 1),
)


HEADS = {
    "sharp": {(row, column): 0.1 * row + 0.2 * column for row in range(2) for column in range(3)},
    "never": dict.fromkeys(((row, column) for row in range(2) for column in range(3)), 0.0),
}


PATHS = (
    Path("good", 1, (1, 0), (False, True), 2.0),
    Path("bad", 2, (2, 0), (False, True), -1.0),
)


DRAW: dict[str, Callable[[], Drawn]] = {
    "tau": lambda: histogram(TAUS, "Agreement", "tau of a text", "C.", LABELS, "tau"),
    "violins": lambda: violins(CELLS, "Shuffled", "TVD", 1.0, "C.", LABELS, "permute"),
    "to ln 2": lambda: violins(CELLS, "Other", "JSD", 0.69, "C.", LABELS, "text"),
    "curve": lambda: tvd_jsd_curve(POINTS, "curve"),
    "marked": lambda: histogram(TAUS, "Marked", "tau of a text", "C.", LABELS, "tau", MARKS),
    "intervals": lambda: intervals(ESTIMATES, "Beside", "gain", "C.", "gain", MARKS),
    "steps": lambda: steps(
        [0.0, 0.25, 0.5, 1.0],
        {"by attention": [0.0, 0.4, 0.7, 1.0], "at random": [0.0, 0.1, 0.2, 0.5]},
        "Erased",
        ("share erased", "share flipped"),
        "C.",
        "steps",
    ),
    "lines": lambda: lines(
        [0, 1, 2],
        {"ours": [1.0, 0.5, 0.25], "theirs": [1.0, 0.9, 0.8]},
        "Left",
        ("layers passed", "share"),
        "C.",
        "lines",
        Band("at random", [1.0, 0.4, 0.1], [1.0, 0.3, 0.0], [1.0, 0.5, 0.2]),
    ),
    "paths": lambda: paths(PATHS, ("[ ]", "good", "bad"), "T", ("token", "layer"), "C.", "paths"),
    "maps": lambda: maps(HEADS, (2, 3), "Heads", ("head", "layer"), "C.", "maps"),
    "scores": lambda: score_dots(
        {"audited model": np.array([0.7]), "g": np.array([0.5, 0.6])}, "F1", "C.", "s"
    ),
}


@pytest.mark.parametrize("name", DRAW)
def test_every_figure_is_a_clean_element_of_the_page(name: str) -> None:
    drawn = DRAW[name]()
    root = ElementTree.fromstring(drawn.svg)
    assert root.tag == "svg"
    assert root.get("role") == "img"
    assert (root.get("aria-label") or "").startswith(f"{drawn.title}. ")
    assert "://" not in drawn.svg
    assert "<style" not in drawn.svg
    assert "nan" not in drawn.svg
    assert not re.search("|".join(COLOURS.values()), drawn.svg)
    assert "var(--ink)" in drawn.svg
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    for reference in re.findall(r'(?:href="|url\()#([^")]+)', drawn.svg):
        assert reference in ids
    assert DRAW[name]() == drawn


def test_the_histogram() -> None:
    found = shares(TAUS)
    assert {c: s.sum() for c, s in found.items()} == {0: pytest.approx(1), 1: pytest.approx(1)}
    assert found[1][np.searchsorted(BINS, 0.501) - 1] == 0.5
    drawn = DRAW["tau"]()
    assert drawn.title == "Agreement"
    assert drawn.numbers.columns == ["predicted", "Q1", "median", "Q3", "n"]
    assert drawn.numbers.rows[0] == ["negative", *np.quantile(TAUS[0], [0.25, 0.5, 0.75]), 3]
    assert drawn.numbers.rows[1] == ["positive", -0.25, 0.0, 0.25, 2]
    assert "negative: median 0.20; positive: median 0.00." in drawn.svg


def test_violins() -> None:
    drawn = DRAW["violins"]()
    assert drawn.numbers.rows == [
        ["0 to 0.25", "negative", *np.quantile(CELLS[0, 0], [0.25, 0.5, 0.75]), 3],
        ["0.75 to 1", "positive", 0.6, 0.6, 0.6, 1],
    ]
    assert ">predicted negative</text>" in drawn.svg


def test_lines_beside_what_chance_gives() -> None:
    drawn = DRAW["lines"]()
    assert drawn.numbers.columns == [
        *("layers passed", "ours", "theirs", "at random, mean", "lowest", "highest")
    ]
    assert drawn.numbers.rows[1] == [1, 0.5, 0.9, 0.4, 0.3, 0.5]
    assert ">at random</text>" in drawn.svg
    assert ">1</text>" in drawn.svg


def test_paths_lead_from_words_upwards_in_the_colour_of_their_sign() -> None:
    drawn = DRAW["paths"]()
    assert [row[:2] for row in drawn.numbers.rows] == [["good", 2.0], ["bad", -1.0]]
    strokes = re.findall(r"stroke: var\(--(c[01])\); stroke-width: ([0-9.]+)", drawn.svg)
    wide = {colour: float(width) for colour, width in strokes if float(width) != 3}
    assert wide["c0"] == 4.5 > wide["c1"]
    dotted = re.findall(
        r"stroke-dasharray: [^;]*; stroke-dashoffset: [^;]*; stroke: var\(--(c.)", drawn.svg
    )
    assert sorted(dotted) == ["c0", "c1"]
    assert all(f">{word}</text>" in drawn.svg for word in ("good", "bad", "[ ]"))


def test_maps_are_as_dark_as_their_numbers() -> None:
    drawn = DRAW["maps"]()
    assert drawn.numbers.rows[-1] == ["layer 1, head 2", pytest.approx(0.5), 0.0]
    opacities = [float(o) for o in re.findall(r"(?<!-)opacity: ([0-9.]+)", drawn.svg)]
    assert sorted(set(opacities)) == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])  # 1 is not written
    assert "0 to 0.5" in drawn.svg
    assert "layer 1, head 2: sharp 0.50" in drawn.svg  # the largest one is read out first


def test_more_classes_than_colours_are_pooled() -> None:
    labels = [f"class {c}" for c in range(5)]
    taus = {c: np.array([0.1 * c, 0.2]) for c in range(5)}
    drawn = histogram(taus, "T", "x", "C.", labels, "t")
    assert drawn.numbers.rows[0][::4] == ["all", 10]
    cells = {(0, c): np.array([0.1 * c]) for c in range(5)} | {(1, 2): np.array([0.9])}
    rows = violins(cells, "T", "x", 1.0, "C.", labels, "v").numbers.rows
    assert [[*row[:2], *row[-1:]] for row in rows] == [
        ["0 to 0.25", "all", 5],
        ["0.25 to 0.5", "all", 1],
    ]


def test_the_curve() -> None:
    drawn = DRAW["curve"]()
    assert [
        [round(cell, 9) if isinstance(cell, float) else cell for cell in row]
        for row in drawn.numbers.rows
    ] == [
        ["imitator (lambda 0)", 0.0, 0.02, 0.01],
        ["adversary, with its lambda", 0.5, 0.5, 0.03],
        ["per-text search (no model)", None, 0.65, 0.01],
        ["same recipe, another seed", None, 0.1, 0.03],
        ["trained with uniform weights", None, 0.1, 0.03],
    ]
    assert ">0.5</text>" in drawn.svg
    assert (
        "The plus is the per-text search. It is not a model, and it is no evidence"
    ) in drawn.caption
    models = tvd_jsd_curve([p for p in POINTS if p.kind != "text"], "curve")
    assert "plus" not in models.caption


def test_scores() -> None:
    rows = DRAW["scores"]().numbers.rows
    assert rows == [["audited model", 0.7, 0.7, 0.7, 1], ["g", pytest.approx(0.55), 0.5, 0.6, 2]]


@pytest.mark.parametrize(
    "label", ["<script>", "$x$ &", "_hidden", "\x00\x1b[31m", "名前", "x" * 99, ""]
)
def test_labels_of_any_kind_are_drawn_as_text(label: str) -> None:
    drawn = histogram(TAUS, "T", "x", "C.", (label, "other"), "x")
    root = ElementTree.fromstring(drawn.svg)
    texts = ["".join(element.itertext()) for element in root.iter("text")]
    expected = (
        "\\x00\\x1b[31m"
        if label.startswith("\x00")
        else label[:29] + ("…" if len(label) > 30 else "")
    )
    assert f"predicted {expected}" in texts


def test_points_stand_where_they_belong() -> None:
    with drawing():
        figure, axes = new_axes(200)
        axes.plot([0.25], [0.75], "o", color=COLOURS["c1"])
        axes.set(xlim=(0, 1), ylim=(0, 1))
        root = ElementTree.fromstring(inline(figure, "n", "label"))
        box = axes.get_position()
    [use] = [u for u in root.iter("use") if "var(--c1)" in (u.get("style") or "")]
    assert root.get("viewBox") == "0 0 400 200"
    assert float(use.get("x", "")) == pytest.approx(400 * (box.x0 + 0.25 * box.width), abs=0.01)
    assert float(use.get("y", "")) == pytest.approx(
        200 * (1 - box.y0 - 0.75 * box.height), abs=0.01
    )


def test_the_users_own_settings_of_matplotlib_do_not_show() -> None:
    import matplotlib

    usual = DRAW["curve"]().svg
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red"}):
        assert DRAW["curve"]().svg == usual
        assert matplotlib.rcParams["font.size"] == 30


def test_a_density() -> None:
    assert density(np.array([0.1, 0.2])) is None
    assert density(np.full(9, 0.3)) is None
    found = density(np.array([0.0, 0.5, 1.0]))
    assert found is not None
    grid, height = found
    assert (grid[0], grid[-1]) == (0.0, 1.0)
    assert height.max() == 1
    np.testing.assert_allclose(height, height[::-1], atol=1e-12)
    width = 0.5 * 3**-0.2  # Scott's rule, by hand
    kernels = np.exp(-0.5 * ((grid[:, None] - [0.0, 0.5, 1.0]) / width) ** 2).sum(1)
    np.testing.assert_allclose(height, kernels / kernels.max())


def test_a_density_of_many_is_that_of_their_chunks() -> None:
    values = np.random.default_rng(0).uniform(size=5000)
    found = density(values)
    assert found is not None
    grid, height = found
    width = values.std(ddof=1) * 5000**-0.2
    kernels = np.exp(-0.5 * ((grid[:, None] - values) / width) ** 2).sum(1)
    np.testing.assert_allclose(height, kernels / kernels.max())


def texts_of(svg: str) -> list[str]:
    return ["".join(found.itertext()) for found in ElementTree.fromstring(svg).iter("text")]


def test_a_histogram_has_the_lines_that_it_is_to_be_compared_with() -> None:
    assert {"floor: 0.05", "line: 0.50"} <= set(texts_of(DRAW["marked"]().svg))
    assert "floor: 0.05" not in texts_of(DRAW["tau"]().svg)


def test_figures_with_intervals() -> None:
    drawn = DRAW["intervals"]()
    assert drawn.numbers.rows == [["ours", 0.2, 0.1, 0.3], ["theirs", 0.1, None, None]]
    assert {"ours", "theirs", "floor: 0.05"} <= set(texts_of(drawn.svg))
    assert "ours: gain 0.20, low 0.10, high 0.30; theirs: gain 0.10." in drawn.svg


def test_lines_that_rise() -> None:
    drawn = DRAW["steps"]()
    assert drawn.numbers.columns == ["share erased", "by attention", "at random"]
    assert drawn.numbers.rows[1] == [0.25, 0.4, 0.1]
    assert "share erased 0.50, by attention 0.70, at random 0.20" in drawn.svg


@pytest.mark.parametrize("limit", [0.01, 0.3])
def test_a_ruler(limit: float) -> None:
    svg = ruler(0.1, 0.08, 0.12, limit, "n", "the gain is 0.1")
    root = ElementTree.fromstring(svg)
    assert root.get("aria-label") == "the gain is 0.1"
    assert f"limit {limit}" in texts_of(svg)
    colour = [e for e in root.iter("path") if "var(--c0)" in (e.get("style") or "")]
    dashes = [e for e in root.iter("path") if "stroke-dasharray" in (e.get("style") or "")]
    [bar, *_] = [e.get("d", "") for e in colour if "stroke-width: 5" in (e.get("style") or "")]
    [line] = [e.get("d", "") for e in dashes]
    ends = [float(x) for x in re.findall(r"[ML] ([\d.]+)", bar)]
    [at, _] = [float(x) for x in re.findall(r"[ML] ([\d.]+)", line)]
    assert (at < min(ends)) == (limit < 0.08)
    assert (at > max(ends)) == (limit > 0.12)
