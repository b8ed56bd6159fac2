"""Necessary (Wiegreffe & Pinter 2019, section 3.2): does the task need learned attention at all?

Both kinds of model were trained until they stopped improving on dev, and are paired by seed. A
model with uniform attention often learns more slowly. While it is still improving, the gap says how
fast it learns, not what it can reach. Then there is no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import Finding
from attnaudit.findings.gap import in_words, score_gap
from attnaudit.findings.power import settle
from attnaudit.findings.rules import LEAST_SEEDS, compare, finding
from attnaudit.measures.summary import Estimate
from attnaudit.questions.runs import LEARNED, OLD_UNIFORM, UNIFORM, Kind, Runs
from attnaudit.questions.scored import IN_WORDS

METRIC = "necessity.score_gap"
RULE = (
    "The gap is the score with learned attention minus the score with uniform attention. For, "
    "if its whole interval lies above the limit. Against, if it lies below. Both kinds of "
    "model must have been trained until they stopped improving."
)
_KINDS: Mapping[str, Kind] = {"learned": LEARNED, "uniform": UNIFORM}


def necessary(evidence: Evidence, runs: Runs, delta: float) -> Finding:
    """What the `runs` of seed-baseline say: learned minus uniform attention, by score."""
    why = _not_made(runs) or _too_few(runs) or _still_improving(runs)
    if why:
        return finding("not_assessed", why, scope=evidence.scope)
    seeds = runs.shared_seeds(_KINDS.values())
    gap = score_gap(evidence, runs, LEARNED, UNIFORM, seeds)
    status = compare(gap, delta)
    compared = _compared(gap, IN_WORDS[evidence.score], evidence.level)
    reason = (
        f"{compared} Both were trained until they stopped improving,"
        f" with {len(seeds)} seeds each.{_left_out(runs)}"
    )
    if status == "inconclusive":
        reason = f"{reason} {settle(gap, delta)}"
    return finding(status, reason, gap, delta, evidence.scope, METRIC, RULE)


def _compared(gap: Estimate, score: str, level: float) -> str:
    """The gap in a sentence."""
    if gap.value is None:
        return "The scores of these models cannot be compared."
    return (
        f"Models with learned attention score {in_words(gap, level, of=score)} than models with "
        "uniform attention."
    )


def _not_made(runs: Runs) -> str | None:
    """Why there is nothing to compare; None if there is."""
    if any(runs.models.get(kind) or runs.diverged.get(kind) for kind in _KINDS.values()):
        return None
    if runs.models.get(OLD_UNIFORM):
        return (
            "An older version made these records. It trained models with uniform attention "
            "only as long as the recipe says, so they may have learned too little. Run "
            "seed-baseline again."
        )
    return "There are no models with learned and with uniform attention. Run seed-baseline."


def _too_few(runs: Runs) -> str | None:
    """Why the pairs are too few; None if they are not."""
    pairs = len(runs.shared_seeds(_KINDS.values()))
    if pairs >= LEAST_SEEDS:
        return None
    return (
        f"There are {pairs} pairs of models with learned and with uniform attention, but "
        f"{LEAST_SEEDS} are needed.{_left_out(runs)}"
    )


def _still_improving(runs: Runs) -> str | None:
    """Which models had not stopped improving; None if all had."""
    seeds = runs.shared_seeds(_KINDS.values())
    improving = {
        name: [seed for seed in seeds if not runs.models[kind][seed].facts.get("stopped")]
        for name, kind in _KINDS.items()
    }
    counted = [
        f"{len(still)} of {len(seeds)} models with {name} attention"
        for name, still in improving.items()
        if still
    ]
    if not counted:
        return None
    return (
        f"{' and '.join(counted)} were still improving at the end of their training, so the "
        "scores cannot be compared. Give the recipe more epochs, then train and audit the "
        "model again."
    )


def _left_out(runs: Runs) -> str:
    """Which seeds of which kind are missing, as sentences after a space; empty if none are."""
    wanted = {seed for kind in _KINDS.values() for seed in _known(runs, kind)}
    said = []
    for name, kind in _KINDS.items():
        diverged = runs.diverged.get(kind, set())
        missing = wanted - runs.models.get(kind, {}).keys() - diverged
        for seeds, what in ((diverged, "The training diverged"), (missing, "There is no model")):
            if seeds:
                said.append(f" {what} with {name} attention of {_seeds(seeds)}.")
    return "".join(said)


def _known(runs: Runs, kind: Kind) -> Iterable[int]:
    return (*runs.models.get(kind, {}), *runs.diverged.get(kind, ()))


def _seeds(seeds: Iterable[int]) -> str:
    several: Sequence[str] = [str(seed) for seed in sorted(seeds)]
    return f"seed{'' if len(several) == 1 else 's'} {', '.join(several)}"
