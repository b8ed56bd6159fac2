"""Results as a Markdown table, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tests.benchmarks.measure import Cost, Result

HEAD = (
    "benchmark",
    "case",
    "ours",
    "rival",
    "its cost",
    "ratio",
    "memory, MiB",
    "figures, targets",
)
OWN = ("ratio: ", "wall ratio: ", "milliseconds")  # figures that other columns show


def markdown(results: Sequence[Result], facts: Mapping[str, str], quick: bool) -> str:
    """One row for each rival, and one where there is none."""
    rows = [HEAD, tuple("---" for _ in HEAD)]
    for result in results:
        rows += _rows(result)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    told = "; ".join(f"{name} {fact}" for name, fact in facts.items())
    notes = [
        f"{told}.",
        "",
        "CPU time by unit of work, one thread: the median over interleaved rounds. Ratio: the"
        " rival's median over ours, with the quartiles of the rounds' own ratios. Memory: what a"
        " fresh process that does the work once needs above model and data: ours / rival's.",
    ]
    if quick:
        notes += ["", "**Toy sizes: the sides were compared, the times mean nothing.**"]
    return "\n".join([*notes, "", *lines]) + "\n"


def _rows(result: Result) -> list[tuple[str, ...]]:
    name, case = result.benchmark, result.case
    said = _remarks(result)
    if result.ours is None:
        return [(name, case, "", "", "", "", "", said)]
    ours = f"{seconds(result.ours.cpu.median)} a {result.unit}"
    if not result.rivals:
        return [(name, case, ours, "", "", "", _memory(result.ours, None), said)]
    rows = []
    for rival, cost in result.rivals.items():
        assert cost.ratio is not None
        spread = f"{_short(cost.ratio.median)} ({_short(cost.ratio.low)} to"
        ratio = f"{spread} {_short(cost.ratio.high)})"
        its = seconds(cost.cpu.median)
        rows.append((name, case, ours, rival, its, ratio, _memory(result.ours, cost), said))
        said = ""
    return rows


def _remarks(result: Result) -> str:
    if result.skipped:
        return f"skipped: {result.skipped}"
    if result.disagreement:
        return f"**DISAGREE**: {result.disagreement}"
    if result.failure:
        return f"**FAILED**: {result.failure}"
    aimed = {judged.figure for judged in result.targets}
    told = [
        f"{name} {_short(value)}"
        for name, value in result.figures.items()
        if name not in (*aimed, *(f"share of {rival}" for rival in result.rivals))
        and not name.startswith(OWN)
    ]
    for judged in result.targets:
        verdict = "met" if judged.met else "missed"
        told.append(f"target {judged.says}: {_short(judged.value)}, **{verdict}**")
    return "; ".join(told)


def _memory(ours: Cost, rival: Cost | None) -> str:
    if ours.above is None:
        return ""
    return " / ".join(_short(c.above) for c in (ours, rival) if c and c.above is not None)


def seconds(value: float) -> str:
    """A time with a unit that suits it."""
    units = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
    unit, size = next((u for u in units if value >= u[1]), units[-1])
    return f"{_short(value / size)} {unit}"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def as_json(results: Sequence[Result], facts: Mapping[str, str], quick: bool) -> str:
    """Everything that was measured."""
    told = {"machine": dict(facts), "quick": quick, "results": [r.as_json() for r in results]}
    return json.dumps(told, indent=1, allow_nan=False) + "\n"
