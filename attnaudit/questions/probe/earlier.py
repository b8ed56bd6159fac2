"""What a probe takes from earlier questions of a suite: the adversary that guides it."""

from __future__ import annotations

from pathlib import Path

from attnaudit.questions.model_adversary.choice import Adversary, choose
from attnaudit.questions.opening import open_records
from attnaudit.questions.probe.guides import read_guides
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.question import Earlier
from attnaudit.questions.runs import Runs, read_runs


def build_on(settings: ProbeSettings, earlier: Earlier) -> ProbeSettings:
    """With an adversary as a guide: the one that *hard to manipulate* chooses, if it was kept.

    There is none where no adversary keeps the budget of the seeds on dev, or where seed-baseline
    was not asked, which sets that budget. Raises InputError for records that cannot be read.
    """
    chosen = _chosen(settings, earlier)
    if chosen is None:
        return settings
    path = earlier.models / f"{chosen.name}{earlier.suffix}"
    if not path.exists():
        return settings
    guides = (*settings.guides, *read_guides([f"adversary={path}"]))
    return settings.model_copy(update={"guides": guides})


def _chosen(settings: ProbeSettings, earlier: Earlier) -> Adversary | None:
    seeds, adversaries = (
        _on_dev(earlier.records[name]) if name in earlier.records else None
        for name in ("seed-baseline", "model-adversary")
    )
    return choose(seeds, adversaries, settings.score)


def _on_dev(records: Path) -> Runs | None:
    """The trained models in a file of records, on dev."""
    return read_runs(r for r in open_records(records) if _is_on_dev(r)).get("dev")


def _is_on_dev(record: dict[str, object]) -> bool:
    run = record.get("run")
    return isinstance(run, dict) and run.get("split") == "dev"
