"""A report against an older one of the same audit and data: what has changed, and what got worse.

Where both sides bring their records, a figure that is a mean over instances is compared instance by
instance, paired by id. Where one side is a report alone, or the figure is no mean, the difference
is set against both intervals as if the runs were independent; on the same instances they are not,
so that such a comparison misses more, and seldom cries wolf.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from attnaudit.errors import InputError
from attnaudit.measures.columns import Lazy, Names, paired
from attnaudit.measures.limits import UNBOUNDED, Bounds
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Cell, Columns, Estimate
from attnaudit.records.retired import retired
from attnaudit.records.schema import DatasetFacts
from attnaudit.report.registry import find
from attnaudit.report.schema import Gate, Metric, Report, TableData

TOLERANCE = 1e-5  # batch sizes and kinds of machine may move a figure by so much
_NOT_SETTINGS = ("seed", "text")  # settings that leave the meaning of figures alone
_SHOWN = 3  # names listed before "and N more"

Verdict = Literal["regressed", "improved", "no change", "not judged", "inconclusive"]


@dataclass(frozen=True)
class Baseline:
    """The older report, with what its means are means of where its records are there.

    `sha256` is of the file, where it was read from one.
    """

    path: Path
    report: Report
    columns: Columns | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Change:
    """One figure, then and now.

    `difference` is new minus old, with its 95 % interval; `old` and `new` are each report's own, so
    where pairs are fewer than instances they need not differ by exactly that. `verdict` is
    inconclusive where there was a figure and it can no longer be compared, `not judged` where
    neither side gives an interval.
    """

    metric: str
    old: float | None
    new: float | None
    difference: Estimate
    paired: bool
    verdict: Verdict


def check_comparable(baseline: Baseline, audit: str, dataset: DatasetFacts) -> None:
    """Raise InputError unless the baseline is of this audit and of the same data and split."""
    report, where = baseline.report, baseline.path
    if report.audit != audit:
        raise InputError(
            f"is a baseline of {report.audit}, but this report is of {audit}",
            where=where,
            hint="compare runs of one audit",
        )
    old = report.dataset
    if old.split != dataset.split:
        raise InputError(
            f"is a baseline on the split {old.split!r}, but this report is on {dataset.split!r}",
            where=where,
            hint="choose the same --split",
        )
    if old.rows_digest != dataset.rows_digest or (old.sha256 is None and old.name != dataset.name):
        raise InputError(
            f"is a baseline on other data: {_named(old)}, but this report is on {_named(dataset)}",
            where=where,
            hint="run the older model on these data, too",
        )


def check_current(baseline: Baseline) -> None:
    """Raise InputError where the baseline holds figures to compare whose names are retired.

    Figures that are neither better nor worse are not compared.
    """
    for name, metric in baseline.report.metrics.items():
        found = retired(name)
        if found is not None and metric.value is not None and metric.direction != "neutral":
            raise InputError(
                f"contains {name} of an older version, which is now {found.replaced}",
                where=baseline.path,
                hint="make this baseline again from its records, or leave --baseline out",
            )


def _named(data: DatasetFacts) -> str:
    return data.name if data.sha256 is None else f"{data.name} (sha256 {data.sha256[:12]})"


def compare(baseline: Baseline, report: Report, columns: Columns | None) -> list[Change]:
    """What has become of every figure of the baseline that can get better or worse.

    A change counts where the interval of the difference excludes 0 and the difference is larger
    than 1e-5. Figures that rest on fewer instances than the registry asks for are inconclusive, as
    they are in a policy.
    """
    paired = _paired(baseline.columns, columns)
    changes = []
    for name, old in baseline.report.metrics.items():
        if old.value is None or old.direction == "neutral":
            continue
        new = report.metrics.get(name)
        value = None if new is None else new.value
        difference = paired.get(name) or _unpaired(old, new)
        verdict = _verdict(name, old, new, difference)
        changes.append(Change(name, old.value, value, difference, name in paired, verdict))
    return changes


def _paired(old: Columns | None, new: Columns | None) -> dict[str, Estimate]:
    """The mean differences of what both sides have instance by instance."""
    if old is None or new is None:
        return {}
    then, now = paired(old.ids, new.ids)  # (n,) each
    names = [name for name in new.values if name in old.values]
    if not len(now) or not names:
        return {}
    differences = Lazy(names, lambda name: new.values[name][now] - old.values[name][then])
    groups = Names(new.groups).codes[now]
    return Sample.by_code(groups).means(differences, _bounds)


def _bounds(name: str) -> Bounds:
    """What the difference of two values of a metric can be."""
    spec = find(name)
    low, high = UNBOUNDED if spec is None else spec.range
    return UNBOUNDED if low is None or high is None else (low - high, high - low)


def _unpaired(old: Metric, new: Metric | None) -> Estimate:
    """The difference of two figures, with the half-widths of their intervals combined."""
    if new is None or new.value is None or old.value is None:
        return Estimate(None, reason=new.reason if new else "not measured in this report")
    value, n = new.value - old.value, min(old.n, new.n)
    halves = [
        (m.ci_high - m.ci_low) / 2
        for m in (old, new)
        if m.ci_low is not None and m.ci_high is not None
    ]
    if len(halves) < 2:
        return Estimate(value, n=n, reason="no interval")
    half = math.hypot(*halves)
    return Estimate(value, value - half, value + half, n)


def _verdict(name: str, old: Metric, new: Metric | None, difference: Estimate) -> Verdict:
    spec = find(name)
    low, high = difference.ci_low, difference.ci_high
    if difference.value is None or (spec and difference.n < spec.least_n):
        return "inconclusive"
    if low is None or high is None:
        never = old.ci_low is None and (new is None or new.ci_low is None)
        return "not judged" if never else "inconclusive"
    if low <= 0 <= high or abs(difference.value) <= TOLERANCE:
        return "no change"
    better = (difference.value > 0) == (old.direction == "higher")
    return "improved" if better else "regressed"


def gates(baseline: Baseline, changes: Sequence[Change]) -> list[Gate]:
    """A failing gate for each regression, and one for the comparison as a whole.

    The latter is `baseline`: it passes where nothing has regressed, and is inconclusive where a
    figure of the baseline could not be compared, or none could be judged.
    """
    made = [
        Gate(
            id=f"baseline:{change.metric}",
            status="fail",
            metric=change.metric,
            on="value",
            value=change.new,
            reason=f"worse than the baseline's {change.old:.6g} by {_change(change)}",
        )
        for change in changes
        if change.verdict == "regressed"
    ]
    name = str(baseline.path)
    judged = sum(c.verdict in ("regressed", "improved", "no change") for c in changes)
    unknown = [c.metric for c in changes if c.verdict == "inconclusive"]
    if unknown or not judged:
        what = "none of its figures can be compared"
        if unknown:
            more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
            what = f"cannot be compared: {', '.join(unknown[:_SHOWN])}{more}"
        made.append(Gate(id="baseline", status="inconclusive", reason=f"{name}: {what}"))
    elif not made:
        reason = f"none of {judged} figures is worse than in {name}"
        made.append(Gate(id="baseline", status="pass", reason=reason))
    return made


def _change(change: Change) -> str:
    d = change.difference
    assert d.value is not None
    assert d.ci_low is not None
    assert d.ci_high is not None
    low, high = sorted((abs(d.ci_low), abs(d.ci_high)))
    return f"{abs(d.value):.3g} [{low:.3g}, {high:.3g}]"


def tables(baseline: Baseline, report: Report, changes: Sequence[Change]) -> dict[str, TableData]:
    """What has changed, with what the reader must know to trust it; and, as detail, all figures."""
    known = [c for c in changes if c.verdict in ("regressed", "improved", "inconclusive")]
    title, notes = (
        (f"Compared with the baseline {baseline.path}"),
        list(_notes(baseline, report, changes)),
    )
    return {
        "baseline": _table(title, known, notes),
        "baseline_detail": _table(f"{title}: all figures", changes, [], detail=True),
    }


def _table(
    title: str, changes: Sequence[Change], notes: list[str], detail: bool = False
) -> TableData:
    rows: list[list[Cell]] = [
        [c.metric, c.verdict, d.value, d.ci_low, d.ci_high, c.old, c.new]
        for c in changes
        for d in [c.difference]
    ]
    columns = ["metric", "verdict", "difference", "low", "high", "old", "new"]
    return TableData(title=title, columns=columns, rows=rows, notes=notes, detail=detail)


def _notes(baseline: Baseline, report: Report, changes: Sequence[Change]) -> Iterator[str]:
    same = sum(c.verdict == "no change" for c in changes)
    if same:
        yield f"{same} figure{'s show' if same > 1 else ' shows'} no change."
    pairs = [c.difference.n + c.difference.undefined for c in changes if c.paired]
    unpaired = [c.metric for c in changes if not c.paired and c.verdict != "not judged"]
    if pairs:
        least = min(c.difference.n for c in changes if c.paired)
        fewer = ""
        if least < max(pairs):
            fewer = (
                " A text for which either run leaves a figure undefined does not count for that"
                f" figure; the fewest texts of a figure are {least:,}."
            )
        yield (
            f"Differences are new minus old, over {max(pairs):,} texts that both runs have.{fewer}"
        )
    if unpaired:
        what = "Differences" if not pairs else "Those of " + ", ".join(unpaired)
        yield (
            f"{what} are unpaired: their intervals are combined as if the runs were "
            "independent. Small changes can be missed."
        )
    if not pairs:
        yield "Give the records (--records) of both runs to compare them text by text."
    judged = sum(c.verdict not in ("not judged", "inconclusive") for c in changes)
    if judged > 1:
        yield (
            f"Each of {judged} figures is judged on its own. So one in forty looks worse by "
            "chance alone."
        )
    different = _differences(_settings(baseline.report), _settings(report))
    if different:
        yield f"The runs differ in {', '.join(different)}, so their figures may not mean the same."


def _settings(report: Report) -> dict[str, object]:
    kept = {key: v for key, v in report.settings.items() if key not in _NOT_SETTINGS}
    data = report.dataset.model_dump()
    more = {key: data.get(key) for key in ("unit", "partial", "instances")}
    return {**kept, **more, "site": report.model.site, "label": report.model.label}


def _differences(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    return [key for key in {**old, **new} if old.get(key) != new.get(key)]
