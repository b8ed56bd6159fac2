"""Growth curves: cost against size, wherever a benchmark has three sizes or more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.measure import Result

Point = tuple[float, float]
AXES = ("tokens", "instances", "classes", "seeds")


def curves(results: Sequence[Result]) -> dict[tuple[str, str, str], list[Point]]:
    """Points (size, CPU seconds a unit) by benchmark, axis and line.

    A line is what comes before the comma of its cases' names; an axis is what grows along it.
    """
    lines: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        if result.ours is not None:
            line = result.case.partition(",")[0] if "," in result.case else ""
            lines[result.benchmark, line].append(result)
    found: dict[tuple[str, str, str], list[Point]] = {}
    for (benchmark, line), members in lines.items():
        for axis in AXES:
            sizes = {r.size.get(axis) for r in members}
            if None in sizes or len(sizes) < 3 or len(sizes) < len(members):
                continue
            by_side: dict[str, list[Point]] = defaultdict(list)
            for result in members:
                assert result.ours is not None
                for side, cost in {"": result.ours, **result.rivals}.items():
                    by_side[side].append((float(result.size[axis]), cost.cpu.median))
            for side, points in by_side.items():
                label = ": ".join(part for part in (line, side or "ours") if part)
                found[benchmark, axis, label] = sorted(points)
    return found


def draw(results: Sequence[Result], path: Path) -> None:
    """Write the curves as a picture, one panel a benchmark and axis; both scales logarithmic."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    found = curves(results)
    panels = list(dict.fromkeys((benchmark, axis) for benchmark, axis, _ in found))
    figure, axes = plt.subplots(1, max(1, len(panels)), figsize=(6 * max(1, len(panels)), 5))
    for panel, place in zip(panels, [axes] if len(panels) < 2 else axes, strict=False):
        for (benchmark, axis, label), points in found.items():
            if (benchmark, axis) == panel:
                place.plot(*zip(*points, strict=True), marker="o", label=label)
        place.set(xscale="log", yscale="log", title=panel[0], xlabel=panel[1])
        place.set_ylabel("CPU seconds a unit")
        place.legend(fontsize="small")
        place.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
