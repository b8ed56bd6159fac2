"""The kinds of models that `probe` trains: what they are called, and which of them are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.questions.probe.guides import CONTROLS, GUIDES
from attnaudit.questions.runs import Kind, Runs, kind_of

BASE_GUIDE, UNIFORM_GUIDE, ADVERSARY_GUIDE = (
    kind_of(guide=name) for name in ("base", "uniform", "adversary")
)
ATTENDED, OTHER = (kind_of(removed=arm) for arm in ("attended", "other"))
ARMS = {"removed_attended": ATTENDED, "removed_other": OTHER}  # by what metrics call them
# What was missing when records were made that have no such arms.
OLDER = (
    "an older version made these records and trained no models without the attended words: run "
    "probe again"
)


def called(kind: Kind) -> str:
    """What a kind is called in a sentence."""
    facts = dict(kind)
    if "guide" in facts:
        return f"the probe under the guide {facts['guide']}"
    return f"the model without {facts['removed']} words"


def is_older(runs: Runs) -> bool:
    """Whether the records come from a version that had another leak control."""
    return not any(kind in runs.models for kind in (ATTENDED, OTHER))


def kinds_of(runs: Runs, named: Sequence[str]) -> dict[str, Kind]:
    """All kinds that there should be, by what metrics call them; `named` are the checkpoints.

    Older records have neither controls nor arms.
    """
    older = is_older(runs)
    guides = (*GUIDES, *named, *(() if older else CONTROLS))
    kinds = {guide: kind_of(guide=guide) for guide in guides}
    return kinds if older else kinds | ARMS


def shared_seeds(runs: Runs, kinds: Mapping[str, Kind]) -> list[int]:
    """The seeds of all kinds, which are the same; raises ValueError that names what is missing."""
    seeds = sorted({seed for kind in kinds.values() for seed in runs.models.get(kind, {})})
    if not seeds:
        raise ValueError("there are no probes")
    lacking = [
        f"{called(kind)}, seed {', '.join(map(str, missing))}"
        for kind in kinds.values()
        if (missing := [seed for seed in seeds if seed not in runs.models.get(kind, {})])
    ]
    if lacking:
        raise ValueError(f"models are missing: {'; '.join(lacking)}")
    return seeds


def whole_texts(runs: Runs) -> list[bool]:
    """For each text whether no word was removed from it; empty where nothing says so.

    The arms remove as many words of a text, whatever the seed.
    """
    for kind in (ATTENDED, OTHER):
        for columns in runs.models.get(kind, {}).values():
            return [count == 0 for count in columns.words_removed]
    return []
