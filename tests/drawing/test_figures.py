"""The figures as they are drawn: what they plot, and what they say to those who do not see them."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest
from attnaudit.report.html.distributions import (
    TAU_BINS,
    instance_violins,
    seed_violins,
    tau_histogram,
    tau_shares,
    tvd_violins,
)
from attnaudit.report.html.drawn import Drawn
from attnaudit.report.html.points import Curve
from attnaudit.report.html.retrained import score_dots, tvd_jsd_curve
from attnaudit.report.html.svg import COLOURS, drawing, inline, new_axes

LABELS = ("negative", "positive")
TAUS = {0: np.array([0.1, 0.3, 0.2]), 1: np.array([-0.5, 0.5])}
CELLS = {(0, 0): np.array([0.1, 0.2, 0.4]), (3, 1): np.array([0.6])}


def curve() -> Curve:
    made = Curve("test")
    for strength, seed, jsd, tvd in (
        (0.0, 1, 0.02, 0.01),
        (0.5, 1, 0.4, 0.02),
        (0.5, 2, 0.6, 0.04),
    ):
        run = {"lambda": strength, "seed": seed, "split": "test"}
        made.add({"row": 0, "run": run, "jsd": jsd, "tvd": tvd})
    for kind in ("seed", "uniform"):
        run = {"model": kind, "seed": 1, "split": "test"}
        made.add({"row": 0, "run": run, "jsd": 0.1, "tvd": 0.03})
    made.add({"row": 0, "adversary": [{"jsd": 0.65, "tvd": 0.01}]})
    return made


DRAW: dict[str, Callable[[], Drawn]] = {
    "tau": lambda: tau_histogram(TAUS, "leave_one_out", LABELS, "tau"),
    "permute": lambda: tvd_violins(CELLS, LABELS, "permute"),
    "instance": lambda: instance_violins(CELLS, LABELS, "instance"),
    "seeds": lambda: seed_violins(CELLS, LABELS, "seeds"),
    "curve": lambda: tvd_jsd_curve(curve(), "curve"),
    "scores": lambda: score_dots(
        {"base": np.array([0.7]), "g": np.array([0.5, 0.6])}, "F1", "C.", "s"
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


def test_the_histogram_of_tau() -> None:
    shares = tau_shares(TAUS)
    assert {c: s.sum() for c, s in shares.items()} == {0: pytest.approx(1), 1: pytest.approx(1)}
    assert shares[1][np.searchsorted(TAU_BINS, 0.501) - 1] == 0.5
    drawn = DRAW["tau"]()
    assert drawn.title == "Agreement of attention with leave one out"
    assert drawn.numbers.columns == ["predicted", "Q1", "median", "Q3", "n"]
    assert drawn.numbers.rows[0] == ["negative", *np.quantile(TAUS[0], [0.25, 0.5, 0.75]), 3]
    assert drawn.numbers.rows[1] == ["positive", -0.25, 0.0, 0.25, 2]
    assert "negative: median 0.20; positive: median 0.00." in drawn.svg


def test_violins() -> None:
    drawn = DRAW["permute"]()
    assert drawn.numbers.rows == [
        ["0 to 0.25", "negative", *np.quantile(CELLS[0, 0], [0.25, 0.5, 0.75]), 3],
        ["0.75 to 1", "positive", 0.6, 0.6, 0.6, 1],
    ]
    assert ">predicted negative</text>" in drawn.svg


def test_more_classes_than_colours_are_pooled() -> None:
    labels = [f"class {c}" for c in range(5)]
    taus = {c: np.array([0.1 * c, 0.2]) for c in range(5)}
    assert tau_histogram(taus, "gradient", labels, "t").numbers.rows[0][::4] == ["all", 10]
    cells = {(0, c): np.array([0.1 * c]) for c in range(5)} | {(1, 2): np.array([0.9])}
    rows = tvd_violins(cells, labels, "v").numbers.rows
    assert [row[:2] + row[-1:] for row in rows] == [
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
        ["adversary (its lambda)", 0.5, 0.5, 0.03],
        ["adversary per instance", None, 0.65, 0.01],
        ["another seed", None, 0.1, 0.03],
        ["uniform weights", None, 0.1, 0.03],
    ]
    assert ">0.5</text>" in drawn.svg


def test_scores() -> None:
    rows = DRAW["scores"]().numbers.rows
    assert rows == [["audited model", 0.7, 0.7, 0.7, 1], ["g", pytest.approx(0.55), 0.5, 0.6, 2]]


@pytest.mark.parametrize(
    "label", ["<script>", "$x$ &", "_hidden", "\x00\x1b[31m", "名前", "x" * 99, ""]
)
def test_labels_of_any_kind_are_drawn_as_text(label: str) -> None:
    drawn = tau_histogram(TAUS, "gradient", (label, "other"), "x")
    root = ElementTree.fromstring(drawn.svg)
    texts = ["".join(element.itertext()) for element in root.iter("text")]
    expected = (
        "\\x00\\x1b[31m"
        if label.startswith("\x00")
        else label[:23] + ("…" if len(label) > 24 else "")
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
    assert root.get("viewBox") == "0 0 360 200"
    assert float(use.get("x", "")) == pytest.approx(360 * (box.x0 + 0.25 * box.width), abs=0.01)
    assert float(use.get("y", "")) == pytest.approx(
        200 * (1 - box.y0 - 0.75 * box.height), abs=0.01
    )


def test_the_users_own_settings_of_matplotlib_do_not_show() -> None:
    import matplotlib

    usual = DRAW["curve"]().svg
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red"}):
        assert DRAW["curve"]().svg == usual
        assert matplotlib.rcParams["font.size"] == 30
