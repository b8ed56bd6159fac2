"""What counts as right: 19 of 20 seeds as expected, and none the opposite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from attnaudit.findings import rules
from attnaudit.findings.finding import FindingName
from tests.planted import audit, models, plants
from tests.planted.plants import PLANTS

STATUSES = ("for", "against", "inconclusive", "not_assessable", "not_assessed")
SHARE = 0.95  # of the seeds, at least, must come out as expected
OPPOSITES = {
    "for": ("against", "not_assessable"),
    "against": ("for",),
    "not_assessable": ("for", "against"),
    "not_assessed": ("for", "against"),
}


@dataclass
class Counts:
    """How often each finding on each plant had each status."""

    found: dict[tuple[str, FindingName], Counter[str]] = field(default_factory=dict)

    def add(self, plant: str, statuses: Mapping[FindingName, str]) -> None:
        """Count the findings of one seed."""
        for name, status in statuses.items():
            self.found.setdefault((plant, name), Counter())[status] += 1


@dataclass(frozen=True)
class Verdict:
    """Whether a finding on a plant came out as it must."""

    plant: str
    finding: FindingName
    expected: str
    counts: Counter[str]
    holds: bool


def verdicts(counts: Counts, seeds: int) -> Iterator[Verdict]:
    """One for each finding that a plant has an expectation of."""
    for (plant, name), found in counts.found.items():
        expected = PLANTS[plant].expected[name]
        yield Verdict(plant, name, expected, found, holds(expected, found, seeds))


def holds(expected: str, found: Counter[str], seeds: int) -> bool:
    """Whether `found` are as expected; "never for" allows no exception."""
    if expected.startswith("never "):
        return found[expected.removeprefix("never ")] == 0
    wrong = sum(found[status] for status in OPPOSITES[expected])
    return wrong == 0 and found[expected] >= SHARE * seeds


def markdown(counts: Counts, seeds: Sequence[int], seconds: Mapping[str, float]) -> str:
    """The table, and the constants that it was made with."""
    lines = [
        "# The rules of the findings, on planted models",
        "",
        f"Seeds {seeds[0]} to {seeds[-1]}. Rules and constants were tuned on others, below 20 and"
        " from 1000 on, which judge nothing. A verdict holds if at least 95 % of the seeds come out"
        " as expected and none the opposite way; of what must never be, if no seed has it.",
        "",
        "Made by `python -m tests.planted`; what the plants are stands in `plants.py`.",
        "",
        "| plant | finding | expected | " + " | ".join(STATUSES) + " | verdict |",
        "|---|---|---|" + "---:|" * len(STATUSES) + "---|",
    ]
    for one in verdicts(counts, len(seeds)):
        numbers = " | ".join(str(one.counts[status]) for status in STATUSES)
        held = "holds" if one.holds else "FAILS"
        lines.append(f"| {one.plant} | {one.finding} | {one.expected} | {numbers} | {held} |")
    lines += ["", "| plant | what it is | CPU seconds a seed |", "|---|---|---:|"]
    lines += [
        f"| {name} | {PLANTS[name].story} | {spent / len(seeds):.0f} |"
        for name, spent in seconds.items()
    ]
    return "\n".join([*lines, "", *_constants(), ""])


def _constants() -> Iterator[str]:
    deltas = rules.Deltas()
    names = (
        "LEAST_SEEDS",
        "LEAST_ADVERSARIES",
        "LEAST_RARE",
        "LEAST_TVD",
        "FIXED_TVDS",
        "STRONG_JSD",
        "AGREEING_JSD",
    )
    yield "Constants of the rules: " + ", ".join(f"{n} {getattr(rules, n)}" for n in names) + "."
    yield "Deltas: " + ", ".join(f"{name} {value}" for name, value in deltas) + "."
    adversaries = audit.ADVERSARIES
    yield (
        f"Models: {audit.SEEDS} seeds of the recipe, its uniform twin and each probe; lambdas 0,"
        f" {', '.join(map(str, adversaries.lambdas))} and {adversaries.refine} that refine them,"
        f" {adversaries.seeds} seeds each, at most {adversaries.epochs} epochs. Texts:"
        f" {', '.join(f'{n} {split}' for split, n in plants.SIZES.items())}, where"
        f" `plants.py` does not say otherwise. Size of embeddings and states {models.SIZE}."
    )
