"""What counts as right: nearly all seeds as expected, and none the opposite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from scipy.stats import binomtest  # type: ignore[import-untyped]

from attnaudit.calibration.plant import Plant
from attnaudit.records.calibration import Row, Verdict

SHARE = 0.95  # of the seeds, at least, must come out as expected
LEVEL = 0.95  # of the interval of that share
NEVER = "never "
OPPOSITES: Mapping[str, tuple[str, ...]] = {
    "for": ("against", "not_assessable"),
    "against": ("for",),
    "inconclusive": ("for", "against"),
    "not_assessable": ("for", "against"),
    "not_assessed": ("for", "against"),
    "yes": ("no",),
    "no": ("yes",),
}


def counted(found: Iterable[tuple[str, Mapping[str, str]]]) -> dict[str, dict[str, Counter[str]]]:
    """How often each finding on each plant had each status, from plants with their statuses."""
    counts: dict[str, dict[str, Counter[str]]] = {}
    for plant, statuses in found:
        for name, status in statuses.items():
            counts.setdefault(plant, {}).setdefault(name, Counter())[status] += 1
    return counts


def rows(
    counts: Mapping[str, Mapping[str, Counter[str]]], plants: Mapping[str, Plant]
) -> Iterator[Row]:
    """One for each finding that a plant has an expectation of, in the order of `plants`."""
    for plant, one in plants.items():
        for name, expected in one.expected.items():
            found = counts.get(plant, {}).get(name)
            if found:
                yield row(plant, one.truth, name, expected, found)


def row(plant: str, truth: str, name: str, expected: str, found: Mapping[str, int]) -> Row:
    """The verdict on one finding on one plant, from how often each status was `found`."""
    seeds, right = sum(found.values()), as_expected(expected, found)
    low, high = share_interval(right, seeds)
    return Row(
        plant=plant,
        truth=truth,
        finding=name,
        expected=expected,
        found=dict(found),
        right=right,
        seeds=seeds,
        share_low=low,
        share_high=high,
        verdict=verdict(expected, found),
    )


def as_expected(expected: str, found: Mapping[str, int]) -> int:
    """How many of the seeds came out as expected."""
    if expected.startswith(NEVER):
        return sum(found.values()) - found.get(expected.removeprefix(NEVER), 0)
    return found.get(expected, 0)


def verdict(expected: str, found: Mapping[str, int]) -> Verdict:
    """What the seeds say of an expectation: it holds, it fails, or it is open.

    It fails if one seed has the opposite, or what must never be; or if the share that is right lies
    below SHARE by its whole interval. It holds if that share is at least SHARE. Between the two it
    is open: fewer seeds came out right than should, and chance alone may have done it.
    """
    seeds, right = sum(found.values()), as_expected(expected, found)
    if expected.startswith(NEVER):
        return "holds" if right == seeds else "fails"
    if any(found.get(status, 0) for status in OPPOSITES[expected]):
        return "fails"
    if right >= SHARE * seeds:
        return "holds"
    return "open" if share_interval(right, seeds)[1] >= SHARE else "fails"


def share_interval(right: int, seeds: int) -> tuple[float, float]:
    """The exact 95 % interval of a share, from `right` of `seeds` (Clopper & Pearson 1934)."""
    found = binomtest(right, seeds).proportion_ci(LEVEL, method="exact")
    return float(found.low), float(found.high)
